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
                if subprocess.run(run, check=False).returncode:
                    failed += 1
                    print(f"{name} {' '.join(more)}: failed; the server's log:\n{server.log.read_text()[-4000:]}")
            finally:
                server.kill()
    return min(failed, 1)


if __name__ == "__main__":
    raise SystemExit(main())
