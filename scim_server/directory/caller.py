"""The authenticated client of a request, and the URL by which it knows this server."""

from dataclasses import dataclass

from scim_server.config import Access
from scim_server.directory.tenant import ServedTenant
from scim_server.provisioning.cause import Cause, CauseKind, RequestCause
from scim_server.scim.schema import ResourceType


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated credential of a tenant."""

    tenant: ServedTenant
    credential: str
    access: Access
    base_url: str
    """`https://host/namespace/name/scim/v2`: what locations and references begin with."""
    request: RequestCause | None = None
    """The request, where it may change something."""
    user_name: str | None = None
    """Of the user that the credential stands for; see `auth.authenticator.Authenticated`."""

    @property
    def cause(self) -> Cause:
        """Of what the caller changes."""
        return Cause(CauseKind.REQUEST, self.request)

    @property
    def users(self) -> ResourceType:
        """Users as the caller's filters and orders name their attributes."""
        return self.tenant.users_as_read if self.reads_effective else self.tenant.users

    @property
    def reads_effective(self) -> bool:
        """Whether the effective extension is shown without being asked for: to applications, auditors and users."""
        return self.access is not Access.PROVISION
