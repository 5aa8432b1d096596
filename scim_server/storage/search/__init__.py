"""Filters and pages as SQL: `Query` in, parameterised statements out.

`compiler` walks the filter; `users` and `groups` say which attributes live elsewhere than in the document;
`sql_builder` is what all of them write conditions with; `dialect` names what the databases write differently. `page`
runs the statements. What a filter means is said by `scim.filter.matches`.
"""

from scim_server.storage.search.groups import GROUPS
from scim_server.storage.search.page import SEARCH_SECONDS, FittingRows, read_page
from scim_server.storage.search.searchable import Searchable
from scim_server.storage.search.statement import CompiledSearch, compile_search
from scim_server.storage.search.users import APPLIED_USERS, USERS, USERS_AS_APPLIED

__all__ = [
    "APPLIED_USERS",
    "GROUPS",
    "SEARCH_SECONDS",
    "USERS",
    "USERS_AS_APPLIED",
    "CompiledSearch",
    "FittingRows",
    "Searchable",
    "compile_search",
    "read_page",
]
