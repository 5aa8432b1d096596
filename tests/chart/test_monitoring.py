"""Alerts and the dashboard, against metrics that a real Prometheus has scraped from a server and an operator."""

import asyncio
import json
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import start_http_server

from scim_operator.delivery import Delivery, ManagementClient, ManagementToken, replicas_at
from scim_operator.reconcile.metrics import Metrics
from scim_server.app import Server, ServerSettings
from scim_server.config import ConfigError, Webhook
from scim_server.http.deadlines import TimeLimits
from scim_server.http.protection import RequestLimits
from scim_server.limits.token_bucket import Rate
from tests.control_plane.certificates import CertificateAuthority
from tests.helm.helm import CHART
from tests.support.debian import program
from tests.support.processes import free_port, kill_process, log_tail, start_process
from tests.support.serving import Connection, client_of, with_expiry
from tests.support.webhooks import with_webhooks

ALERTS = CHART / "files" / "alerts.yaml"
DASHBOARD = CHART / "files" / "dashboard.json"

_NAME = "scim-server-management.scim-system.svc"
_WINDOW = "1m"
_SECONDS = 90.0


def test_promtool_takes_the_rules_and_each_alert_fires_when_it_should(tmp_path: Path) -> None:
    for file in (ALERTS, Path(__file__).with_name("alerts.test.yaml")):
        shutil.copy(file, tmp_path)
    for command in (["check", "rules", "--lint-fatal", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]):
        ended = subprocess.run(
            [program("promtool"), *command], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_each_alert_says_what_it_means_and_what_to_look_at() -> None:
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
            assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]


def _alert_queries() -> Iterator[tuple[str, str]]:
    """The sides of each alert's comparison: the alert itself has data only while something is wrong."""
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            expression = rule["expr"]
            if absent := re.fullmatch(r"absent\((.*)\)", expression):
                yield rule["alert"], absent[1]
                continue
            sides = re.split(r" (?:>|<|==|!=) ", expression)
            assert len(sides) == 2, expression
            yield from ((rule["alert"], side) for side in sides)


def _panels() -> list[dict[str, Any]]:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [panel for panel in panels if panel["type"] != "row"]


def _dashboard_queries() -> Iterator[tuple[str, str, list[str]]]:
    """Title, query and the labels that its legend shows."""
    for panel in _panels():
        for target in panel["targets"]:
            query = target["expr"].replace("$__rate_interval", _WINDOW).replace("$tenant", ".*")
            assert "$" not in query
            yield panel["title"], query, re.findall(r"{{(\w+)}}", target["legendFormat"])


class _Prometheus:
    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, trust_env=False, timeout=30)

    async def query(self, expression: str) -> list[dict[str, str]]:
        """Labels of each sample; a number has none."""
        answer = (await self._client.get("/api/v1/query", params={"query": expression})).json()
        assert answer["status"] == "success", (expression, answer)
        data = answer["data"]
        return [{}] if data["resultType"] == "scalar" else [sample["metric"] for sample in data["result"]]

    async def ready(self) -> None:
        """Until then it refuses connections, and answers queries with 503."""

        async def is_ready() -> bool:
            try:
                return (await self._client.get("/-/ready")).status_code == 200
            except httpx.TransportError:
                return False

        try:
            async with asyncio.timeout(_SECONDS):
                while not await is_ready():  # noqa: ASYNC110 - Prometheus has no event
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"Prometheus is not ready within {_SECONDS:g} s") from None

    async def rules(self) -> dict[str, dict[str, Any]]:
        groups = (await self._client.get("/api/v1/rules")).json()["data"]["groups"]
        return {rule["name"]: rule for group in groups for rule in group["rules"]}

    async def close(self) -> None:
        await self._client.aclose()


@asynccontextmanager
async def _prometheus(directory: Path, server: int, operator: int, authority: Path) -> AsyncIterator[_Prometheus]:
    """It scrapes the server as the ServiceMonitor tells it to."""
    port = free_port()
    tls = {"ca_file": str(authority), "server_name": _NAME}
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [
            {
                "job_name": "server",
                "scheme": "https",
                "tls_config": tls,
                "static_configs": [{"targets": [f"127.0.0.1:{server}"]}],
            },
            {"job_name": "operator", "static_configs": [{"targets": [f"127.0.0.1:{operator}"]}]},
        ],
    }
    file = directory / "prometheus.json"
    file.write_text(json.dumps(config))
    log = directory / "prometheus.log"
    process = start_process(
        [
            program("prometheus"),
            f"--config.file={file}",
            f"--storage.tsdb.path={directory / 'prometheus'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        log=log,
    )
    prometheus = _Prometheus(f"http://127.0.0.1:{port}")
    try:
        await prometheus.ready()
        yield prometheus
    except AssertionError as error:
        error.add_note(log_tail(log))
        raise
    finally:
        await prometheus.close()
        kill_process(process)


@asynccontextmanager
async def _operator(directory: Path) -> AsyncIterator[int]:
    """The port with the metrics of an operator, one of whose servers is away."""
    token = directory / "token"
    token.write_text("a-management-token")
    async with ManagementClient(ManagementToken(token)) as client:
        delivery = Delivery(client, replicas_at(["http://127.0.0.1:1"]))
        metrics = Metrics()
        metrics.watch(lambda: 0, delivery)
        await delivery.poll()
        port = free_port()
        listening, thread = start_http_server(port, "127.0.0.1", registry=metrics.registry)
        try:
            yield port
        finally:
            listening.shutdown()
            listening.server_close()
            thread.join()


async def _until(prometheus: _Prometheus, expression: str) -> list[dict[str, str]]:
    """What the query returns as soon as that is anything."""
    try:
        async with asyncio.timeout(_SECONDS):
            while not (found := await prometheus.query(expression)):  # noqa: ASYNC110 - Prometheus has no event
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise AssertionError(f"no data within {_SECONDS:g} s: {expression}") from None
    return found


async def _make_trouble(server: Server, connection: Connection, database: Path) -> None:
    """What else a server counts: failed and refused requests, refused configurations."""
    server.intake.refuse(ConfigError("a test"), "push")
    async with client_of(server.url, connection) as provider:
        await provider.post("/Users", json={"userName": "ada@acme.com"})
        statuses = [
            (await provider.get("/Users", headers={"Authorization": "Bearer wrong"})).status_code for _ in range(4)
        ]
        assert {401, 429} == set(statuses)
        with closing(sqlite3.connect(database)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = await provider.post("/Users", json={"userName": "alan@acme.com"})
        assert answer.status_code == 503


@pytest.fixture
def directory(run_directory: Path) -> Path:
    return Path(tempfile.mkdtemp(prefix="prometheus-", dir=run_directory))


async def test_every_query_of_the_dashboard_and_of_the_alerts_has_data(
    private_network: tuple[str, ...], directory: Path
) -> None:
    authority = CertificateAuthority()
    shown = authority.issue_server([_NAME], [])
    for name, content in (("ca.crt", authority.certificate), ("tls.crt", shown.certificate), ("tls.key", shown.key)):
        (directory / name).write_bytes(content)
    database, connection = directory / "scim.db", Connection()
    webhook = Webhook(name="crm", url="https://127.0.0.1:1/")
    settings = ServerSettings(
        f"sqlite:///{database}",
        port=0,
        management_port=free_port(),
        management_tls_cert=directory / "tls.crt",
        management_tls_key=directory / "tls.key",
        limits=RequestLimits(failed_authentication=Rate(2 / 60, 2), times=TimeLimits(5, 1, 5)),
    )
    assert settings.management_port is not None
    async with (
        Server(settings) as server,
        _operator(directory) as operator,
        _prometheus(directory, settings.management_port, operator, directory / "ca.crt") as prometheus,
    ):
        await server.intake.offer(with_expiry(with_webhooks(connection, [webhook])), "test")
        await _until(prometheus, "scim_users and on () scim_operator_queue_depth")
        await _make_trouble(server, connection, database)
        for title, query, labels in _dashboard_queries():
            # Requests that nobody was authenticated for have no tenant.
            assert any(set(labels) <= set(sample) for sample in await _until(prometheus, query)), (title, query)
        for alert, side in _alert_queries():
            assert await _until(prometheus, side), (alert, side)
        assert await _until(prometheus, 'ALERTS{alertname="ScimConfigurationRefused",alertstate="firing"}')
        rules = await prometheus.rules()
    assert set(rules) == {alert for alert, _ in _alert_queries()}
    assert {rule["health"] for rule in rules.values()} == {"ok"}, rules
    assert rules["ScimOperatorReplicaFault"]["state"] == "pending"
    assert rules["ScimServerAbsent"]["state"] == rules["ScimRolesBehind"]["state"] == "inactive"
