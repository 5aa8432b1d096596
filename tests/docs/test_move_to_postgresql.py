"""The pages about PostgreSQL, as written: the copy is made, the manifests are whole and safe."""

import asyncio
import os
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.scim_server.storage.steps import Steps
from tests.support.storages import open_storage

_HOW_TO = Path(__file__).parents[2] / "docs/how-to"
_MOVE = (_HOW_TO / "move-to-postgresql.md").read_text()
_POSTGRESQL = (_HOW_TO / "postgresql.md").read_text()


def _yaml_blocks(page: str) -> list[Any]:
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)]


async def test_a_database_is_moved(tmp_path: Path, postgres_dsn: str) -> None:
    old = open_storage(f"sqlite:///{tmp_path}/scim.db")
    await old.open()
    await Steps(old, "acme/okta").add_user("ann")
    await old.close()
    (command,) = re.findall(r"^\$ (scim-server copy .*)$", _MOVE, re.MULTILINE)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = await asyncio.create_subprocess_shell(
        command, cwd=tmp_path, env={**os.environ, "PATH": path, "NEW_DATABASE": postgres_dsn}
    )
    assert await process.wait() == 0
    new = open_storage(postgres_dsn)
    await new.open()
    assert await Steps(new, "acme/okta").find_users("userName pr") == {"ann"}
    await new.close()


def test_the_job_names_what_the_chart_and_the_command_have() -> None:
    (job,) = _yaml_blocks(_MOVE)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["args"][0] == "copy"
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert {volume["name"] for volume in pod["volumes"]} == set(mounts)
    options = dict(argument.split("=", 1) for argument in container["args"][1:])
    assert options["--from"].removeprefix("sqlite:///").startswith(mounts["data"])
    assert options["--to-url-file"].startswith(mounts["database"])
    assert any(entry["value"].startswith(mounts["authority"]) for entry in container["env"])


def test_the_manifests_of_cloudnativepg_fit_each_other() -> None:
    cluster, values, pooler, certificates, pooled = _yaml_blocks(_POSTGRESQL)
    name = cluster["metadata"]["name"]
    assert pooler["spec"]["cluster"]["name"] == name
    assert pooler["metadata"]["namespace"] == cluster["metadata"]["namespace"]
    assert certificates["certificates"]["serverAltDNSNames"] == [pooler["metadata"]["name"]]
    for database in (values["database"], pooled["database"]):
        assert database["caSecret"]["name"] == f"{name}-ca"
    assert values["database"]["existingSecret"] == {"name": f"{name}-app", "key": "uri"}
    assert pooled["server"]["volumes"][0]["secret"]["secretName"] == f"{name}-app"
    owner = cluster["spec"]["bootstrap"]["initdb"]
    url = f"postgresql://{owner['owner']}@{pooler['metadata']['name']}:5432/{owner['database']}"
    assert pooled["database"]["url"] == url
