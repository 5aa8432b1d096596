"""The application of the management port."""

from importlib.metadata import version

from fastapi import FastAPI

from scim_server.background.rules import RulesApplier
from scim_server.clock import Clock
from scim_server.config import ConfigHolder
from scim_server.directory.feed import Feed
from scim_server.management import (
    config_routes,
    deliveries_routes,
    event_routes,
    explanation_routes,
    holds_routes,
    log_routes,
    preview_routes,
    probe_routes,
    status_routes,
)
from scim_server.management.intake import Intake
from scim_server.management.metrics_text import MetricsText
from scim_server.management.openapi import ManagementApi
from scim_server.management.problems import answer_problems
from scim_server.management.services import Services, provide
from scim_server.management.status import Status
from scim_server.management.token_file import ManagementTokens
from scim_server.metrics import Metrics
from scim_server.storage.protocol import Storage


def create_management_app(
    holder: ConfigHolder,
    intake: Intake,
    applier: RulesApplier,
    status: Status,
    storage: Storage,
    feed: Feed,
    metrics: Metrics,
    tokens: ManagementTokens,
    clock: Clock,
) -> FastAPI:
    """Everything but probes, metrics and `/openapi.json` wants a management token."""
    app = management_routes()
    scraped = MetricsText(metrics, status.refresh_metrics)
    provide(app, Services(holder, intake, applier, status, storage, feed, scraped, tokens, clock))
    return app


def management_routes() -> FastAPI:
    """Without the services that the routes work with."""
    app = ManagementApi(
        title="scim-server management",
        version=version("scim-operator"),
        description="The management port: configuration in, status out, probes, metrics. Never exposed to identity"
        " providers. Errors are JSON with a `reason`.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    for routes in (
        config_routes,
        preview_routes,
        status_routes,
        explanation_routes,
        log_routes,
        holds_routes,
        event_routes,
        deliveries_routes,
        probe_routes,
    ):
        app.include_router(routes.router)
    answer_problems(app)
    return app
