"""Steps that several providers take. Each says what the provider would make of a wrong answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from kubectl_scim.probe.client import Answer
from kubectl_scim.probe.session import Abandoned, Made, Probe, Step

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"

Place = tuple[str, ...]
"""Where an attribute is in a document: ("name", "givenName")."""


@dataclass(frozen=True, slots=True)
class Resource:
    path: str
    """/Users/ID"""

    id: str
    document: dict[str, Any]


def listed(probe: Probe, name: str, path: str, *, most: int | None = None) -> None:
    """A page of a list."""
    with probe.step(name) as step:
        resources = _resources(step, step.request("GET", path))
        if most is not None and len(resources) > most:
            step.warn(
                f"count={most} was asked for and {len(resources)} came: {probe.who} reads page by page,"
                " and everything comes with every page"
            )


def look_up(probe: Probe, name: str, endpoint: str, filter_: str, ids: Sequence[str], *, optional: str = "") -> None:
    """Exactly these are found. `optional` says when the provider sends the filter: then it is but warned of."""
    with probe.step(name) as step:
        path = f"{endpoint}{'&' if '?' in endpoint else '?'}filter={probe.encoded(filter_)}"
        object_to = step.complain
        if optional:
            answer = probe.client.request("GET", path)
            if answer.status != 200:
                step.warn(f"filter={filter_} is answered {answer.status}: {optional}")
                return
            object_to = step.warn
        else:
            answer = step.request("GET", path)
        found = [str(resource.get("id")) for resource in _resources(step, answer)]
        if not ids and found:
            then = f"the filter isn't applied; {probe.who} would take a stranger for the one that it looks for"
            object_to(f"filter={filter_} finds {len(found)}, though there is none such: {optional or then}")
        elif ids and sorted(found) != sorted(ids):
            again = "create it a second time" if len(found) < len(ids) else "not know which to take"
            then = f"{probe.who} would {again}"
            object_to(f"filter={filter_} finds {len(found)} instead of {len(ids)}: {optional or then}")


def create(probe: Probe, name: str, endpoint: str, attribute: str, body: dict[str, Any]) -> Resource:
    """Raises `Abandoned` where nothing usable was made."""
    made = Made(endpoint.rstrip("?"), attribute, body[attribute])
    with probe.step(name) as step:
        # Before the request: it may be answered by nothing, and have made it nevertheless.
        probe.made.append(made)
        answer = step.request("POST", endpoint, body, expected=(201, 200), made=made)
        document = step.document(answer)
        resource_id = document.get("id")
        if not isinstance(resource_id, str) or not resource_id:
            step.fail(f"the answer has no id (a string); {probe.who} can't change or remove what it doesn't know")
        made.id = str(resource_id)
        if answer.status == 200:
            step.warn("a creation is answered 200; the standard's status is 201")
        if not answer.headers.get("Location"):
            step.warn("a creation is answered without a Location header")
        if document.get(attribute) != body[attribute]:
            step.complain(f"{attribute} is {document.get(attribute)!r} in the answer; {body[attribute]!r} was sent")
        return Resource(f"{made.endpoint}/{quote(made.id, safe='')}", made.id, document)
    raise Abandoned


def refuses_duplicate(probe: Probe, name: str, endpoint: str, attribute: str, body: dict[str, Any]) -> None:
    """The same again is 409."""
    with probe.step(name) as step:
        answer = probe.client.request("POST", endpoint, body)
        if answer.status in (200, 201):
            created = answer.json
            twin = created.get("id") if isinstance(created, dict) else None
            if not any(made.id == twin for made in probe.made):
                known = twin if isinstance(twin, str) and twin else None
                probe.made.append(Made(endpoint.rstrip("?"), attribute, body[attribute], known))
            step.fail(
                f"the same {attribute} again is answered {answer.status}: a retry of {probe.who} makes duplicates"
            )
        if answer.status != 409:
            step.fail(f"the same {attribute} again is answered {answer.status}; {probe.who} understands 409 only")
        _check_error(step, answer)


def read(probe: Probe, name: str, path: str) -> dict[str, Any]:
    """The resource. Raises `Abandoned`."""
    with probe.step(name) as step:
        return step.document(step.request("GET", path))
    raise Abandoned


def put(probe: Probe, name: str, path: str, body: dict[str, Any], expect: Mapping[Place, Any]) -> None:
    with probe.step(name) as step:
        step.document(step.request("PUT", path, body))
        _verify(step, path, expect)


def patch(
    probe: Probe,
    name: str,
    path: str,
    operations: Sequence[dict[str, Any]],
    *,
    expect: Mapping[Place, Any] | None = None,
    members: set[str] | None = None,
    prefers: int | None = None,
    why: str = "",
) -> None:
    """`prefers` is the status that the provider would rather have, and `why` says so."""
    with probe.step(name) as step:
        body = {"schemas": [PATCH_OP], "Operations": list(operations)}
        answer = step.request("PATCH", path, body, expected=(200, 204))
        if answer.status == 200:
            step.document(answer)
        if prefers is not None and answer.status != prefers:
            step.warn(f"PATCH is answered {answer.status}: {why}")
        _verify(step, path, expect or {})
        if members is not None:
            _verify_members(step, path, members)


def has_members(probe: Probe, name: str, path: str, members: set[str]) -> None:
    with probe.step(name) as step:
        _verify_members(step, path, members)


def delete(probe: Probe, name: str, path: str) -> None:
    with probe.step(name) as step:
        answer = step.request("DELETE", path, expected=(204, 200, 202))
        if answer.status != 204:
            step.warn(f"DELETE is answered {answer.status}; the standard's status is 204")


def is_gone(probe: Probe, name: str, path: str, *, method: str = "GET") -> None:
    with probe.step(name) as step:
        answer = probe.client.request(method, path)
        if answer.status != 404:
            step.fail(f"{method} of what was deleted is answered {answer.status}; {probe.who} expects 404")
        _check_error(step, answer)


def discovery(probe: Probe, name: str, path: str, *, fatal: str = "", otherwise: str = "") -> dict[str, Any]:
    """A document of the discovery endpoints, or an empty one: `fatal` or `otherwise` says what the provider does
    without it."""
    with probe.step(name) as step:
        answer = probe.client.request("GET", path)
        if answer.status in (401, 403):
            step.request("GET", path)
        document = answer.json if answer.status == 200 else None
        if isinstance(document, dict):
            step.check_form(answer)
            return document
        object_to = step.complain if fatal else step.warn
        what = "no JSON object" if answer.status == 200 else str(answer.status)
        object_to(f"{path} is answered with {what}: {fatal or otherwise}")
    return {}


def _resources(step: Step, answer: Answer) -> list[dict[str, Any]]:
    document = step.document(answer)
    total, resources = document.get("totalResults"), document.get("Resources", [])
    if isinstance(total, bool) or not isinstance(total, int):
        step.fail(f"totalResults is {total!r} in the list; {step.probe.who} expects a number")
    if not isinstance(resources, list) or not all(isinstance(item, dict) for item in resources):
        step.fail(f"Resources isn't a list of objects; {step.probe.who} can't read the list")
    if total and not resources:
        step.fail(f"totalResults is {total} and Resources is empty or missing")
    if "Resources" not in document:
        step.warn("an empty list comes without Resources, which some clients stumble over")
    found: list[dict[str, Any]] = resources
    return found


def _verify(step: Step, path: str, expect: Mapping[Place, Any]) -> None:
    """What was written is there. A write that is answered well and changes nothing is the worst answer."""
    if not expect:
        return
    document = step.document(step.request("GET", path))
    for place, value in expect.items():
        actual: Any = document
        for key in place:
            actual = actual.get(key) if isinstance(actual, dict) else None
        if actual != value:
            step.complain(
                f"the request is answered as done, but {'.'.join(place)} is {actual!r} instead of {value!r}"
            )


def _verify_members(step: Step, path: str, members: set[str]) -> None:
    document = step.document(step.request("GET", path))
    listed_members = document.get("members") or []
    actual = {str(member.get("value")) for member in listed_members if isinstance(member, dict)}
    if actual != members:
        lost, more = len(members - actual), len(actual - members)
        step.complain(
            f"the group has {len(actual)} members afterwards instead of {len(members)}:"
            f" {lost} missing, {more} too many"
        )


def _check_error(step: Step, answer: Answer) -> None:
    document = answer.json
    schemas = document.get("schemas") if isinstance(document, dict) else None
    if not isinstance(schemas, list) or ERROR not in schemas:
        step.warn(f"an error ({answer.status}) comes without the schema {ERROR}, so that logs show no reason")
