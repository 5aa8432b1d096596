"""Groups: what a filter may ask that isn't in their documents, and what indexes answer."""

from scim_server.scim.core_schemas import GROUP_URN
from scim_server.storage.ids import is_id
from scim_server.storage.index_keys import folded_key, index_key
from scim_server.storage.search.searchable import (
    FALSE,
    Column,
    Id,
    IndexUse,
    Meta,
    Rows,
    Schemas,
    Searchable,
    Shortcut,
)
from scim_server.storage.search.sql_builder import SqlBuilder


def _members(builder: SqlBuilder, condition: str) -> str:
    """Of the group's direct members."""
    tenant, dialect = builder.tenant, builder.dialect
    user, group = dialect.document("mu"), dialect.document("mg")
    display = f"coalesce({user.child('displayName').text(exact=False)}, {user.child('userName').text(exact=False)})"
    return f"""EXISTS (
        SELECT 1 FROM (
            SELECT mu.id AS id, 'user' AS kind, {display} AS display
            FROM memberships m CROSS JOIN users mu
            WHERE mu.tenant = {tenant} AND mu.id = m.user_id AND m.tenant = {tenant} AND m.group_id = g.id
            UNION ALL
            SELECT mg.id, 'group', {group.child("displayName").text(exact=False)}
            FROM nestings n CROSS JOIN groups mg
            WHERE mg.tenant = {tenant} AND mg.id = n.child_id AND n.tenant = {tenant} AND n.group_id = g.id
        ) AS member WHERE {condition}
    )"""


def _has_member(builder: SqlBuilder, member_id: str) -> str:
    if not is_id(member_id):
        return FALSE
    tenant, member = builder.tenant, builder.bind(member_id)
    return builder.among(
        "g.id",
        f"""
        SELECT group_id FROM memberships WHERE tenant = {tenant} AND user_id = {member}
        UNION ALL
        SELECT group_id FROM nestings WHERE tenant = {tenant} AND child_id = {member}
        """,
    )


GROUPS = Searchable(
    table="groups",
    alias="g",
    virtual={
        (None, "id"): Id(),
        (None, "meta"): Meta("Group"),
        (None, "schemas"): Schemas(GROUP_URN),
        (None, "members"): Rows(
            _members,
            {
                "value": Column(lambda builder: builder.dialect.id_text("member.id")),
                "type": Column(lambda builder: "member.kind"),
                "display": Column(lambda builder: "member.display"),
            },
        ),
    },
    shortcuts={
        (None, "displayName"): Shortcut(
            lambda builder, name: f"g.display_name_key = {builder.bind(folded_key(name))}"
        ),
        (None, "externalId"): Shortcut(lambda builder, name: f"g.external_id_key = {builder.bind(index_key(name))}"),
        (None, "members.value"): Shortcut(_has_member, IndexUse.OWN_QUERY),
    },
    sort_columns={(None, "displayName"): "display_name_key", (None, "externalId"): "external_id_key"},
    never_null=("id", "display_name_key", "created", "modified"),
)
