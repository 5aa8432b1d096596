"""How many of the database's connections are for one tenant, whatever it asks for."""


def tenant_share(connections: int) -> int:
    """Three quarters: the others never wait for one tenant, and where there is only one it has nearly all."""
    return max(1, connections * 3 // 4)
