"""Users of a deleted ProvisioningConfig, whom another one of its name finds."""


def former_users_note(count: int) -> str:
    """What Events and local mode say of them."""
    who = "1 user" if count == 1 else f"{count} users"
    verb = "is" if count == 1 else "are"
    return f"{who} of a former ProvisioningConfig of this name {verb} here again"
