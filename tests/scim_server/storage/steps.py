"""Short ways to say what a test does with a storage: each is a transaction of its own."""

from collections.abc import Iterable, Sequence
from typing import Any

from scim_server.config import GroupSelector, ProtectedUser, RoleRule, Safety
from scim_server.provisioning.policy import NO_POLICY, Policy
from scim_server.scim.filter import parse
from scim_server.scim.patch import MembersDelta
from scim_server.scim.resource_types import GROUP_TYPE, USER_TYPE
from scim_server.storage.protocol import Reader, Storage, Writer
from scim_server.storage.records import (
    Document,
    GroupRecord,
    Member,
    MembersChanged,
    Page,
    PermissionsOfRoles,
    Query,
    RoleChange,
    UserRecord,
)
from tests.support.policies import policy_of


class Steps:
    """Works on one tenant of a storage."""

    def __init__(self, storage: Storage, tenant: str) -> None:
        self.storage = storage
        self.tenant = tenant

    async def add_user(self, name: str, *, active: bool = True, **attributes: Any) -> str:
        return (await self.insert_user({"userName": name, "active": active, **attributes}, active)).id

    async def insert_user(self, document: Document, active: bool = True) -> UserRecord:
        return await self.storage.write(self.tenant, lambda writer: writer.insert_user(document, active))

    async def add_users(self, *names: str) -> list[str]:
        async def work(writer: Writer) -> list[str]:
            return [(await writer.insert_user({"userName": name, "active": True}, True)).id for name in names]

        return await self.storage.write(self.tenant, work)

    async def update_user(self, user_id: str, **attributes: Any) -> UserRecord:
        """Attributes that are None are removed."""

        async def work(writer: Writer) -> UserRecord:
            record = await writer.lock_user(user_id)
            assert record is not None
            document = {k: v for k, v in (record.document | attributes).items() if v is not None}
            return await writer.update_user(record, document, document["active"])

        return await self.storage.write(self.tenant, work)

    async def deliver_again(self, webhook: str) -> None:
        """Every user's creation is to be delivered to a webhook that is new."""

        async def work(writer: Writer) -> int:
            await writer.know_webhooks({webhook: ["user.created"]}, 1)
            return await writer.replay_events(webhook, (0, 2**62), ["user.created"])

        assert await self.storage.write(self.tenant, work)

    async def delete_user(self, user_id: str) -> bool:
        async def work(writer: Writer) -> bool:
            user = await writer.lock_user_with_groups(user_id)
            if user is not None:
                await writer.delete_user(user)
            return user is not None

        return await self.storage.write(self.tenant, work)

    async def user(self, user_id: str) -> UserRecord | None:
        return await self.storage.read(self.tenant, lambda reader: reader.user(user_id))

    async def add_group(self, name: str, members: Iterable[str] = (), **attributes: Any) -> str:
        async def work(writer: Writer) -> str:
            document = {"displayName": name, **attributes}
            rules = await writer.rules() or NO_POLICY
            group = await writer.insert_group(document, rules.grants_of(name, attributes.get("externalId")))
            if wanted := frozenset(members):
                await writer.change_members(group, MembersDelta(add=wanted))
            return group.record.id

        return await self.storage.write(self.tenant, work)

    async def update_group(self, group_id: str, **attributes: Any) -> GroupRecord:
        async def work(writer: Writer) -> GroupRecord:
            group = await writer.lock_group(group_id)
            assert group is not None
            document = group.record.document | attributes
            rules = await writer.rules() or NO_POLICY
            grants = rules.grants_of(document["displayName"], document.get("externalId"))
            return (await writer.update_group(group, document, grants)).record

        return await self.storage.write(self.tenant, work)

    async def delete_group(self, group_id: str) -> bool:
        async def work(writer: Writer) -> bool:
            group = await writer.lock_group(group_id)
            if group is not None:
                await writer.delete_group(group)
            return group is not None

        return await self.storage.write(self.tenant, work)

    async def group(self, group_id: str) -> GroupRecord | None:
        return await self.storage.read(self.tenant, lambda reader: reader.group(group_id))

    async def change_members(
        self,
        group_id: str,
        *,
        add: Iterable[str] = (),
        remove: Iterable[str] = (),
        replace: Iterable[str] | None = None,
    ) -> MembersChanged:
        """As a PATCH does: the group is locked first, and touched where something changed."""
        delta = MembersDelta(None if replace is None else frozenset(replace), frozenset(add), frozenset(remove))

        async def work(writer: Writer) -> MembersChanged:
            group = await writer.lock_group(group_id)
            assert group is not None
            changed = await writer.change_members(group, delta)
            if changed:
                await writer.touch_group(group)
            return changed

        return await self.storage.write(self.tenant, work)

    async def members(self, group_id: str, chunk: int = 1000, *, names: bool = True) -> list[Member]:
        async def work(reader: Reader) -> list[Member]:
            return [member async for part in reader.members(group_id, chunk, names=names) for member in part]

        return await self.storage.read(self.tenant, work, snapshot=True)

    async def member_ids(self, group_id: str) -> set[str]:
        return {member.id for member in await self.members(group_id)}

    async def roles(self, user_id: str) -> set[str]:
        roles = await self.storage.read(self.tenant, lambda reader: reader.effective_roles([user_id]))
        return {role.value for role in roles[user_id]}

    async def put_rules(self, rules: Policy, revision: int, *, work_off: bool = True) -> bool:
        stored = await self.storage.write(
            self.tenant, lambda writer: writer.put_rules(rules, revision), exclusive=True
        )
        if work_off:
            await self.work_off()
        return stored

    async def work_off(self, limit: int = 2000) -> list[RoleChange]:
        changes: list[RoleChange] = []
        more = True
        while more:
            while (
                some := await self.storage.write(self.tenant, lambda writer: writer.recompute_some(limit))
            ) is not None:
                changes += some
            more = await self.storage.write(self.tenant, lambda writer: writer.measure_role_changes())
        return changes

    async def users(self, query: Query) -> Page[UserRecord]:
        return await self.storage.read(self.tenant, lambda reader: reader.users(query))

    async def groups(self, query: Query) -> Page[GroupRecord]:
        return await self.storage.read(self.tenant, lambda reader: reader.groups(query))

    async def find_users(self, filter_: str, permissions: PermissionsOfRoles | None = None) -> set[str]:
        query = Query(filter=parse(filter_, USER_TYPE), count=10_000, permissions=permissions)
        page = await self.users(query)
        assert page.total == len(page.records)
        return {record.document["userName"] for record in page.records}

    async def find_groups(self, filter_: str) -> set[str]:
        query = Query(filter=parse(filter_, GROUP_TYPE), count=10_000)
        page = await self.groups(query)
        assert page.total == len(page.records)
        return {record.document["displayName"] for record in page.records}


def rules(
    *granting: tuple[GroupSelector | str, Sequence[str]],
    base: Iterable[str] = (),
    fallback: Iterable[str] = (),
    protected: Iterable[str] = (),
    **fields: Any,
) -> Policy:
    """Rules `r0`, `r1`, … of the mapping `acme/roles`: for members of a group, or for users of whom a text is true.

    `protected`: userNames. `fields` of `PolicyConfig`."""
    return policy_of(
        [_rule(f"r{number}", whose, roles) for number, (whose, roles) in enumerate(granting)],
        base,
        fallback,
        safety=Safety(protected_users=tuple(ProtectedUser(user_name=name) for name in protected)),
        **fields,
    )


def _rule(name: str, whose: GroupSelector | str, roles: Sequence[str]) -> RoleRule:
    if isinstance(whose, str):
        return RoleRule(mapping="acme/roles", rule=name, when=whose, roles=tuple(roles))
    return RoleRule(mapping="acme/roles", rule=name, groups=(whose,), roles=tuple(roles))


def named(display_name: str) -> GroupSelector:
    return GroupSelector(display_name=display_name)


def named_roles(change: RoleChange) -> tuple[str, set[str], set[str]]:
    """Whom it is about, and the names of the roles that came and went."""
    return change.user_id, {*change.added}, {*change.removed}
