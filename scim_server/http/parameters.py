"""Query strings, read tolerantly.

Providers append to whatever base URL people gave them: OneLogin leaves a `&` or `?` at the end, Entra ID's base
URL may hold a flag (`?aadOptscim062020`), `+` is a space. Unknown parameters are ignored, names compare without
case. Generated clients send every parameter; one without a value is as if it weren't there, but for `cursor`, whose
empty value asks for the first page.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from scim_server.directory.caller import Caller
from scim_server.directory.lists import ListRequest
from scim_server.http.features import FEATURES
from scim_server.scim.effective_schema import EFFECTIVE_URN
from scim_server.scim.errors import InvalidPath, InvalidValue
from scim_server.scim.filter.parser import parse
from scim_server.scim.paging import parse_page
from scim_server.scim.path import AttributePath, UnresolvedPath, resolve
from scim_server.scim.resource import Projection, split_names
from scim_server.scim.schema import JsonObject, ResourceType
from scim_server.scim.values import shown
from scim_server.storage.records import Query

_MAX_PARAMETERS = 100
_LONGEST_NAMES = 16_384
"""Characters of `attributes` or `excludedAttributes`: as of a filter, more than a URL carries."""
_SHOWN_TO_READERS = (EFFECTIVE_URN, "members.value", "members.$ref", "members.type", "members.display")


class Parameters:
    """The parameters of one request, by name in lower case; see `of_url` and `of_search`."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    @classmethod
    def of_url(cls, request: Request) -> "Parameters":
        """Of a repeated parameter the first counts. Raises InvalidValue."""
        query: bytes = request.scope["query_string"]
        if not query:
            return _NONE
        try:
            pairs = parse_qsl(
                query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
            )
        except ValueError:
            raise InvalidValue("the query string isn't percent-encoded UTF-8, or has too many parameters") from None
        return cls({name.lower(): value for name, value in reversed(pairs)})

    @classmethod
    def of_search(cls, body: JsonObject) -> "Parameters":
        """Of the body of a POST to `.search` (RFC 7644 §3.4.3). Raises InvalidValue."""
        values = {name.lower(): value for name, value in body.items() if value is not None}
        for name in ("filter", "sortBy", "sortOrder", "cursor"):
            if not isinstance(values.get(name.lower(), ""), str):
                raise InvalidValue(f"{name}: a string is expected", attribute=name, reason="a string is expected")
        for name in ("startIndex", "count"):
            if type(values.get(name.lower(), 0)) not in (int, str):
                raise InvalidValue(f"{name}: an integer is expected", attribute=name, reason="an integer is expected")
        for name in ("attributes", "excludedAttributes"):
            names = values.get(name.lower(), [])
            if not isinstance(names, str) and not (
                isinstance(names, list) and all(isinstance(n, str) for n in names)
            ):
                raise InvalidValue(
                    f"{name}: an array of strings is expected",
                    attribute=name,
                    reason="an array of strings is expected",
                )
            values[name.lower()] = _attribute_names(name, names)
        return cls(values)

    def text(self, name: str) -> str | None:
        """None where it has no value."""
        return str(self._values.get(name.lower(), "")).strip() or None

    @property
    def names_attributes(self) -> bool:
        """Whether the client says which attributes an answer shall have."""
        return bool(self._names("attributes") or self._names("excludedAttributes"))

    def projection(self, caller: Caller, resource_type: ResourceType) -> Projection:
        """A credential with read access is shown what is returned on request without asking, unless it asks."""
        asked = self._names("attributes")
        if caller.reads_effective:
            asked += tuple(f"{EFFECTIVE_URN}:{name}" for name in asked if name.partition(".")[0].lower() == "roles")
        return caller.tenant.caches.projections.of(
            caller.tenant.key,
            resource_type,
            asked,
            self._names("excludedAttributes"),
            _SHOWN_TO_READERS if caller.reads_effective and not asked else (),
        )

    def list_request(self, caller: Caller, resource_type: ResourceType) -> ListRequest:
        """Raises InvalidFilter, InvalidPath, InvalidValue, InvalidCount, InvalidCursor."""
        strict = caller.tenant.strict
        for name in ("startIndex", "count") if strict else ():
            if not str(self._values.get(name.lower(), 1)).strip():
                raise InvalidValue(f"{name}: an integer is expected", attribute=name, reason="an integer is expected")
        page = parse_page(
            self._values.get("startindex"),
            self._values.get("count"),
            self._values.get("cursor"),
            default_count=FEATURES.default_page_size,
            max_count=FEATURES.max_results,
        )
        text = self._values.get("filter", "").strip()
        order = self._values.get("sortorder", "ascending").strip().lower()
        if not order and not strict:
            order = "ascending"
        if order not in ("ascending", "descending"):
            raise InvalidValue(
                f"sortOrder: ascending or descending is expected, not {shown(order)}", attribute="sortOrder"
            )
        sort_by = self._values.get("sortby", "").strip()
        query = Query(
            filter=parse(text, resource_type, strict=strict)
            if text or (strict and "filter" in self._values)
            else None,
            sort_by=_sort_by(sort_by, resource_type, strict=strict),
            descending=order == "descending",
        )
        means = " ".join(name for name, _ in resource_type.preferred)  # the same text asks readers for another list
        return ListRequest(query, page, "\0".join((text, sort_by.lower(), order, means)))

    def _names(self, parameter: str) -> tuple[str, ...]:
        return _attribute_names(parameter, self._values.get(parameter.lower(), ""))


_NONE = Parameters({})


def _attribute_names(parameter: str, given: str | Sequence[str]) -> tuple[str, ...]:
    """Raises InvalidValue for more of them than any request needs."""
    size = len(given) if isinstance(given, str) else sum(map(len, given)) + len(given)
    if size > _LONGEST_NAMES:
        raise InvalidValue(
            f"{parameter}: {size} characters; at most {_LONGEST_NAMES} are accepted",
            attribute=parameter,
            reason="too long",
        )
    return split_names(given)


def _sort_by(name: str, resource_type: ResourceType, *, strict: bool) -> AttributePath | None:
    if not name:
        return None
    try:
        path = resolve(name, resource_type, strict=strict)
    except UnresolvedPath as error:
        raise InvalidPath(
            f"sortBy: {shown(name)}: {error.reason}", attribute="sortBy", reason="unknown attribute"
        ) from None
    if path.target.returned == "never":
        # An order tells what it goes by.
        raise InvalidPath(
            f"sortBy: {path} is never returned, so it can't be sorted by", attribute="sortBy", reason="never returned"
        )
    if path.target.type == "complex" and path.target.sub_attribute("value") is None:
        raise InvalidPath(
            f"sortBy: {path} is complex: sort by one of its sub-attributes", attribute="sortBy", reason="complex"
        )
    return path
