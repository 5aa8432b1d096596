"""Expressions over a user."""

import threading
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scim_server.config import ExtensionSchema, UserAttributes
from scim_server.provisioning.expressions import (
    ExpressionFailed,
    InvalidExpression,
    compile_expression,
    condition_of,
    expression_of,
)

APP = "urn:acme:scim:schemas:extension:app:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ATTRIBUTES = UserAttributes(
    [
        ExtensionSchema.model_validate(
            {
                "id": APP,
                "mapping": "acme/app",
                "attributes": [{"name": "orgName"}, {"name": "teams", "multiValued": True}],
            }
        )
    ]
)
USER: dict[str, Any] = {
    "id": "7",
    "userName": "Bjensen@Example.com",
    "active": True,
    "userType": "Employee",
    "name": {"givenName": "Barbara"},
    "emails": [{"value": "b@home.org"}, {"value": "b@example.com", "type": "work", "primary": True}],
    ENTERPRISE: {"department": "Tour Operations"},
    APP: {"orgName": "EMEA", "teams": ["blue", "red"]},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('user.userType == "Employee"', True),
        ("user.userName.lowerAscii()", "bjensen@example.com"),
        ("user.userName.upperAscii()", "BJENSEN@EXAMPLE.COM"),
        ('" é x ".trim()', "é x"),
        ('user.userName.split("@")[1]', "Example.com"),
        ('"a,b,c".split(",", 2)', ["a", "b,c"]),
        ('user["urn:acme:scim:schemas:extension:app:2.0:User"].teams.join("+")', "blue+red"),
        ('user.name.givenName.replace("a", "o")', "Borboro"),
        ("user.name.givenName.substring(3)", "bara"),
        ("user.name.givenName.substring(0, 3)", "Bar"),
        ('user.userName.endsWith("@Example.com")', True),
        ('user.userName.matches("^(?i)bjensen@")', True),
        ("user.userName.matches(r'@\\w+\\.com$')", True),
        ('"x.matches(y)"', "x.matches(y)"),
        ('user["urn:acme:scim:schemas:extension:app:2.0:User"].orgName', "EMEA"),
        ('{"EMEA": "Europe"}[user["urn:acme:scim:schemas:extension:app:2.0:User"].orgName]', "Europe"),
        ('user.emails.exists(e, e.type == "work")', True),
        ("user.emails.filter(e, e.primary)[0].value", "b@example.com"),
        ("user.emails.map(e, e.value)", ["b@home.org", "b@example.com"]),
        ('user.emails.filter(e, e.type == "work").map(e, e.value.split("@")[1])', ["example.com"]),
        ("has(user.name.familyName) ? user.name.familyName : user.userName", "Bjensen@Example.com"),
        ("has(user.title)", False),
        ("has(user.manager.value)", False),
        ('has(user["urn:other"].x)', False),
        ('"urn:other" in user', False),
        ("user.emails.size() + size(user.userName)", 21),
        ('user.active && user.userType in ["Employee", "Contractor"]', True),
        ('int("12") * 2', 24),
        # An attribute that the user doesn't have.
        ('user.title == "x"', None),
        ('!(user.title == "x")', None),
        ('user["urn:other"].x', None),
        ("user.emails[5].value", None),
        ('{"a": "b"}[user.userType]', None),
        ('user.title == "x" || user.active', True),
        ('""', None),
        ("[]", None),
        ("null", None),
    ],
)
def test_value(text: str, value: Any) -> None:
    """provisioning.md, "AttributeMapping": CEL over the user."""
    assert compile_expression(text).value(USER) == value


def test_what_is_missing_holds_not() -> None:
    assert compile_expression('user.userType == "Employee"').holds(USER)
    assert not compile_expression('user.title == "x"').holds(USER)
    assert not compile_expression('!(user.title == "x")').holds(USER)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an expression is expected, the text is empty"),
        ("  // nothing", "an expression is expected, the text is empty"),
        ("user.title ==", "the expression ends too early (character 14)"),
        ('user.title = "x"', "unexpected '=' (character 12)"),
        ('user.title == "x', "a text that isn't closed (character 15)"),
        ("user.title == “x”", "unexpected '“' (character 15)"),
        ("a b", "unknown variable 'a': an expression reads `user` (character 1)"),
        ("user.title user", "unexpected 'user' (character 12)"),
        ("(user.active", "'(' isn't closed (character 1)"),
        ("user.active)", "unexpected ')' (character 12)"),
        ("user.active &&\n usr.title", "unknown variable 'usr': an expression reads `user` (line 2, character 2)"),
        ('user.title.startswith("x")', "unknown function 'startswith'; did you mean startsWith?"),
        ('startsWith(user.title, "x")', "unknown function 'startsWith'; write x.startsWith(…) (character 1)"),
        ("foo()", "unknown function 'foo' (character 1)"),
        ("user.emails.exists(true)", "exists: a variable is expected first, as in exists(x, …) (character 13)"),
        ('user.title.matches("(")', "is not an RE2 expression: missing )"),
        ('user.title.matches("(?=x)")', "RE2 has no lookahead"),
        ("has(user)", "has() takes an attribute, as in has(user.title)"),
        ("timestamp(user.x)", "unknown function 'timestamp' (character 1)"),
        ("Foo{a: 1}", "unexpected '{' after 'Foo' (character 1)"),
        ("(" * 17 + "1" + ")" * 17, "brackets are nested too deep: 16 levels are the most (character 17)"),
        ("+".join(["1"] * 66), "too many sums (+): 64 are the most"),
        ("true ? 1 : " * 33 + "1", "too many choices (?): 32 are the most"),
        ("!" * 401 + "true", "the expression is too long: 400 words and signs are the most"),
        ("[1].map(a, [1].map(b, [1].map(c, 1)))", "map, filter and the like are nested too deep: 2 levels at most"),
        ("[1]" + ".map(a, a)" * 4, "too many of map, filter and the like: 3 are the most"),
        ("[1].map(a, a + a + a + a + a + a)", "too many sums (+) inside of map, filter and the like: 4 at most"),
    ],
)
def test_invalid(text: str, message: str) -> None:
    with pytest.raises(InvalidExpression) as caught:
        compile_expression(text)
    assert message in str(caught.value)
    with pytest.raises(ExpressionFailed, match=r"."):
        expression_of(text).holds(USER)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "user.usertype",
            "unknown attribute 'usertype'; did you mean userType? Case matters in expressions (character 6)",
        ),
        ("user.titel", "unknown attribute 'titel'; did you mean title? (character 6)"),
        ("user.name.givenname", "unknown attribute 'name.givenname'; did you mean givenName? Case matters"),
        ("user.emails.value", "unknown attribute 'value'; it is a list: take an element, as in emails[0].value"),
        ("user.department", f"unknown attribute 'department'; did you mean user[\"{ENTERPRISE}\"].department?"),
        ("user.groups", "user.groups: an expression doesn't see groups; name them in `groups` or `fromGroups`"),
        (f'user["{APP.lower()}"].orgName', f"unknown schema '{APP.lower()}'; did you mean {APP}? Case matters"),
        (f'user["{APP}"].orgname', "unknown attribute 'orgname'; did you mean orgName?"),
        ('"urn:other" in user', "unknown schema 'urn:other'"),
    ],
)
def test_names_that_no_user_has(text: str, message: str) -> None:
    compile_expression(text)
    with pytest.raises(InvalidExpression) as caught:
        compile_expression(text, ATTRIBUTES)
    assert message in str(caught.value)


def test_names_that_users_have() -> None:
    for text in (
        f'user["{APP}"].orgName == user["{ENTERPRISE}"].department && user.id == user.externalId',
        f'user["{APP}"].teams.exists(t, t == user.name.givenName) && user["title"] == user.emails[0].value',
        f'"{APP}" in user && has(user["{ENTERPRISE}"].manager.value) && user.active',
    ):
        compile_expression(text, ATTRIBUTES)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("user", "a text, number, true, false or list of them is expected, the expression gives a map"),
        ("[[1]]", "the expression gives a list"),
        ("1 / 0", "division by zero"),
        ("9223372036854775807 + 1", "a number is too large"),
        ("1.0 / 0.0", "the result is no number"),
        ("user.userName + 1", "string + int: the two can't be combined"),
        ("user.userName < 1", "an operation doesn't fit the types of its operands"),
        ("user.name.givenName.substring(9)", "substring: the text is shorter than that"),
        ("user.name.lowerAscii()", "lowerAscii: a text is expected"),
        ("user.userName.substring()", "substring: its arguments don't fit"),
        ('user.userName.matches("(" + user.id)', "matches: the pattern is no RE2 expression"),
        ("int(user.userName)", "an operation doesn't fit"),
        (
            'user.userName.split("").map(c, user.userName).join(user.userName).replace("", user.userName)',
            "longer than",
        ),
        (
            "[1].map(x, user.userName.split('')).map(x, x + x)[0].join(user.userName.split('').join(user.userName))"
            ".replace('', user.userName.split('').join(user.userName))",
            "longer than",
        ),
    ],
)
def test_failed_without_a_word_of_the_user(text: str, reason: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ExpressionFailed) as caught:
        compile_expression(text).value(USER)
    assert reason in caught.value.reason
    written = capfd.readouterr()
    for told in (caught.value.reason, written.err, written.out):
        assert "Bjensen" not in told
        assert "Barbara" not in told


def test_condition_is_true_or_false() -> None:
    with pytest.raises(ExpressionFailed, match="true or false is expected, the expression gives a text"):
        compile_expression("user.userName").holds(USER)


def test_only_what_is_read_counts() -> None:
    """A long attribute, or many values of one, fail the expressions that read it, and no other."""
    user = USER | {"photos": [{"value": str(number)} for number in range(201)], "title": "x" * 20_000}
    assert compile_expression("user.active").holds(user)
    with pytest.raises(ExpressionFailed, match="more than 200 values"):
        compile_expression("user.photos.exists(p, p.primary)").value(user)
    with pytest.raises(ExpressionFailed, match="longer than 16384 characters"):
        compile_expression("user.title").value(user)
    with pytest.raises(ExpressionFailed, match="result is longer than 4096 characters"):
        compile_expression("user.title").value({"title": "x" * 5_000})


def test_deepest_and_longest_in_a_small_stack() -> None:
    """What is accepted never ends the process, in a thread with a sixteenth of the usual stack."""
    texts = [
        "(" * 16 + "1" + ")" * 16,
        "!" * 398 + "true",
        "true ? 1 : " * 32 + "1",
        "+".join(["1"] * 65),
        "&&".join(["true"] * 200),
        "*".join(["1"] * 200),
        "user" + ".name" * 199,
        "user" + "[0]" * 130,
        "user.id" + ".trim()" * 90,
        "[" * 16 + "]" * 16,
        "==".join(["true"] * 200),
        "-" * 399 + "1",
    ]
    evaluated = []

    def evaluate() -> None:
        for text in texts:
            with suppress(InvalidExpression, ExpressionFailed):
                compile_expression(text).value(USER)
            evaluated.append(text)

    before = threading.stack_size(512 * 1024)
    try:
        thread = threading.Thread(target=evaluate)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert evaluated == texts


def test_threads_share_an_expression() -> None:
    expression = compile_expression('user.userName.lowerAscii().endsWith("@" + user.title)')
    wrong: list[int] = []

    def evaluate(own: int) -> None:
        user = {"userName": f"A@{own}", "title": str(own)}
        wrong.extend(own for _ in range(200) if not expression.holds(user))

    threads = [threading.Thread(target=evaluate, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_condition_is_told_by_its_text() -> None:
    assert condition_of("user.active") == condition_of("user.active")
    assert condition_of("user.active") != condition_of("!user.active")


_WORDS = st.sampled_from(
    [
        *("user", ".title", ".emails", ".name", '["urn:x"]', "[0]", "(", ")", "[", "]", "{", "}", ",", ":", "?", "."),
        *(
            "+",
            "-",
            "*",
            "/",
            "%",
            "!",
            "==",
            "!=",
            "<",
            ">=",
            "&&",
            "||",
            " in ",
            "x",
            "true",
            "null",
            "1",
            "2.5",
            "7u",
        ),
        *(
            '"a"',
            "'b'",
            "r'\\d'",
            ".map(x, ",
            ".exists(x, ",
            ".filter(x, ",
            "has(",
            "size(",
            "int(",
            ".split(",
            ".join(",
        ),
        *(".replace(", ".substring(", ".matches(", ".lowerAscii()", "9223372036854775807", "é", "\\", "\n", "//"),
    ]
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["value", "type", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)
_USERS = st.dictionaries(st.sampled_from(["title", "emails", "name", "urn:x", "id"]), _JSON, max_size=4)


@given(text=st.lists(_WORDS, max_size=14).map("".join) | st.text(max_size=20), user=_USERS)
def test_nothing_else_escapes(text: str, user: dict[str, Any]) -> None:
    try:
        expression = compile_expression(text, ATTRIBUTES)
    except InvalidExpression:
        expression = expression_of(text)
    with suppress(ExpressionFailed):
        value = expression.value(user)
        elements = value if isinstance(value, list) else [value]
        assert all(element is None or isinstance(element, str | bool | int | float) for element in elements)
    with suppress(ExpressionFailed):
        assert expression.holds(user) in (True, False)
