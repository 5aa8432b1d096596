"""The provider's side of the quick start: people and groups as they stand in Acme's Okta, before and after a day."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """`external_id` is Okta's id of the user; `department` is sent in the enterprise extension when there is one."""

    external_id: str
    given_name: str
    family_name: str
    department: str | None = None

    @property
    def user_name(self) -> str:
        return f"{self.given_name}.{self.family_name}@acme.example".lower()

    @property
    def display_name(self) -> str:
        return f"{self.given_name} {self.family_name}"


@dataclass(frozen=True, slots=True)
class PushedGroup:
    """A group that is pushed, with its members at the first push. Okta sends no externalId for groups."""

    display_name: str
    members: tuple[Person, ...]


@dataclass(frozen=True, slots=True)
class MembershipChange:
    """A pushed group that gains and loses members later: one PATCH."""

    group: str
    joins: tuple[Person, ...] = ()
    leaves: tuple[Person, ...] = ()


@dataclass(frozen=True, slots=True)
class Sync:
    """Everything that the provider sends, in this order."""

    people: tuple[Person, ...]
    groups: tuple[PushedGroup, ...]
    changes: tuple[MembershipChange, ...]
    leavers: tuple[Person, ...]


ADA = Person("00u1ada", "Ada", "Lovelace", "Platform")
ALAN = Person("00u2alan", "Alan", "Turing", "Platform")
CHARLES = Person("00u3charles", "Charles", "Babbage", "Platform")
DOROTHY = Person("00u4dorothy", "Dorothy", "Vaughan")
GRACE = Person("00u5grace", "Grace", "Hopper", "Compilers")
KATHERINE = Person("00u6katherine", "Katherine", "Johnson", "Trajectories")

ACME = Sync(
    people=(ADA, ALAN, CHARLES, DOROTHY, GRACE, KATHERINE),
    groups=(
        PushedGroup("App Admins", (ADA, CHARLES)),
        PushedGroup("Engineering", (ADA, CHARLES, GRACE)),
        PushedGroup("On-call Europe", (ALAN, KATHERINE)),
        PushedGroup("On-call America", (GRACE,)),
        PushedGroup("Book Club", (ADA, DOROTHY)),
    ),
    changes=(
        MembershipChange("Engineering", joins=(KATHERINE,), leaves=(CHARLES,)),
        MembershipChange("On-call Europe", leaves=(KATHERINE,)),
    ),
    leavers=(CHARLES,),
)
