"""What local mode says on the terminal: what changed and what is wrong, and nothing while all is quiet."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from rich.console import Console
from rich.text import Text

from scim_operator.manifests.printable import printable


class Reporter:
    """News go to standard output, problems to standard error."""

    def __init__(self, output: Console, errors: Console) -> None:
        self.output = output
        self._errors = errors
        self._warnings: tuple[str, ...] = ()
        self._broken = False

    def note(self, text: str) -> None:
        _print(self.output, text, "dim")

    def change(self, text: str) -> None:
        _print(self.output, f"{_time()} {text}")

    def warnings(self, current: Sequence[str]) -> None:
        """Tell those that are new since the last call, and those that no longer hold."""
        for text in current:
            if text not in self._warnings:
                _print(self._errors, f"{_time()} {text}", "yellow")
        for text in self._warnings:
            if text not in current:
                _print(self.output, f"{_time()} solved: {text}", "green")
        self._warnings = tuple(current)

    def broken(self, problems: Iterable[str]) -> None:
        """The manifests can't be used; what was served before goes on."""
        self._broken = True
        for problem in problems:
            _print(self._errors, f"{_time()} {problem}", "red")
        _print(self._errors, f"{_time()} nothing is changed until this is put right", "dim")

    def usable(self, warnings: Sequence[str]) -> None:
        """The manifests can be used, apart from what `warnings` say: worth a word only after they could not."""
        if self._broken:
            self._broken = False
            but = f", apart from {len(warnings)} warning{'s' if len(warnings) > 1 else ''}" if warnings else ""
            self.change(f"the manifests are {'in effect' if warnings else 'valid'} again{but}")


def _print(console: Console, text: str, style: str = "") -> None:
    # One line each, however long: it may be read by a program.
    console.print(Text(printable(text), style), soft_wrap=True)


def _time() -> str:
    return f"{datetime.now().astimezone():%H:%M:%S}"
