"""What takes effect of a plan for which there is no room: see `narrowed`."""

import itertools
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_operator.plan import narrowed
from scim_operator.plan.narrowing import STRICTER_BYTES
from scim_server.config import (
    Access,
    AttributeRule,
    BasicCredential,
    BearerCredential,
    Conformance,
    Deprovisioning,
    ExtensionAttribute,
    ExtensionSchema,
    GroupSelector,
    JwtIssuer,
    OAuthClient,
    PublicJwk,
    Role,
    RoleRule,
    SigningAlgorithm,
    Tenant,
)

ROLES = ("admin", "analyst", "viewer")
GROUPS = tuple(GroupSelector(display_name=name) for name in ("A", "B", "C"))
KEYS = tuple(PublicJwk(kty="OKP", crv="Ed25519", kid=name, x="A" * 43) for name in ("k1", "k2"))
MAPPINGS = ("acme/one", "acme/two")
SCHEMA = "urn:acme:hr"
USERS = [frozenset(groups) for count in range(4) for groups in itertools.combinations(GROUPS, count)]
"""Users as rules see them: the selectors that match one of their groups."""

_LISTS = {name for name, field in Tenant.model_fields.items() if field.get_default(call_default_factory=True) == ()}


def some(values: Iterable[Any], **bounds: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """A few of the values, in their order."""
    order = list(values)
    if not order:
        return st.just(())
    return st.sets(st.sampled_from(order), **bounds).map(lambda chosen: tuple(one for one in order if one in chosen))


texts = st.none() | st.sampled_from(["short", "a name that is longer"])
accesses = st.sampled_from([Access.READ, Access.PROVISION])
times = st.none() | st.datetimes(timezones=st.timezones())


@st.composite
def tenants(draw: st.DrawFn) -> Tenant:
    roles = draw(some(ROLES))
    granted = some(roles)
    rules = []
    for mapping, rule in (
        draw(some([(mapping, rule) for mapping in MAPPINGS for rule in ("r", "s")])) if roles else ()
    ):
        groups = draw(some(GROUPS, min_size=1))
        rules.append(RoleRule(mapping=mapping, rule=rule, groups=groups, roles=draw(some(roles, min_size=1))))
    return Tenant(
        namespace="acme",
        name="okta",
        display_name=draw(texts),
        conformance=draw(st.sampled_from(Conformance)),
        credentials=tuple(
            BearerCredential(name=name, access=draw(accesses), expires_at=draw(times))
            for name in draw(some(["b1", "b2"]))
        ),
        basic_credentials=tuple(
            BasicCredential(name=name, access=draw(accesses)) for name in draw(some(["p1", "p2"]))
        ),
        jwt_issuers=tuple(draw(issuers(name)) for name in draw(some(["j1", "j2"]))),
        oauth_clients=tuple(draw(clients(name)) for name in draw(some(["o1", "o2"]))),
        roles=tuple(
            Role(name=name, display_name=draw(texts), permissions=draw(some(["p1", "p2", "p3"]))) for name in roles
        ),
        base_roles=draw(granted),
        fallback_roles=draw(granted),
        rules=tuple(rules),
        attributes=tuple(
            AttributeRule(mapping=draw(st.sampled_from(MAPPINGS)), target=target, path="title", default=draw(texts))
            for target in draw(some(["x", "y"]))
        ),
        schemas=tuple(draw(schemas(urn)) for urn in draw(some([SCHEMA, "urn:acme:desk"]))),
        deprovisioning=Deprovisioning(deactivation_delay_seconds=draw(st.sampled_from([0, 900]))),
    )


@st.composite
def issuers(draw: st.DrawFn, name: str) -> JwtIssuer:
    keys: dict[str, Any] = draw(
        st.one_of(
            some(KEYS, min_size=1).map(lambda keys: {"jwks": keys}),
            st.sampled_from(["https://idp.example/keys", "https://idp.example/" + "k" * 1000]).map(
                lambda url: {"jwks_url": url}
            ),
        )
    )
    return JwtIssuer(
        name=name,
        issuer=draw(st.sampled_from(["i", "https://idp.example"])),
        audiences=draw(some(["a", "b"], min_size=1)),
        algorithms=draw(some([SigningAlgorithm.ES256, SigningAlgorithm.RS256], min_size=1)),
        **keys,
    )


@st.composite
def clients(draw: st.DrawFn, name: str) -> OAuthClient:
    return OAuthClient(name=name, client_id=f"client-{name}", access=draw(accesses), jwks=draw(some(KEYS)))


@st.composite
def schemas(draw: st.DrawFn, urn: str) -> ExtensionSchema:
    attributes = [
        ExtensionAttribute(name=name, description="d" * draw(st.sampled_from([0, 50])))
        for name in draw(some(["shift", "desk"], min_size=1))
    ]
    return ExtensionSchema(mapping=draw(st.sampled_from(MAPPINGS)), id=urn, attributes=tuple(attributes))


def roles_of(tenant: Tenant, user: frozenset[GroupSelector]) -> set[str]:
    """The effective roles of a user."""
    mapped = {role for rule in tenant.rules if user & set(rule.groups) for role in rule.roles}
    return mapped | set(tenant.base_roles) | (set() if mapped else set(tenant.fallback_roles))


def permissions_of(tenant: Tenant) -> set[tuple[str, str]]:
    return {(role.name, permission) for role in tenant.roles for permission in role.permissions}


def size(tenant: Tenant) -> int:
    return len(tenant.model_dump_json(exclude_none=True))


@given(tenants(), tenants())
def test_the_result_is_a_tenant_that_the_contract_accepts(old: Tenant, new: Tenant) -> None:
    result = narrowed(old, new)

    assert Tenant.model_validate(result.model_dump()) == result
    assert set(result.digest_names) <= set(new.digest_names)


@given(tenants(), tenants())
def test_nobody_gets_a_role_that_neither_the_plan_nor_the_fallback_before_gives(old: Tenant, new: Tenant) -> None:
    result = narrowed(old, new)

    assert permissions_of(result) <= permissions_of(new) & permissions_of(old)
    for user in USERS:
        before = roles_of(old, user) & set(old.fallback_roles) & set(new.fallback_roles)
        assert roles_of(result, user) <= roles_of(new, user) | before


@given(tenants(), tenants())
def test_every_rule_grants_what_it_grants_before_and_after(old: Tenant, new: Tenant) -> None:
    def grants(tenant: Tenant) -> set[tuple[str, str, GroupSelector, str]]:
        return {
            (rule.mapping, rule.rule, group, role)
            for rule in tenant.rules
            for group in rule.groups
            for role in rule.roles
        }

    assert grants(narrowed(old, new)) == grants(old) & grants(new)


@given(tenants(), tenants())
def test_every_credential_is_one_of_before_and_at_most_as_the_plan_says(old: Tenant, new: Tenant) -> None:
    result = narrowed(old, new)

    before, after = ({one.name: one for one in tenant.all_credentials} for tenant in (old, new))
    for one in result.all_credentials:
        planned = after[one.name]
        assert type(one) is type(before[one.name]) is type(planned)
        lists = {"audiences", "algorithms", "jwks"} & set(type(one).model_fields)
        assert one.model_dump(exclude=lists) == planned.model_dump(exclude=lists)
        for name in lists:
            assert set(getattr(one, name)) == set(getattr(before[one.name], name)) & set(getattr(planned, name))


@given(tenants(), tenants())
def test_narrowing_again_changes_nothing(old: Tenant, new: Tenant) -> None:
    once = narrowed(old, new)

    assert narrowed(once, new) == once


@given(tenants(), tenants())
def test_the_result_is_hardly_larger_than_what_was_delivered(old: Tenant, new: Tenant) -> None:
    result = narrowed(old, new)

    scalars = 64  # conformance and the delay of deactivation
    assert size(result) <= size(old) + scalars + STRICTER_BYTES * len(result.all_credentials)


@given(tenants(), st.data())
def test_a_plan_that_only_removes_is_delivered_whole(old: Tenant, data: st.DataObject) -> None:
    parts = {name: data.draw(some(range(len(getattr(old, name)))), label=name) for name in _LISTS - {"roles"}}
    update = {name: tuple(getattr(old, name)[index] for index in kept) for name, kept in parts.items()}
    new = old.model_copy(update=update)

    assert narrowed(old, new) == new


@given(tenants())
def test_where_nothing_was_delivered_nothing_is_added(new: Tenant) -> None:
    result = narrowed(Tenant(namespace="acme", name="okta"), new)

    assert {name: getattr(result, name) for name in _LISTS} == dict.fromkeys(_LISTS, ())


def rule(name: str, groups: str, *roles: str) -> RoleRule:
    return RoleRule(
        mapping="acme/one", rule=name, groups=tuple(GroupSelector(display_name=each) for each in groups), roles=roles
    )


def tenant(*rules: RoleRule, **fields: Any) -> Tenant:
    return Tenant(
        namespace="acme", name="okta", roles=tuple(Role(name=role) for role in ROLES), rules=rules, **fields
    )


@pytest.mark.parametrize(
    ("after", "kept"),
    [
        ([rule("r", "A", "admin"), rule("s", "B", "analyst")], True),  # the new rule's users had it before
        ([], True),  # they are to have it
        ([rule("r", "A", "analyst")], False),  # they had another role, and are to have another one
    ],
)
def test_fallback_roles_are_for_those_only_whom_no_rule_matches_before_or_after(
    after: list[RoleRule], kept: bool
) -> None:
    old = tenant(rule("r", "A", "admin"), fallback_roles=("viewer",))

    assert (narrowed(old, tenant(*after, fallback_roles=("viewer",))).fallback_roles == ("viewer",)) is kept


def test_an_expiry_that_is_new_is_in_the_result() -> None:
    old = tenant(credentials=(BearerCredential(name="one"),))
    new = tenant(credentials=(BearerCredential.model_validate({"name": "one", "expiresAt": "2026-11-01T00:00:00Z"}),))

    assert narrowed(old, new).credentials == new.credentials


def test_a_key_that_is_added_waits_and_the_others_go_on() -> None:
    def issuer(*keys: PublicJwk) -> JwtIssuer:
        return JwtIssuer(name="j", issuer="i", audiences=("a",), jwks=keys)

    old, new = tenant(jwt_issuers=(issuer(KEYS[0]),)), tenant(jwt_issuers=(issuer(*KEYS),))

    assert narrowed(old, new).jwt_issuers == old.jwt_issuers
