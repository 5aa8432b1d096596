"""What commands end with."""

PROBLEMS_FOUND = 1
"""The manifests were read, and something is wrong with them."""

NOT_RUN = 2
"""The command could not do what it was asked for: a wrong option, no such file, nothing to check."""

CONDITION_NOT_MET = 1
"""The command did what it was asked for, and what was asked about isn't so: no such user, too many losses."""
