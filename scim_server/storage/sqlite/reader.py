"""All reads, and all changes, of one tenant."""

from scim_server.storage.sqlite.memberships import MembershipReads, MembershipWrites
from scim_server.storage.sqlite.rules import RuleReads, RuleWrites
from scim_server.storage.sqlite.users import UserReads, UserWrites


class SqliteReader(UserReads, MembershipReads, RuleReads):
    """`protocol.Reader`."""


class SqliteWriter(UserWrites, MembershipWrites, RuleWrites):
    """`protocol.Writer`."""
