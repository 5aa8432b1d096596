import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.scim.effective_schema import EFFECTIVE_URN
from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.errors import InvalidFilter, InvalidPath, ScimError
from scim_server.scim.filter import (
    And,
    Comparison,
    Filter,
    Not,
    Or,
    Present,
    ValuePath,
    parse,
    parse_path,
    render,
    render_path,
)
from scim_server.scim.path import UnresolvedPath, resolve
from scim_server.scim.resource_types import GROUP_TYPE, USER_TYPE
from tests.scim_server.scim.strategies import CUSTOM_URN, USER_WITH_APP, filters

U = USER_TYPE


def canonical(text: str) -> str:
    return render(parse(text, USER_WITH_APP))


def test_names_are_resolved_and_literals_typed() -> None:
    assert parse('userName Eq "bjensen"', U) == Comparison(resolve("userName", U), "eq", "bjensen")
    assert parse("ACTIVE eq true", U) == Comparison(resolve("active", U), "eq", True)
    assert parse('meta.lastModified gt "2011-05-13T04:42:34+02:00"', U) == Comparison(
        resolve("meta.lastModified", U), "gt", datetime(2011, 5, 13, 2, 42, 34, tzinfo=UTC)
    )
    assert parse(f'{CUSTOM_URN.upper()}:LEVEL ge "3"', USER_WITH_APP) == Comparison(
        resolve(f"{CUSTOM_URN}:level", USER_WITH_APP), "ge", 3
    )


def test_or_binds_less_than_and_and_not_takes_parentheses() -> None:
    parsed = parse('title pr or userType eq "a" and not(active eq true)', U)
    assert isinstance(parsed, Or)
    assert parsed.items[0] == Present(resolve("title", U))
    assert isinstance(parsed.items[1], And)
    assert parsed.items[1].items[1] == Not(Comparison(resolve("active", U), "eq", True))
    grouped = parse('(title pr or userType eq "a") and active eq true', U)
    assert isinstance(grouped, And)


def test_a_value_path_speaks_of_its_sub_attributes() -> None:
    parsed = parse('emails[type eq "work" and value co "@example.com"]', U)
    assert isinstance(parsed, ValuePath)
    assert isinstance(parsed.filter, And)
    assert [item.path.dotted for item in parsed.filter.items if isinstance(item, Comparison)] == [
        "emails.type",
        "emails.value",
    ]


@pytest.mark.parametrize(
    ("sent", "understood"),
    [
        # Entra ID: literals without quotes, a sub-attribute behind a value path
        ("userName eq jsmith@example.com", 'userName eq "jsmith@example.com"'),
        ("externalId eq 1234", 'externalId eq "1234"'),
        ('emails[type eq "work"].value eq "x"', 'emails[type eq "work" and value eq "x"]'),
        ('emails[type eq "work"].Value ne "x"', 'not (emails[type eq "work" and value eq "x"])'),
        ('emails[type eq "work"].value pr', 'emails[type eq "work" and value pr]'),
        ('active eq "True"', "active eq true"),
        ("active eq False", "active eq false"),
        # complex attributes compare by value
        ('emails eq "x"', 'emails.value eq "x"'),
        ('roles eq "admin"', 'roles.value eq "admin"'),
        ('manager eq "x"', f'{ENTERPRISE_URN}:manager.value eq "x"'),
        (f'{EFFECTIVE_URN}:roles eq "admin"', f'{EFFECTIVE_URN}:roles.value eq "admin"'),
        # extension attributes without their URN, core ones with theirs
        ('department eq "x"', f'{ENTERPRISE_URN}:department eq "x"'),
        ('urn:ietf:params:scim:schemas:core:2.0:User:userName eq "x"', 'userName eq "x"'),
        # null is "no value" (RFC 7643 §2.5)
        ("title eq null", "not (title pr)"),
        ("manager ne null", f"{ENTERPRISE_URN}:manager pr"),
        # spaces where there needn't be any, or none where there should be
        ('  userName   eq   "x"  ', 'userName eq "x"'),
        ('( userName eq"x" )', 'userName eq "x"'),
        ('userName eq "a\\"b\\u00e9"', r'userName eq "a\"bé" or userName eq "a\"b\u005cu00e9"'),
        # backslashes that aren't escaped, or may not be
        (r'userName eq "D\user"', r'userName eq "D\u005cuser"'),
        (r'userName eq "D\bob"', r'userName eq "D\u005cbob" or userName eq "D\u0008ob"'),
        (r'userName ne "D\\x"', r'not (userName eq "D\u005cx" or userName eq "D\u005c\u005cx")'),
        (r'userName ge "D\\x"', r'userName ge "D\u005cx"'),
        (r'userName eq "D\udead"', r'userName eq "D\u005cudead"'),
        (r'userName eq "D\u005cx\u000a\""', r'userName eq "D\u005cx\u000a\""'),
    ],
)
def test_what_providers_send(sent: str, understood: str) -> None:
    assert canonical(sent) == understood


def test_members_compare_by_id() -> None:
    assert render(parse('id eq "g" and members eq "u"', GROUP_TYPE)) == 'id eq "g" and members.value eq "u"'


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('shoeSize eq "9"', "shoeSize"),
        ('urn:acme:unknown:2.0:User:shoeSize eq "9"', "urn:acme:unknown:2.0:User:shoeSize"),
        ('name.shoeSize eq "9"', "name.shoeSize"),
        ('emails[shoeSize eq "9"]', "shoeSize"),
        ('emails[type eq "work"].shoeSize eq "9"', "shoeSize"),
        ('userName is "x"', "'is'"),
        ('userName "x"', "operator after userName"),
        ("userName eq", "value after userName eq"),
        ("userName", "operator"),
        ("", "attribute name"),
        ('userName eq "x" foo', "foo"),
        ("displayName eq John Smith", "double quotes"),
        ("userName eq 'x'", "double quotes"),
        ('userName eq "x', "isn't closed"),
        ('(userName eq "x"', '")"'),
        ('emails[type eq "work"', '"]"'),
        ('userName[type eq "work"]', "userName"),
        ('name eq "x"', "name is complex"),
        ('password eq "x"', "password"),
        ('active gt "true"', "gt"),
        ('active co "t"', "co"),
        ('meta.created sw "2011"', "sw"),
        ('active eq "yes"', "true or false"),
        ('meta.created gt "yesterday"', "dateTime"),
        (f'{CUSTOM_URN}:level eq "x"', "an integer"),
        (f"{CUSTOM_URN}:level eq 9223372036854775808", "64 bits"),
        (f"{CUSTOM_URN}:score eq nan", "a number"),
        (f"{CUSTOM_URN}:score eq 1e999", "finite"),
        (f"{CUSTOM_URN}:level eq 1_000", "an integer"),
        (f'{CUSTOM_URN}:key gt "x"', "binary"),
        ("title gt null", "null"),
        ('userName eq "a\\u0000"', "NUL"),
    ],
)
def test_what_is_not_understood_is_named(text: str, named: str) -> None:
    with pytest.raises(InvalidFilter) as caught:
        parse(text, USER_WITH_APP)
    assert named in caught.value.detail
    assert caught.value.body()["scimType"] == "invalidFilter"


# What the RFC's grammar has (figure 1), and the examples of RFC 7644 §3.4.2.2, where strict tenants differ.


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("userName eq ada", "double quotes"),
        ("externalId eq 1234", "double quotes"),
        ("title eq true", "double quotes"),
        ("title eq NULL", "double quotes"),
        ('active eq "true"', "without quotes"),
        ("active eq True", "without quotes"),
        (f'{CUSTOM_URN}:level eq "7"', "without quotes"),
        (f"{CUSTOM_URN}:level eq 007", "without quotes"),
        ("meta.created gt 2011-05-13T04:42:34Z", "double quotes"),
        ('emails[type eq "work"].value eq "x"', "nothing may follow emails[…]"),
        ('emails[type eq "work"].value pr', "nothing may follow emails[…]"),
        ("emails[type eq work]", "double quotes"),
        ('emails[type eq "work"].colour eq "x"', "colour"),
        ('department eq "x"', "department"),
        ('manager.value eq "x"', "manager.value"),
        (f'{ENTERPRISE_URN}:manager eq "x"', "is complex"),
    ],
)
def test_what_strict_tenants_refuse(text: str, named: str) -> None:
    parse(text.replace(".colour", ".value").replace("level eq 007", "level eq 7"), USER_WITH_APP)
    with pytest.raises(InvalidFilter) as refused:
        parse(text, USER_WITH_APP, strict=True)
    assert named in refused.value.detail


@pytest.mark.parametrize(
    "text",
    [
        'userName Eq "john"',
        "title pr AND userType Ne null",
        'urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"',
        'meta.lastModified gt "2011-05-13T04:42:34Z"',
        'userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")',
        'userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")',
        'emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]',
        "active eq true",
        f"{CUSTOM_URN}:level ge -7 and {CUSTOM_URN}:score lt 2.5e-1",
        f'{ENTERPRISE_URN}:manager.value eq "x"',
    ],
)
def test_what_strict_tenants_understand_is_the_same(text: str) -> None:
    assert parse(text, USER_WITH_APP, strict=True) == parse(text, USER_WITH_APP)


@given(filters())
def test_strict_tenants_understand_every_rendered_filter(filter_: Filter) -> None:
    assert parse(render(filter_), USER_WITH_APP, strict=True, max_depth=100) == filter_


def test_depth_and_length_are_bounded() -> None:
    parse("(" * 20 + "title pr" + ")" * 20, U)
    for opening in ("(", "not ("):
        with pytest.raises(InvalidFilter, match="nested"):
            parse(opening * 5_000 + "title pr" + ")" * 5_000, U, max_length=100_000)
    with pytest.raises(InvalidFilter, match="at most 10"):
        parse('userName eq "x"', U, max_length=10)
    many = " or ".join(f'id eq "{n}"' for n in range(401))
    assert isinstance(parse(many, U, max_terms=401), Or)
    with pytest.raises(InvalidFilter, match="more than 400 comparisons"):
        parse(many, U)


def test_selections_in_paths_are_bounded_but_for_those_of_members() -> None:
    many = " or ".join(f'value eq "{n}"' for n in range(401))
    with pytest.raises(InvalidFilter, match="more than 400 comparisons"):
        parse_path(f"emails[{many}].display", U)
    with pytest.raises(InvalidPath, match="at most 16384"):
        parse_path(f'emails[value eq "{"x" * 16_384}"].display', U)
    assert isinstance(parse_path(f"members[{many}]", GROUP_TYPE).value_filter, Or)
    with pytest.raises(InvalidPath, match="at most 1048576"):
        parse_path(f'members[value eq "{"x" * 1_048_576}"]', GROUP_TYPE)


@given(filters())
def test_a_rendered_filter_parses_to_itself(filter_: Filter) -> None:
    assert parse(render(filter_), USER_WITH_APP, max_depth=100) == filter_


@given(
    st.lists(
        st.sampled_from(
            [
                *("(", ")", "[", "]", "not", "and", "or", "eq", "pr", "ne", "co", '"x"', "x", "null", "true", '"'),
                *("emails", "userName", "emails.type", ".value", "type", "\\", ".", ":", "name", "active", "manager"),
            ]
        )
        | st.text(max_size=3),
        max_size=12,
    ).map(" ".join)
    | st.text()
)
def test_no_text_raises_anything_but_a_scim_error(text: str) -> None:
    try:
        render(parse(text, USER_WITH_APP))
    except ScimError as error:
        error.detail.encode()
    with contextlib.suppress(ScimError, UnresolvedPath):
        parse_path(text, USER_WITH_APP)


def test_patch_paths() -> None:
    path = parse_path('emails[type eq "work"].Value', U)
    assert parse_path(render_path(path), U) == path
    assert path.dotted == "emails.value"
    assert path.value_filter == parse_path('emails[ type eq "work" ]', U).value_filter
    assert str(parse_path(f"{ENTERPRISE_URN}:manager.displayName", U)) == f"{ENTERPRISE_URN}:manager.displayName"
    for malformed in ('emails[type eq "work"].value eq "x"', '[type eq "work"]', 'emails[type eq "work"]value'):
        with pytest.raises(ScimError):
            parse_path(malformed, U)
