"""All reads, and all changes, of one tenant."""

from scim_server.storage.postgres.memberships import MembershipReads, MembershipWrites
from scim_server.storage.postgres.rules import RuleReads, RuleWrites
from scim_server.storage.postgres.users import UserReads, UserWrites


class PostgresReader(UserReads, MembershipReads, RuleReads):
    """`protocol.Reader`."""


class PostgresWriter(UserWrites, MembershipWrites, RuleWrites):
    """`protocol.Writer`."""
