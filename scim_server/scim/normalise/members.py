"""Members of a group. Only ids matter: they are unique over users and groups, so `type` decides nothing.

A group may have 100,000 members, so the usual shape is read by the shortest way.
"""

from typing import Any

from scim_server.scim.normalise.json_text import json_in_string
from scim_server.scim.normalise.mismatch import Mismatch
from scim_server.scim.references import id_from_reference
from scim_server.scim.schema import JsonObject
from scim_server.scim.values import is_storable


def parse_members(value: Any) -> list[JsonObject]:
    """`[{"value": id}, …]` in the order sent; null is no members. Raises Mismatch."""
    value = members_in_an_object(json_in_string(value))
    if value is None:
        return []
    entries = value if isinstance(value, list) else [value]  # a scalar for a multi-valued attribute
    ids: list[str] = []
    for entry in entries:
        member_id = entry.get("value") if type(entry) is dict else None
        ids.append(member_id if member_id and type(member_id) is str else _member_id(entry))
    if not is_storable("".join(ids)):
        raise Mismatch("ids without NUL and lone surrogates", value)
    return [{"value": member_id} for member_id in ids]


def take_members(document: JsonObject) -> frozenset[str] | None:
    """Take the members out of a normalised group: their ids, or None where the body didn't name members at all."""
    members = document.pop("members", None)
    return None if members is None else frozenset(member["value"] for member in members)


def members_in_an_object(value: Any) -> Any:
    """`{"members": […]}` at the path `members`: ConnId sends it to Salesforce and WSO2, whose servers expect it."""
    if isinstance(value, dict) and len(value) == 1:
        ((key, inner),) = value.items()
        return json_in_string(inner) if key.lower() == "members" else value
    return value


def _member_id(entry: Any) -> str:
    """The id of an entry in an unusual shape: a bare id, other case, `$ref` without `value`, JSON in a string."""
    entry = json_in_string(entry)
    if isinstance(entry, str) and entry:
        return entry
    if isinstance(entry, dict):
        by_name = {key.lower(): inner for key, inner in entry.items()}
        member_id, reference = by_name.get("value"), by_name.get("$ref")
        if isinstance(member_id, str) and member_id:
            return member_id
        if member_id in (None, "") and isinstance(reference, str) and (found := id_from_reference(reference)):
            return found
    raise Mismatch('an object with the member\'s id: {"value": "…"}', entry)
