from dataclasses import replace

import pytest

from scim_operator.local.directory_snapshot import DirectorySnapshot, Group, User, describe

ANN = User("Ann", active=True, roles=frozenset({"viewer"}), document={"userName": "ann", "title": "Dr."})
STAFF = Group("Staff", frozenset({"a"}))
BEFORE = DirectorySnapshot({"a": ANN}, {"g": STAFF})


def test_what_is_equal_isnt_told() -> None:
    assert describe(BEFORE, DirectorySnapshot(dict(BEFORE.users), dict(BEFORE.groups))) == []


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (None, "deleted Ann"),
        (replace(ANN, active=False, roles=frozenset()), "changed Ann: blocked; lost viewer"),
        (replace(ANN, roles=frozenset({"admin", "viewer"})), "changed Ann: gained admin"),
        (replace(ANN, roles=frozenset({"admin"})), "changed Ann: gained admin; lost viewer"),
        (replace(ANN, document={"userName": "ann", "name": {}}), "changed Ann: sent name, title"),
    ],
)
def test_a_user(user: User | None, said: str) -> None:
    after = DirectorySnapshot({"a": user} if user else {}, BEFORE.groups)
    assert describe(BEFORE, after) == [said]


def test_who_comes_back_and_who_is_new() -> None:
    blocked = DirectorySnapshot({"a": replace(ANN, active=False)}, BEFORE.groups)
    bob = User("Bob", active=True, roles=frozenset())
    after = DirectorySnapshot({"a": ANN, "b": bob, "c": replace(bob, name="Cid", active=False)}, BEFORE.groups)
    assert describe(blocked, after) == [
        "changed Ann: active again",
        "created Bob: no role",
        "created Cid, inactive: no role",
    ]


@pytest.mark.parametrize(
    ("group", "said"),
    [
        (None, "deleted group Staff"),
        (replace(STAFF, name="Crew"), "changed group Crew: it was Staff"),
        (replace(STAFF, members=frozenset({"b", "c"})), "changed group Staff: 2 members added; 1 member removed"),
    ],
)
def test_a_group(group: Group | None, said: str) -> None:
    after = DirectorySnapshot(BEFORE.users, {"g": group} if group else {})
    assert describe(BEFORE, after) == [said]


def test_a_new_group() -> None:
    after = DirectorySnapshot(BEFORE.users, {**BEFORE.groups, "h": Group("New", frozenset())})
    assert describe(BEFORE, after) == ["created group New with 0 members"]
