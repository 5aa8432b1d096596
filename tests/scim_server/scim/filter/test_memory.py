from typing import Any

import pytest
from hypothesis import given

from scim_server.scim.enterprise import ENTERPRISE_URN
from scim_server.scim.filter import Comparison, Filter, Not, matches, parse
from scim_server.scim.filter.ast import And, Or
from tests.scim_server.scim.strategies import CUSTOM_URN, USER_WITH_APP, filters, users

BABS: dict[str, Any] = {
    "id": "2819c223",
    "externalId": "Ext-1",
    "userName": "BJensen@Example.com",
    "name": {"familyName": "Jensen"},
    "active": True,
    "nickName": "",
    "emails": [
        {"value": "b@Work.example", "type": "work", "primary": True},
        {"value": "b@home.example", "type": "home"},
    ],
    "meta": {"lastModified": "2011-05-13T04:42:34.5Z"},
    ENTERPRISE_URN: {"department": "Tour", "manager": {"value": "26118915"}},
    CUSTOM_URN: {"level": 3, "score": 2.5, "tags": ["Red", "blue"]},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('userName eq "bjensen@EXAMPLE.com"', True),
        ('externalId eq "ext-1"', False),  # caseExact
        ('externalId eq "Ext-1"', True),
        ('userName sw "BJ" and userName ew ".COM" and userName co "@"', True),
        ('userName gt "a"', True),
        ('userName lt "b"', False),
        ('name.familyName ge "jensen"', True),
        ("active eq true", True),
        ("active ne true", False),
        ("title eq null", True),
        ("title pr", False),
        ("nickName pr", False),  # an empty string is no value
        ("name pr", True),
        ("emails pr", True),
        ("emails.display pr", False),
        # a multi-valued attribute: any value, and "ne" is the opposite of "eq"
        ('emails.type eq "home"', True),
        ('emails.type ne "home"', False),
        ('emails.type ne "other"', True),
        ('title ne "x"', True),
        # terms in brackets speak of one element, terms outside don't
        ('emails[type eq "work" and value co "home"]', False),
        ('emails.type eq "work" and emails.value co "home"', True),
        ('emails[type eq "home" and not (primary eq true)]', True),
        ('emails[type eq "work"].value eq "B@work.example"', True),
        # dates are instants
        ('meta.lastModified eq "2011-05-13T06:42:34.500+02:00"', True),
        ('meta.lastModified gt "2011-05-13T04:42:34Z"', True),
        ('meta.lastModified lt "2011-05-13"', False),
        # numbers are numbers
        (f"{CUSTOM_URN}:level lt 10", True),
        (f"{CUSTOM_URN}:score ge 2.50", True),
        (f'{CUSTOM_URN}:tags eq "red"', False),
        (f'{CUSTOM_URN}:tags eq "Red"', True),
        ('department eq "tour" and manager eq "26118915"', True),
        (f'{CUSTOM_URN}:orgName eq "x"', False),
    ],
)
def test_semantics(text: str, expected: bool) -> None:
    assert matches(parse(text, USER_WITH_APP), BABS) is expected


@given(filters(), users())
def test_not_is_the_opposite_and_order_of_terms_does_not_matter(filter_: Filter, user: dict[str, Any]) -> None:
    holds = matches(filter_, user)
    assert matches(Not(filter_), user) is not holds
    if isinstance(filter_, And | Or):
        assert matches(type(filter_)(filter_.items[::-1]), user) is holds


@given(filters(), users())
def test_the_four_orderings_agree(filter_: Filter, user: dict[str, Any]) -> None:
    if not isinstance(filter_, Comparison) or filter_.path.attribute.multi_valued:
        return
    if filter_.path.target.type in ("boolean", "binary"):
        return
    lt, le, eq, ge, gt = (
        matches(Comparison(filter_.path, operator, filter_.value), user)
        for operator in ("lt", "le", "eq", "ge", "gt")
    )
    assert (lt or eq, gt or eq) == (le, ge)
    assert lt + eq + gt <= 1


def test_values_of_the_wrong_type_match_nothing() -> None:
    for text in ("active eq true", f"{CUSTOM_URN}:level eq 1", 'meta.lastModified ge "2011-01-01"', 'userName co ""'):
        strange = {"active": "true", CUSTOM_URN: {"level": True}, "meta": {"lastModified": "soon"}, "userName": 5}
        assert not matches(parse(text, USER_WITH_APP), strange)
