"""One probe: its steps, the complaints, and what it has made and must take away again."""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import quote, quote_plus

from kubectl_scim.probe.client import Answer, Client, NoAnswer

_SCIM = "application/scim+json"
_LONGEST_QUOTE = 200
_LONGEST_LINE = 600
_UNDO_SECONDS = 10
_LATE_CREATIONS = 3
"""How often what an unanswered request may have made is looked for, a second apart."""


class StepFailed(Exception):
    """The step has its complaint; the next one can be taken."""


class Abandoned(Exception):
    """Without this step nothing further can be played."""


@dataclass(frozen=True, slots=True)
class Complaint:
    fails: bool
    """The provider fails here, or works on what is wrong. Otherwise: it goes on."""

    text: str


@dataclass(slots=True)
class Made:
    """A user or group that a request has made, or may have."""

    endpoint: str
    attribute: str
    name: str
    id: str | None = None
    answered: bool = False
    """The request has had its answer: whatever it made is there by now."""


class Step:
    """What is sent and found in one step."""

    def __init__(self, probe: "Probe", name: str) -> None:
        self.probe = probe
        self.name = name
        self.complaints: list[Complaint] = []

    def fail(self, text: str) -> NoReturn:
        """The provider fails here: the step ends."""
        self.complain(text)
        raise StepFailed

    def complain(self, text: str) -> None:
        """The provider fails here; the step goes on."""
        self._add(Complaint(True, text))

    def warn(self, text: str) -> None:
        self._add(Complaint(False, text))

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        expected: tuple[int, ...] = (200,),
        made: Made | None = None,
    ) -> Answer:
        """An answer with one of these statuses. What no provider takes ends the step, or the probe."""
        answer = self.probe.client.request(method, path, body)
        if made is not None:
            made.answered = True
        if answer.status in expected:
            self.check_form(answer)
            return answer
        who, sent = self.probe.who, f"{method} {path.partition('?')[0]}"
        if answer.status in (401, 403):
            self.complain(f"{sent}: the server refuses the token with {answer.status}{self._quoted(answer)}")
            raise Abandoned
        if 300 <= answer.status < 400:
            where = self._printable(str(answer.headers.get("Location", "elsewhere")))
            self.complain(f"{sent}: the server redirects to {where}; {who} doesn't follow: enter the final URL")
            raise Abandoned
        if answer.status == 404 and not answer.detail and not isinstance(answer.json, dict):
            self.complain(f"{sent}: 404, and not as SCIM answers it: is the base URL right?")
            raise StepFailed
        wanted = " or ".join(map(str, expected))
        self.complain(f"{sent}: {who} expects {wanted}, the answer is {answer.status}{self._quoted(answer)}")
        raise StepFailed

    def document(self, answer: Answer) -> dict[str, Any]:
        """The JSON object of an answer."""
        if not answer.body:
            self.fail(f"the body is empty; {self.probe.who} reads the resource there")
        document = answer.json
        if not isinstance(document, dict):
            self.fail(f"the body is no JSON object: {self._printable(answer.body[:60].decode(errors='replace'))}")
        return document

    def check_form(self, answer: Answer) -> None:
        if answer.status == 204 or not answer.body:
            return
        kind = answer.content_type
        if kind == "application/json":
            self.warn(f"Content-Type is application/json; the standard's is {_SCIM}")
        elif kind != _SCIM:
            self.complain(f"Content-Type is {kind or 'missing'}; {self.probe.who} expects {_SCIM}")

    def _add(self, complaint: Complaint) -> None:
        """A warning once in a probe: the same one may be true of every answer."""
        complaint = Complaint(complaint.fails, self.probe.printable(complaint.text, _LONGEST_LINE))
        if complaint.fails or complaint.text not in self.probe.warned:
            self.complaints.append(complaint)
        if not complaint.fails:
            self.probe.warned.add(complaint.text)

    def _quoted(self, answer: Answer) -> str:
        return f': "{self._printable(answer.detail)}"' if answer.detail else ""

    def _printable(self, text: str) -> str:
        return self.probe.printable(text, _LONGEST_QUOTE)


@dataclass
class Probe:
    """`say` prints a line. `secret` is never printed."""

    who: str
    client: Client
    secret: str
    say: Callable[[str], None]
    plus_for_space: bool = False
    """In filters: `+` rather than `%20`."""

    made: list[Made] = field(default_factory=list)
    complaints: list[Complaint] = field(default_factory=list)
    warned: set[str] = field(default_factory=set)
    steps: int = 0
    tag: str = field(default_factory=lambda: f"scim-probe-{secrets.token_hex(4)}")
    """What the names of everything begin with that this probe makes."""

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        step = Step(self, name)
        try:
            yield step
        except StepFailed:
            pass
        except NoAnswer as error:
            step.complain(str(error))
            self._report(step)
            raise Abandoned from None
        except Abandoned:
            self._report(step)
            raise
        self._report(step)

    def _report(self, step: Step) -> None:
        self.steps += 1
        self.complaints += step.complaints
        fails = any(complaint.fails for complaint in step.complaints)
        self.say(f"  {'FAILS' if fails else 'warns' if step.complaints else 'ok':6} {step.name}")
        for complaint in step.complaints:
            self.say(f"         {complaint.text}")

    def printable(self, text: str, longest: int) -> str:
        """A server's text on one's own terminal: one line, nothing that moves the cursor, and no token in it."""
        return re.sub(r"[^ -~\u00a0-\ud7ff\ue000-\U0010ffff]+", " ", text.replace(self.secret, "…"))[:longest]

    def encoded(self, filter_: str) -> str:
        return quote_plus(filter_) if self.plus_for_space else quote(filter_, safe="")

    def undo(self) -> list[str]:
        """Delete what was made, groups first. What can't be deleted is named, a line each."""
        self.client.seconds = min(self.client.seconds, _UNDO_SECONDS)
        left: list[str] = []
        for made in sorted(self.made, key=lambda made: made.endpoint):
            try:
                left += self._undo(made)
            except NoAnswer as error:
                left.append(f"{made.endpoint} {made.attribute} {made.name}: {error}")
        return [self.printable(line, _LONGEST_LINE) for line in left]

    def _undo(self, made: Made) -> Iterator[str]:
        for resource_id in [made.id] if made.id is not None else self._looked_up(made):
            path = f"{made.endpoint}/{quote(resource_id, safe='')}"
            answer = self.client.request("DELETE", path)
            if answer.status not in (200, 202, 204, 404):
                yield f"{path} ({made.name}): DELETE is answered {answer.status}"

    def _looked_up(self, made: Made) -> list[str]:
        """The ids of what a request has made whose answer didn't come, or couldn't be read."""
        filter_ = f'{made.attribute} eq "{made.name}"'
        path = f"{made.endpoint}?filter={self.encoded(filter_)}"
        for attempt in range(1 if made.answered else _LATE_CREATIONS):
            if attempt:
                time.sleep(1)
            document = self.client.request("GET", path).json
            resources = document.get("Resources") if isinstance(document, dict) else None
            found = [
                str(resource["id"])
                for resource in (resources if isinstance(resources, list) else ())
                # The server may not understand the filter: nothing but what bears the name is touched.
                if isinstance(resource, dict) and "id" in resource and resource.get(made.attribute) == made.name
            ]
            if found:
                return found
        return []
