"""What every module here may ask for: the fixtures of the tests."""

pytest_plugins = ("tests.conftest",)
