"""Attacks and loads that take minutes: `make soak`. Not part of `make test`.

Each is a pytest module here, with the fixtures of `tests/conftest.py`. What can be shown in seconds belongs to
`tests/`.
"""
