"""Databases that earlier servers filled, and what those servers answered from them.

`databases/NAME/` holds, for each kind of database, a dump and the answers to a list of GET requests.
`test_upgrade.py` loads the dump, starts the server of today on it, and expects the same answers.

Before a change of the schema, on the commit before it:

    $ .venv/bin/python -m tests.upgrade NAME

fills new databases through the server of the working tree and writes `databases/NAME/`. What is there already is
never written again: no later server could make it.
"""
