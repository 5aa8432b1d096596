"""What `make chart` writes is what is committed, and the schema says what it should."""

import json
from collections.abc import Sequence
from typing import Any

import jsonschema
import pytest
import yaml

from tests.chart.generate import CASES, generated_files
from tests.chart.values_file import described_values, read_values
from tests.helm.helm import CHART, Helm, HelmError


def test_nothing_is_out_of_date(helm: Helm) -> None:
    stale = [
        path.name
        for path, text in generated_files(helm)
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]
    assert not stale, f"run `make chart` and look at what changes in {', '.join(stale)}"


def test_the_schema_is_one() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)


def test_helm_finds_nothing_to_say_of_the_chart(helm: Helm) -> None:
    for case in CASES:
        helm.run("lint", "--strict", CHART, f"--values={case}")


def test_a_value_without_a_description_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"^a\.c: a comment"):
        list(described_values("a:\n  # -- Known.\n  b: 1\n  c: 2\n"))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("server.replica=2", "additional properties 'replica' not allowed"),
        ("server.replicas=many", "at '/server/replicas': got string, want"),
        ("server.image.digest=sha256:1234", "at '/server/image/digest'"),
        ("server.service.type=Pod", "at '/server/service/type': value must be one of"),
        ("server.priorityClassName=a\n      hostNetwork: true", "at '/server/priorityClassName'"),
        ("operator.namespaces={A}", "at '/operator/namespaces/0'"),
        ("ingress.host=*.example", "at '/ingress/host'"),
        ("server.replicas=2", "server.replicas: 2: SQLite takes one server"),
        ("server.autoscaling.enabled=true", "server.autoscaling.enabled: SQLite takes one server"),
        ("database.url=sqlite:////x", "at '/database/url'"),
        ("database.url=postgresql://a/b,database.existingSecret.name=a", "one of them is expected"),
        ("ingress.enabled=true", "ingress.host: a host is expected"),
        ("gateway.enabled=true,gateway.host=a.example", "gateway.host and gateway.parentRefs: both are expected"),
        ("ingress.enabled=true,gateway.enabled=true", "ingress.enabled and gateway.enabled: one of them is expected"),
        (
            "management.tls.existingSecret=a,management.tls.certManager.enabled=true",
            "management.tls.certManager.enabled and management.tls.existingSecret: one of them",
        ),
    ],
)
def test_values_that_cannot_be_are_refused_by_name(helm: Helm, option: str, message: str) -> None:
    with pytest.raises(HelmError) as refused:
        helm.template(f"--set={option}")
    assert message in str(refused.value)


def test_every_value_is_set_in_a_render() -> None:
    """Else nobody would see that a template has forgotten it."""
    cases = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in CASES]
    forgotten = {
        ".".join(value.path) for value in read_values(CHART) if not any(_has(case, value.path) for case in cases)
    }
    # Renders leave out the definitions, which test_renders.py compares.
    assert forgotten == {"crds.enabled", "crds.keep"}


def _has(values: Any, path: Sequence[str]) -> bool:
    if not path:
        return True
    return isinstance(values, dict) and path[0] in values and _has(values[path[0]], path[1:])
