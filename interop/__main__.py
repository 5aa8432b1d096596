"""The command `python -m interop`."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.support.server_process import ServerProcess
from tests.support.serving import Connection, bundle_of

_CLIENTS = (("scim-sdk", "ScimSdk"), ("connid", "ConnId", "PUT"), ("connid", "ConnId", "PATCH"))
"""Project (their libraries exclude each other), class, and its arguments behind base URL and token."""

_SECONDS = 300
"""Maven fetches the libraries at first."""
_SHOWN = 4_000
"""Characters of a log."""


def main() -> int:
    if shutil.which("mvn") is None:
        print("mvn is missing: install Maven and Java 17 (Debian: maven, openjdk-17-jdk-headless)", file=sys.stderr)
        return 2
    failed = 0
    for project, name, *more in _CLIENTS:
        maven = ["mvn", "--quiet", "--batch-mode", "--file", str(Path(__file__).parent / project / "pom.xml")]
        okta = Connection()
        with tempfile.TemporaryDirectory() as directory:
            server = ServerProcess(Path(directory), f"sqlite:///{directory}/scim.db", bundle_of(okta))
            server.start()
            try:
                arguments = " ".join([server.url + okta.path, okta.token("provision"), *more])
                run = [*maven, "compile", "exec:java", f"-Dexec.mainClass={name}", f"-Dexec.args={arguments}"]
                print(" ".join((name, *more)), flush=True)
                failed += not _succeeds(run, server.log)
            finally:
                server.kill()
    return min(failed, 1)


def _succeeds(run: list[str], server_log: Path) -> bool:
    """Clients log each call: what they wrote is shown when something went wrong."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        try:
            ended = subprocess.run(run, stdout=output, stderr=subprocess.STDOUT, timeout=_SECONDS, check=False)
            why = f"exit status {ended.returncode}" if ended.returncode else None
        except subprocess.TimeoutExpired:
            why = f"no end within {_SECONDS} s"
        if why is None:
            print("  all as expected")
            return True
        output.seek(0)
        print(f"{output.read()[-_SHOWN:]}\n{why}; the server's log:")
        print(server_log.read_text(encoding="utf-8")[-_SHOWN:])
    return False


if __name__ == "__main__":
    raise SystemExit(main())
