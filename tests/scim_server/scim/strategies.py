"""Generated resources and filters over them. Small alphabets, so that filters often match something."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from scim_server.scim.effective_schema import EFFECTIVE_URN
from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.filter import Comparison, Filter, Literal, Not, Present, ValuePath, conjunction, disjunction
from scim_server.scim.path import AttributePath, resolve
from scim_server.scim.resource_types import USER_TYPE, user_resource_type
from scim_server.scim.schema import Attribute, ResourceType, Schema

CUSTOM_URN = "urn:acme:scim:schemas:extension:app:2.0:User"

CUSTOM = Schema(
    CUSTOM_URN,
    "App",
    "An extension with every type",
    (
        Attribute("orgName"),
        Attribute("level", "integer"),
        Attribute("score", "decimal"),
        Attribute("joined", "dateTime"),
        Attribute("tags", multi_valued=True, case_exact=True),
        Attribute("badge", mutability="immutable"),
        Attribute("pin", returned="never", mutability="writeOnly"),
        Attribute("key", "binary", case_exact=True),
        Attribute("years", "integer", multi_valued=True),
        Attribute(
            "card",
            "complex",
            sub_attributes=(Attribute("number", mutability="immutable"), Attribute("doors", multi_valued=True)),
        ),
        Attribute(
            "keys",
            "complex",
            multi_valued=True,
            sub_attributes=(
                Attribute("value"),
                Attribute("doors", multi_valued=True),
                Attribute("floors", "integer", multi_valued=True),
            ),
        ),
    ),
)

USER_WITH_APP = user_resource_type([CUSTOM])

SMALL_TEXT = st.text(alphabet='aAbBΣσςßéİ"\\ é😀', max_size=4)
TEXT = SMALL_TEXT | SMALL_TEXT.map(lambda text: "a" * 256 + text)
"""Also longer than what indexes hold of a value."""
INSTANTS = st.integers(0, 4_000_000_000_000_000).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
) | st.sampled_from(
    [datetime.min.replace(tzinfo=UTC), datetime(2020, 2, 29, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
)

FILTERABLE = [
    "userName",
    "externalId",
    "id",
    "title",
    "active",
    "name.familyName",
    "emails.value",
    "emails.type",
    "emails.primary",
    "photos.value",
    "meta.lastModified",
    f"{ENTERPRISE_URN}:department",
    f"{ENTERPRISE_URN}:manager.value",
    f"{CUSTOM_URN}:orgName",
    f"{CUSTOM_URN}:level",
    f"{CUSTOM_URN}:score",
    f"{CUSTOM_URN}:joined",
    f"{CUSTOM_URN}:tags",
    f"{CUSTOM_URN}:key",
    f"{EFFECTIVE_URN}:roles.value",
    f"{EFFECTIVE_URN}:roles.since",
]

_OPERATORS: dict[str, list[str]] = {
    "string": ["eq", "co", "sw", "ew", "gt", "ge", "lt", "le"],
    "reference": ["eq", "co", "sw", "ew", "gt", "ge", "lt", "le"],
    "binary": ["eq"],
    "boolean": ["eq"],
    "integer": ["eq", "gt", "ge", "lt", "le"],
    "decimal": ["eq", "gt", "ge", "lt", "le"],
    "dateTime": ["eq", "gt", "ge", "lt", "le"],
}


def literals(attribute: Attribute) -> st.SearchStrategy[Literal]:
    match attribute.type:
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(-3, 3) | st.integers(-(2**63), 2**63 - 1)
        case "decimal":
            return st.integers(-3, 3).map(float) | st.floats(allow_nan=False, allow_infinity=False)
        case "dateTime":
            return INSTANTS
        case _:
            return TEXT


def comparisons(path: AttributePath) -> st.SearchStrategy[Filter]:
    return st.builds(Comparison, st.just(path), st.sampled_from(_OPERATORS[path.target.type]), literals(path.target))


@st.composite
def value_paths(draw: st.DrawFn) -> Filter:
    attribute = resolve("emails", USER_TYPE).attribute
    subs = [AttributePath(None, attribute, attribute.sub_attribute(name)) for name in ("value", "type", "primary")]
    terms = st.sampled_from(subs).flatmap(lambda path: comparisons(path) | st.just(Present(path)))
    return ValuePath(AttributePath(None, attribute), draw(_combined(terms)))


def selected_values(resource_type: ResourceType) -> st.SearchStrategy[Filter]:
    """`tags[value eq "x"]`."""
    path = resolve(f"{CUSTOM_URN}:tags", resource_type)
    element = AttributePath(path.schema_urn, path.attribute, path.attribute.element)
    return _combined(comparisons(element) | st.just(Present(element))).map(lambda inner: ValuePath(path, inner))


def _combined(terms: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    return st.recursive(
        terms,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3).map(conjunction)
            | st.lists(inner, min_size=1, max_size=3).map(disjunction)
            | inner.map(Not)
        ),
        max_leaves=6,
    )


def filters(resource_type: ResourceType = USER_WITH_APP) -> st.SearchStrategy[Filter]:
    """Filters as the parser makes them, over the attributes of FILTERABLE."""
    paths = st.sampled_from([resolve(name, resource_type) for name in FILTERABLE])
    presence = paths.map(Present) | st.sampled_from(["name", "emails"]).map(
        lambda name: Present(resolve(name, resource_type))
    )
    return _combined(paths.flatmap(comparisons) | presence | value_paths() | selected_values(resource_type))


def json_values(max_leaves: int = 12) -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | SMALL_TEXT
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names(), inner, max_size=4),
        max_leaves=max_leaves,
    )


def names() -> st.SearchStrategy[str]:
    """Keys that mean something, in several spellings, and keys that don't."""
    return st.sampled_from(
        [
            "userName",
            "USERNAME",
            "name",
            "name.givenName",
            "givenName",
            "emails",
            'emails[type eq "work"].value',
            "value",
            "Value",
            "type",
            "primary",
            "active",
            "manager",
            "managerId",
            "$ref",
            "roles",
            "members",
            "displayName",
            "password",
            "id",
            "meta",
            "schemas",
            "groups",
            "title",
            "addresses",
            ENTERPRISE_URN,
            f"{ENTERPRISE_URN}:department",
            CUSTOM_URN,
            "level",
            "score",
            "joined",
            "tags",
            "urn:unknown:2.0:User",
            "urn:unknown:2.0:User:x",
            "Operations",
            "op",
            "path",
        ]
    ) | st.text(max_size=8)


def emails() -> st.SearchStrategy[list[dict[str, Any]]]:
    email = st.fixed_dictionaries(
        {"value": TEXT}, optional={"type": st.sampled_from(["work", "home"]), "primary": st.booleans()}
    )
    return st.lists(email, min_size=1, max_size=3)


def users() -> st.SearchStrategy[dict[str, Any]]:
    """Users as they stand in answers: canonical names, with id and meta."""
    return st.fixed_dictionaries(
        {"userName": SMALL_TEXT, "id": SMALL_TEXT},
        optional={
            "externalId": SMALL_TEXT,
            "title": SMALL_TEXT,
            "active": st.booleans(),
            "name": st.fixed_dictionaries({}, optional={"familyName": SMALL_TEXT, "givenName": SMALL_TEXT}),
            "emails": emails(),
            "meta": st.fixed_dictionaries({"lastModified": INSTANTS.map(datetime.isoformat)}),
            ENTERPRISE_URN: st.fixed_dictionaries(
                {}, optional={"department": SMALL_TEXT, "manager": st.fixed_dictionaries({"value": SMALL_TEXT})}
            ),
            CUSTOM_URN: st.fixed_dictionaries(
                {},
                optional={
                    "orgName": SMALL_TEXT,
                    "level": st.integers(-3, 3),
                    "score": st.integers(-3, 3).map(float),
                    "joined": INSTANTS.map(datetime.isoformat),
                    "tags": st.lists(SMALL_TEXT, min_size=1, max_size=3),
                },
            ),
        },
    )
