"""Users: what a filter may ask that isn't in their documents, and what indexes answer."""

from dataclasses import replace

from scim_server.folding import fold
from scim_server.provisioning.lifecycle import State
from scim_server.scim.core_schemas import USER_URN
from scim_server.scim.effective_schema import EFFECTIVE_URN
from scim_server.scim.errors import InvalidFilter
from scim_server.scim.filter import Comparison, Filter, Operator, Present, ValuePath, matches
from scim_server.scim.filter.ast import Literal
from scim_server.scim.path import AttributePath
from scim_server.storage.ids import is_id
from scim_server.storage.index_keys import folded_key, index_key
from scim_server.storage.search.searchable import (
    FALSE,
    TRUE,
    Column,
    Id,
    IndexUse,
    Meta,
    Rows,
    Schemas,
    Searchable,
    Shortcut,
    Virtual,
    not_searchable,
)
from scim_server.storage.search.sql_builder import SqlBuilder


class _Active(Virtual):
    """A column, so that those who aren't active have an index."""

    def compare(self, builder: SqlBuilder, path: AttributePath, operator: Operator, value: Literal) -> str:
        return f"{builder.alias}.active" if value else f"NOT {builder.alias}.active"

    def index_use(self, path: AttributePath, operator: Operator, value: Literal) -> IndexUse:
        return IndexUse.NONE if value else IndexUse.OWN_QUERY

    def opposite(self, comparison: Comparison) -> Comparison:
        return replace(comparison, value=not comparison.value)

    def present(self, builder: SqlBuilder, path: AttributePath) -> str:
        return TRUE

    def sort_key(self, builder: SqlBuilder, path: AttributePath) -> str | None:
        return f"{builder.alias}.active"


class _AppliedActive(_Active):
    """As applications see it: what the provider has set may be held."""

    def compare(self, builder: SqlBuilder, path: AttributePath, operator: Operator, value: Literal) -> str:
        return (
            _is_in(builder, State.ACTIVE) if value else f"(NOT {builder.alias}.active AND {_is_not_active(builder)})"
        )

    def sort_key(self, builder: SqlBuilder, path: AttributePath) -> str | None:
        return f"({builder.alias}.state = 'active')"


class _State(Virtual):
    """`state` of the effective extension: decided for each of its values, then asked of the column."""

    def compare(self, builder: SqlBuilder, path: AttributePath, operator: Operator, value: Literal) -> str:
        chosen = self._chosen(path, operator, value)
        return f"({' OR '.join(_is_in(builder, state) for state in chosen)})" if chosen else FALSE

    def index_use(self, path: AttributePath, operator: Operator, value: Literal) -> IndexUse:
        return IndexUse.NONE if State.ACTIVE in self._chosen(path, operator, value) else IndexUse.OWN_QUERY

    def present(self, builder: SqlBuilder, path: AttributePath) -> str:
        return TRUE

    def _chosen(self, path: AttributePath, operator: Operator, value: Literal) -> list[State]:
        wanted = Comparison(path, operator, value)
        return [state for state in State if matches(wanted, {EFFECTIVE_URN: {path.attribute.name: state.value}})]


def _is_in(builder: SqlBuilder, state: State) -> str:
    """A condition of which the index of inactive users answers what isn't active."""
    if state is State.ACTIVE:
        return f"({builder.alias}.state = 'active')"
    return f"(NOT {builder.alias}.active AND {builder.alias}.state = '{state}')"


def _is_not_active(builder: SqlBuilder) -> str:
    return f"{builder.alias}.state <> 'active'"


class _Permissions(Virtual):
    """`permissions`: decided for each role of the catalogue, then asked of the roles."""

    def compare(self, builder: SqlBuilder, path: AttributePath, operator: Operator, value: Literal) -> str:
        return self._held(builder, path, Comparison(path, operator, value))

    def index_use(self, path: AttributePath, operator: Operator, value: Literal) -> IndexUse:
        return IndexUse.OWN_QUERY

    def present(self, builder: SqlBuilder, path: AttributePath) -> str:
        return self._held(builder, path, Present(path))

    def select(self, builder: SqlBuilder, path: AttributePath, inner: Filter) -> str:
        return self._held(builder, path, ValuePath(path, inner))

    def _held(self, builder: SqlBuilder, path: AttributePath, wanted: Comparison | Present | ValuePath) -> str:
        if builder.permissions is None:
            raise not_searchable(path)
        roles = [
            role
            for role, permissions in builder.permissions.items()
            if matches(wanted, {EFFECTIVE_URN: {path.attribute.name: [*permissions]}})
        ]
        return _has_role(builder, *sorted(roles)) if roles else FALSE


class _NotSearchable(Virtual):
    """Computed when a user is shown."""

    def compare(self, builder: SqlBuilder, path: AttributePath, operator: Operator, value: Literal) -> str:
        raise _worked_out(path)

    def present(self, builder: SqlBuilder, path: AttributePath) -> str:
        raise _worked_out(path)

    def select(self, builder: SqlBuilder, path: AttributePath, inner: Filter) -> str:
        raise _worked_out(path)


def _worked_out(path: AttributePath) -> InvalidFilter:
    return InvalidFilter(
        f"{path} can't be filtered on, since it is worked out when a user is shown: of {EFFECTIVE_URN}, state,"
        " roles.value, roles.since and permissions can be, and so can what the provider sent",
        attribute=str(path),
        reason="can't be filtered on",
    )


# CROSS JOIN: SQLite takes the tables in the order in which they are written.


def _groups(builder: SqlBuilder, condition: str) -> str:
    """Of the groups that a user is in, directly or through member groups."""
    tenant = builder.tenant
    return f"""EXISTS (
        WITH RECURSIVE reached (group_id) AS (
            SELECT m.group_id FROM memberships m WHERE m.tenant = {tenant} AND m.user_id = u.id
            UNION
            SELECT n.group_id FROM reached CROSS JOIN nestings n
            WHERE n.tenant = {tenant} AND n.child_id = reached.group_id
        )
        SELECT 1 FROM reached CROSS JOIN groups g
        WHERE g.tenant = {tenant} AND g.id = reached.group_id AND {condition}
    )"""


def _group_type(builder: SqlBuilder) -> str:
    direct = (
        f"EXISTS (SELECT 1 FROM memberships d WHERE d.tenant = {builder.tenant}"
        " AND d.group_id = g.id AND d.user_id = u.id)"
    )
    return f"CASE WHEN {direct} THEN 'direct' ELSE 'indirect' END"


def _in_group(builder: SqlBuilder, group_id: str) -> str:
    if not is_id(group_id):
        return FALSE
    tenant = builder.tenant
    return builder.among(
        "u.id",
        f"""
        WITH RECURSIVE below (id) AS (
            SELECT g.id FROM groups g WHERE g.tenant = {tenant} AND g.id = {builder.bind(group_id)}
            UNION
            SELECT n.child_id FROM below CROSS JOIN nestings n WHERE n.tenant = {tenant} AND n.group_id = below.id
        )
        SELECT m.user_id FROM below CROSS JOIN memberships m WHERE m.tenant = {tenant} AND m.group_id = below.id
        """,
    )


def _effective_roles(builder: SqlBuilder, condition: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM user_roles ur WHERE ur.tenant = {builder.tenant}"
        f" AND ur.user_id = u.id AND {condition})"
    )


def _has_role(builder: SqlBuilder, *roles: str) -> str:
    names = ", ".join(map(builder.bind_name, roles))
    return builder.among(
        "u.id", f"SELECT user_id FROM user_roles WHERE tenant = {builder.tenant} AND role IN ({names})"
    )


def _has_provider_role(builder: SqlBuilder, role: str) -> str:
    return builder.dialect.has_provider_role("u", builder.tenant, builder.bind(fold(role)))


def _has_email(builder: SqlBuilder, address: str) -> str:
    key = builder.bind(folded_key(address))
    return builder.among(
        "u.id", f"SELECT user_id FROM user_emails WHERE tenant = {builder.tenant} AND value_key = {key}"
    )


USERS = Searchable(
    table="users",
    alias="u",
    virtual={
        (None, "id"): Id(),
        (None, "meta"): Meta("User"),
        (None, "schemas"): Schemas(USER_URN),
        (None, "active"): _Active(),
        (None, "groups"): Rows(
            _groups,
            {
                "value": Column(lambda builder: builder.dialect.id_text("g.id")),
                "display": Column(
                    lambda builder: builder.dialect.document("g").child("displayName").text(exact=False)
                ),
                "type": Column(_group_type),
            },
        ),
        (EFFECTIVE_URN, "state"): _State(),
        (EFFECTIVE_URN, "permissions"): _Permissions(),
        (EFFECTIVE_URN, "profile"): _NotSearchable(),
        (EFFECTIVE_URN, "roles"): Rows(
            _effective_roles,
            {"value": Column(lambda builder: "ur.role"), "since": Column(lambda builder: "ur.since", is_time=True)},
        ),
    },
    shortcuts={
        (None, "userName"): Shortcut(lambda builder, name: f"u.user_name_key = {builder.bind(folded_key(name))}"),
        (None, "displayName"): Shortcut(
            lambda builder, name: f"u.display_name_key = {builder.bind(folded_key(name))}"
        ),
        (None, "externalId"): Shortcut(lambda builder, name: f"u.external_id_key = {builder.bind(index_key(name))}"),
        (None, "emails.value"): Shortcut(_has_email, IndexUse.OWN_QUERY),
        (None, "groups.value"): Shortcut(_in_group, IndexUse.OWN_QUERY),
        (None, "roles.value"): Shortcut(_has_provider_role, exact=False),
        (EFFECTIVE_URN, "roles.value"): Shortcut(_has_role, IndexUse.OWN_QUERY),
    },
    sort_columns={
        (None, "userName"): "user_name_key",
        (None, "displayName"): "display_name_key",
        (None, "externalId"): "external_id_key",
    },
    never_null=("id", "user_name_key", "active", "created", "modified"),
)

USERS_AS_APPLIED = replace(USERS, virtual={**USERS.virtual, (None, "active"): _AppliedActive()})
"""As applications see them."""

APPLIED_USERS = replace(
    USERS_AS_APPLIED,
    table="(SELECT * FROM users UNION ALL SELECT * FROM held_users)",
    counted="users",
    counted_too="held_users",
)
"""The same of a tenant that has users whose deletion is held."""
