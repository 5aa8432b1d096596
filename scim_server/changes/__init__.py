"""What follows from a change, written in its transaction: see `record`."""

from scim_server.changes.record import record

__all__ = ["record"]
