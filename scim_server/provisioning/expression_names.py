"""Names of user attributes in an expression: those that no user can have are told to the author."""

from scim_server.config import UserAttributes
from scim_server.config.user_attributes import CORE_URN
from scim_server.provisioning.expression_text import Reference, error_at, read_text, suggestion

_OF_RESOURCES = ("id",)
_LIST_HINT = "; it is a list: take an element, as in {name}[0].{part}, or filter it"


def check_names(text: str, attributes: UserAttributes) -> None:
    """Raises `InvalidExpression`. SCIM compares names without case, CEL with: the schemas' spelling."""
    for reference in read_text(text).references:
        reason = _unknown(reference, attributes)
        if reason is not None:
            raise error_at(text, reference.start, reason)


def _unknown(reference: Reference, attributes: UserAttributes) -> str | None:
    if reference.urn is not None and not reference.urn.lower().startswith("urn:"):
        named = Reference(None, reference.urn, reference.name, reference.start)  # user["title"] is user.title
        return _unknown(named, attributes)
    urn = CORE_URN if reference.urn is None else reference.urn
    names = attributes.names_of(urn)
    if names is None:
        known = attributes.extension_urns
        return f"unknown schema {urn!r}{suggestion(urn, known)}; schemas are {', '.join(known)}"
    if reference.name is None or (reference.urn is None and reference.name in _OF_RESOURCES):
        return None
    if reference.name == "groups" and reference.urn is None:
        return "user.groups: an expression doesn't see groups; name them in `groups` or `fromGroups`"
    attribute = names.get(reference.name)
    if attribute is None:
        return f"unknown attribute {reference.name!r}{_elsewhere(reference, attributes, list(names))}"
    if reference.part is not None and attribute.multi_valued:
        return f"unknown attribute {reference.part!r}" + _LIST_HINT.format(name=reference.name, part=reference.part)
    if reference.part is not None and reference.part not in attribute.parts:
        return f"unknown attribute '{reference.name}.{reference.part}'{suggestion(reference.part, attribute.parts)}"
    return None


def _elsewhere(reference: Reference, attributes: UserAttributes, known: list[str]) -> str:
    close = suggestion(reference.name or "", known)
    if close or reference.urn is not None:
        return close
    for urn in attributes.extension_urns:
        if reference.name in (attributes.names_of(urn) or {}):
            return f'; did you mean user["{urn}"].{reference.name}?'
    return ""
