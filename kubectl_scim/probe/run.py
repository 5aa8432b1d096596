"""One probe from its start to its exit status."""

import signal
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from kubectl_scim.probe.client import Client, is_loopback
from kubectl_scim.probe.providers import Provider
from kubectl_scim.probe.session import Abandoned, Probe

SUCCESS = 0
WOULD_FAIL = 1
"""Also where something is left behind."""
INTERRUPTED = 130
_ENDING = [signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Windows has no SIGHUP."""


def run_probe(
    provider: Provider,
    base_url: str,
    authorization: str,
    *,
    tls: ssl.SSLContext,
    say: Callable[[str], None],
) -> int:
    """Play `provider` against the base URL, undo it, say what became of it; returns the exit status."""
    headers = {
        "Authorization": authorization,
        "User-Agent": provider.user_agent,
        "Accept": "application/scim+json",
        "Content-Type": provider.content_type,
    }
    client = Client(base_url, headers, seconds=provider.seconds, tls=tls)
    secret = authorization.partition(" ")[2]
    probe = Probe(provider.name, client, secret, say, plus_for_space=provider.plus_for_space)
    say(f"Playing {provider.name} against {base_url}")
    say(f"All that it makes is called {probe.tag}… and deleted at the end.")
    if provider.note:
        say(provider.note)
    interrupted = abandoned = False
    with _interruptible() as ignore_interrupts:
        try:
            _play(provider, probe)
            ignore_interrupts()
        except Abandoned:
            abandoned = True
        except KeyboardInterrupt:
            interrupted = True
            say("  interrupted: undoing")
        except BaseException:  # the terminal that is written to is gone, for instance
            ignore_interrupts()
            probe.undo()
            raise
        ignore_interrupts()
        left = probe.undo()
        return _conclude(probe, left, interrupted=interrupted, abandoned=abandoned)


def _play(provider: Provider, probe: Probe) -> None:
    base = probe.client.base
    if base.scheme == "http" and not is_loopback(base.hostname):
        with probe.step("HTTPS") as step:
            step.complain(f"the URL begins with http://, so the token travels openly: {probe.who} calls https only")
    provider.play(probe)


def _conclude(probe: Probe, left: list[str], *, interrupted: bool, abandoned: bool) -> int:
    if left:
        probe.say("Left behind, delete it at the server:")
        for line in left:
            probe.say(f"  {line}")
    elif probe.made:
        probe.say("What it made is deleted again.")
    if interrupted:
        return INTERRUPTED
    failing = sum(complaint.fails for complaint in probe.complaints)
    warnings = len(probe.complaints) - failing
    told = f"{failing} {'complaint' if failing == 1 else 'complaints'}, {warnings} {_warnings(warnings)}"
    if failing:
        rest = "; the rest was not tried" if abandoned else ""
        probe.say(f"{_capital(probe.who)} would fail: {told} in {probe.steps} steps{rest}.")
        return WOULD_FAIL
    probe.say(f"{_capital(probe.who)} would be content: {told} in {probe.steps} steps.")
    return WOULD_FAIL if left else SUCCESS


def _warnings(count: int) -> str:
    return "warning" if count == 1 else "warnings"


def _capital(text: str) -> str:
    return text if text == "authentik" else text[0].upper() + text[1:]


@contextmanager
def _interruptible() -> Iterator[Callable[[], None]]:
    """The end of a terminal or a session is like Ctrl-C: once, and not after what this yields was called.

    A second one would leave behind what the first one is undoing; each request of that ends by itself.
    """
    heeded = True

    def ignore() -> None:
        nonlocal heeded
        heeded = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        if heeded:
            ignore()
            raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _ENDING}
    try:
        yield ignore
    finally:
        for number, former in before.items():
            signal.signal(number, former)
