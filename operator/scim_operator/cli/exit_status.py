"""What the commands that read manifests end with."""

PROBLEMS_FOUND = 1
"""The manifests were read, and something is wrong with them."""

NOT_RUN = 2
"""The command could not do what it was asked for: a wrong option, no such file, nothing to check."""
