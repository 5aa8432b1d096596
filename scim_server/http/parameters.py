"""Query strings, read tolerantly.

Providers append to whatever base URL people gave them: OneLogin leaves a `&` or `?` at the end, Entra ID's base
URL may hold a flag (`?aadOptscim062020`), `+` is a space. Unknown parameters are ignored, names compare without
case.
"""

from urllib.parse import parse_qsl

from starlette.requests import Request

from scim_server.directory.caller import Caller
from scim_server.http.features import FEATURES
from scim_server.scim.effective import EFFECTIVE_URN
from scim_server.scim.errors import InvalidPath, InvalidValue
from scim_server.scim.filter.parser import parse
from scim_server.scim.paging import parse_page
from scim_server.scim.path import AttributePath, UnresolvedPath, resolve
from scim_server.scim.resource import Projection
from scim_server.scim.schema import ResourceType
from scim_server.scim.values import shown
from scim_server.storage.protocol import Query

_MAX_PARAMETERS = 100


class Parameters:
    """The parameters of one request; of a repeated one the first counts."""

    __slots__ = ("_values",)

    def __init__(self, request: Request) -> None:
        query: bytes = request.scope["query_string"]
        self._values: dict[str, str] = {}
        if not query:
            return
        try:
            pairs = parse_qsl(
                query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS
            )
        except ValueError:
            raise InvalidValue("the query string isn't percent-encoded UTF-8, or has too many parameters") from None
        for name, value in pairs:
            self._values.setdefault(name.lower(), value)

    @property
    def names_attributes(self) -> bool:
        """Whether the client says which attributes an answer shall have."""
        return "attributes" in self._values or "excludedattributes" in self._values

    def projection(self, caller: Caller, resource_type: ResourceType) -> Projection:
        return Projection(
            resource_type,
            self._values.get("attributes"),
            self._values.get("excludedattributes"),
            EFFECTIVE_URN if caller.reads_effective and "attributes" not in self._values else None,
        )

    def query(self, resource_type: ResourceType) -> Query:
        """Raises InvalidFilter, InvalidPath, InvalidValue."""
        page = parse_page(
            self._values.get("startindex"),
            self._values.get("count"),
            default_count=FEATURES.default_page_size,
            max_count=FEATURES.max_results,
        )
        text = self._values.get("filter", "").strip()
        order = self._values.get("sortorder", "ascending").strip().lower()
        if order not in ("ascending", "descending"):
            raise InvalidValue(f"sortOrder: ascending or descending is expected, not {shown(order)}")
        return Query(
            filter=parse(text, resource_type) if text else None,
            start_index=page.start_index,
            count=page.count,
            sort_by=_sort_by(self._values.get("sortby", "").strip(), resource_type),
            descending=order == "descending",
        )


def _sort_by(name: str, resource_type: ResourceType) -> AttributePath | None:
    if not name:
        return None
    try:
        return resolve(name, resource_type)
    except UnresolvedPath as error:
        raise InvalidPath(f"sortBy: {shown(name)}: {error.reason}") from None
