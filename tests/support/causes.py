"""A request as the cause of a change."""

import time

from scim_server.provisioning.cause import Cause, CauseKind, RequestCause

REQUESTED = Cause(
    CauseKind.REQUEST,
    RequestCause("r-1", "okta", "Okta SCIM Client 1.0.0", "POST", "User", None, 201, time.perf_counter()),
)
