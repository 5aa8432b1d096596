"""A program that both trees run: an installation of the tree whose code is on PYTHONPATH, until standard input ends.

    side.py DIRECTORY DATABASE_URL USERS ANSWER

loads so many users by the tree's own code, where USERS isn't 0, and writes the SCIM base URL, the headers of a
request and the ids of the users into the file ANSWER. It may use only what every commit's `benchmarks` has.
"""

import json
import sys
from pathlib import Path

from benchmarks.installation import Installation
from benchmarks.loading import load_users


def main(directory: str, database_url: str, users: str, answer: str) -> None:
    with Installation(Path(directory), database_url) as installation:
        ids = load_users(database_url, int(users), lambda _: None) if int(users) else []
        found = {"url": installation.urls[0], "headers": installation.headers, "ids": ids}
        partial = Path(answer + ".partial")
        partial.write_text(json.dumps(found))
        partial.rename(answer)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
