"""How many examples hypothesis makes up: few in `make test`, many in `make fuzz`."""

import os

from hypothesis import HealthCheck, settings

_USUAL = 100
_TIMES = int(os.environ.get("FUZZ", "1"))


def load_profile() -> None:
    """How fast a machine is proves nothing about the code: no test may fail for it."""
    settings.register_profile(
        "any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=_USUAL * _TIMES
    )
    settings.load_profile("any-machine")


def few(count: int) -> int:
    """For examples that take long: so many in `make test`, and as many times more in `make fuzz` as of others."""
    return count * _TIMES
