"""Programs that tests need from the system: `make test` sees to them with `python -m tests.support.debian`.

Before the tests, because those run in a network of their own, from which nothing can be fetched.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAMS = ("curl", "haproxy", "nginx", "nodejs", "openssl", "pgbouncer", "prometheus")
"""Each is the name of its Debian package as well."""
_DIRECTORIES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin"))
_RUNLEVEL_OF_MAINTENANCE = {"RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"}
"""So that no package starts a service, nor asks."""


class ProgramMissing(Exception):
    """The message says how to get it."""


def program(name: str) -> Path:
    """Where it is. Raises ProgramMissing."""
    found = shutil.which(name, path=_DIRECTORIES)
    if found is None:
        raise ProgramMissing(f"{name} is missing: install it (Debian: `apt-get install {name}`, as root)")
    return Path(found)


def main() -> None:
    missing = [name for name in PROGRAMS if shutil.which(name, path=_DIRECTORIES) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get") is not None:
        print(f"Installing {', '.join(missing)} for the tests")
        environment = {**os.environ, **_RUNLEVEL_OF_MAINTENANCE}
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
            subprocess.run(["apt-get", "-qq", *command], env=environment, check=True, stdout=subprocess.DEVNULL)
    elif missing:
        names = " ".join(missing)
        print(f"Tests will fail for want of {names}: `apt-get install {names}`, as root", file=sys.stderr)


if __name__ == "__main__":
    main()
