"""What `make chart` writes is what is committed, and the schema says what it should."""

import json
from pathlib import Path

import jsonschema
import pytest

from tests.chart.generate import CASES, generated_files
from tests.chart.values_file import described_values
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


def test_every_value_is_used_by_a_render() -> None:
    """A value that no case sets isn't covered by the tests of renders."""
    set_somewhere = "\n".join(path.read_text(encoding="utf-8") for path in CASES)
    unused = {
        ".".join(value.path)
        for value in described_values((Path(CHART) / "values.yaml").read_text(encoding="utf-8"))
        if value.path[-1] not in set_somewhere
    }
    assert unused <= {
        # Taken as they are.
        "server.image.pullPolicy",
        "operator.image.pullPolicy",
        "server.resources",
        "operator.resources",
        "server.podSecurityContext",
        "operator.podSecurityContext",
        "server.terminationGracePeriodSeconds",
        "server.autoscaling.targetCPUUtilizationPercentage",
        "management.tls.certManager.duration",
        "management.tls.certManager.renewBefore",
        "management.tls.certManager.issuerRef.group",
        "config.configMapName",
        "config.secretName",
        "networkPolicy.serverEgress",
        # The control plane has them from `crds/`; test_install.py installs and keeps them.
        "crds.keep",
    }, unused
