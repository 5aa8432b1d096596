"""Whether `scim-operator validate` and `render` take seconds for thousands of objects, and the same for each."""

import resource
import subprocess
import sys
from pathlib import Path

from benchmarks.bench import Bench, Ratio, Workshop
from benchmarks.many_objects import write_many_objects

_SCIM_OPERATOR = Path(sys.executable).with_name("scim-operator")
_FEW = 100
"""ProvisioningConfigs, each with a Secret and five RoleMappings: 700 objects."""


def _run(workshop: Workshop) -> list[Ratio]:
    empty, few, many = (_folder(workshop, configs) for configs in (1, _FEW, 10 * _FEW))
    with workshop.doing("measuring scim-operator validate"):
        start, small, large = (
            min(_seconds("validate", folder) for _ in range(workshop.sizes.rounds)) for folder in (empty, few, many)
        )
    with workshop.doing("measuring scim-operator render"):
        rendering = min(_seconds("render", many) for _ in range(workshop.sizes.rounds))
    objects = 7 * _FEW
    workshop.say(f"{objects:,} objects", f"{small:.1f} s of processor time")
    workshop.say(f"{10 * objects:,} objects", f"{large:.1f} s of processor time")
    workshop.say("of these for starting", f"{start:.1f} s")
    workshop.say(f"{10 * objects:,} objects, render", f"{rendering:.1f} s of processor time")
    ratio = (large - start) / 10 / (small - start)
    return [Ratio(f"validate, time for each object: {10 * objects:,} ÷ {objects:,}", ratio, "≤ 1.3")]


def _folder(workshop: Workshop, configs: int) -> Path:
    folder = workshop.directory / f"manifests-{configs}"
    folder.mkdir(exist_ok=True)
    write_many_objects(folder, configs)
    return folder


def _seconds(command: str, folder: Path) -> float:
    """Processor time, which other programs disturb less than the clock."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([_SCIM_OPERATOR, command, "-f", folder], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


VALIDATE = Bench(
    "validate",
    "time for each object of scim-operator validate: 7,000 objects ÷ 700",
    _run,
    databases=("SQLite",),
)
