"""The tables of metrics against what a server and an operator show."""

import re
from pathlib import Path

from prometheus_client import generate_latest

from scim_operator.delivery import Delivery, ManagementClient, ManagementToken, replicas_at
from scim_operator.reconcile.metrics import Metrics
from scim_server.app import Server, ServerSettings
from scim_server.config import AttributeRule, ConfigError, Webhook
from tests.support.serving import Connection, client_of, with_expiry
from tests.support.webhooks import until_owned, with_webhooks

_PAGE = Path(__file__).parents[2] / "docs/reference/metrics.md"
_ROW = re.compile(r"\| `(scim_\w+)` \| (\w+) \|([^|]*)\|")
_OF_THE_FORMAT = {"le"}


def documented(*, operator: bool) -> dict[str, tuple[str, set[str]]]:
    return {
        name: (kind, set(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels in _ROW.findall(_PAGE.read_text())
        if name.startswith("scim_operator_") == operator
    }


def shown(text: str) -> dict[str, tuple[str, set[str]]]:
    """Type and labels of each metric. One without samples would show no labels."""
    found = {name: (kind, set[str]()) for name, kind in re.findall(r"^# TYPE (scim_\w+) (\w+)$", text, re.MULTILINE)}
    for sample, labels in re.findall(r"^(scim_\w+?)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
        base = re.sub(r"_(bucket|count|sum)$", "", sample)
        name = base if base in found else sample
        found[name][1].update(set(re.findall(r'(\w+)="', labels)) - _OF_THE_FORMAT)
    return found


async def test_the_page_lists_every_metric_with_type_and_labels(tmp_path: Path) -> None:
    rule = AttributeRule(mapping="acme/attributes", target="team", expression="user.title")
    connection = Connection(attributes=[rule])
    async with Server(ServerSettings(f"sqlite:///{tmp_path}/scim.db", port=0, management_port=0)) as server:
        webhook = Webhook(name="crm", url="http://127.0.0.1:1/")
        await server.intake.offer(with_expiry(with_webhooks(connection, [webhook])), "test")
        await until_owned(server, {"crm"})
        server.intake.refuse(ConfigError("a test"), "push")
        server.metrics.refused("connections")
        server.metrics.watch_certificate("public", lambda: 0, lambda: False)  # as with --tls-cert
        async with client_of(server.url, connection) as provider:
            await provider.post("/Users", json={"userName": "ada@acme.com"})
            await provider.get("/Users", headers={"Authorization": "Bearer wrong"})
        async with client_of(server.url, connection, "read") as application:
            (await application.get(f"{server.url}/{connection.key}/events")).raise_for_status()
        async with client_of(server.management_url) as prometheus:
            text = (await prometheus.get("/metrics")).text
    assert shown(text) == documented(operator=False)


async def test_the_page_lists_every_metric_of_the_operator(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("a-management-token")
    async with ManagementClient(ManagementToken(token)) as client:
        delivery = Delivery(client, replicas_at(["http://127.0.0.1:1"]))
        metrics = Metrics()
        metrics.watch(lambda: 0, delivery)
        with metrics.reconcile(1):
            pass
        await delivery.poll()
        text = generate_latest(metrics.registry).decode()
    found = {name: each for name, each in shown(text).items() if not name.endswith("_created")}
    assert found == documented(operator=True)
