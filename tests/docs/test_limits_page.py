"""The page about limits against the code: defaults, options, reasons of the metric."""

import re
from pathlib import Path

from typer.testing import CliRunner

from scim_server.auth.authorization import LONGEST_VALUE
from scim_server.cli import app
from scim_server.http.bodies import DEFAULT_LIMIT, LARGE, MOST_VALUES
from scim_server.http.connections import ConnectionLimits
from scim_server.http.protection import (
    CREDENTIAL_SHARE,
    DEFAULT_CREDENTIAL_RATE,
    DEFAULT_FAILURE_RATE,
    DEFAULT_TENANT_RATE,
    DEFAULT_USER_RATE,
    RequestLimits,
)
from scim_server.limits.token_bucket import Rate
from scim_server.scim.normalise.patch_body import MOST_OPERATIONS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/limits.md").read_text()
ROWS = [[cell.strip() for cell in row.split("|")[1:-1]] for row in re.findall(r"^\|.*\|$", PAGE, re.MULTILINE)[2:]]


def default(limit: str) -> str:
    (found,) = [row for row in ROWS if row[0].startswith(limit)]
    return str(found[1])


def test_the_defaults_are_those_of_the_code() -> None:
    limits, connections = RequestLimits(), ConnectionLimits()
    rate, failures = DEFAULT_TENANT_RATE, DEFAULT_FAILURE_RATE
    assert (limits.tenant_rate, limits.failed_authentication) == (rate, failures)
    assert failures.per_second * 60 == failures.burst
    assert default("requests of one tenant under way") == str(limits.tenant_requests)
    assert f"{rate.per_second:,.0f} per second in the long run, bursts of up to {rate.burst:,}" in PAGE
    assert default("requests of one tenant that wait") == str(limits.waiting_requests)
    assert default("token requests") == str(limits.token_requests)
    credential, user = DEFAULT_CREDENTIAL_RATE, DEFAULT_USER_RATE
    assert (limits.credential_rate, limits.user_rate) == (credential, user)
    assert credential == Rate(rate.per_second * CREDENTIAL_SHARE, round(rate.burst * CREDENTIAL_SHARE))
    for one in (credential, user):
        assert f"{one.per_second:,.0f} per second, bursts of up to {one.burst:,}" in PAGE
    assert default("failed authentications") == f"{failures.burst} per minute"
    assert default("size of a body") == f"{DEFAULT_LIMIT >> 20} MiB"
    large = f"bodies above {LARGE >> 10} KiB"
    assert default(large) == f"{limits.large_bodies >> 20} MiB, half of it for one tenant"
    assert default(f"values in a body above {LARGE >> 10} KiB") == f"{MOST_VALUES:,}"
    assert default("operations") == f"{MOST_OPERATIONS:,}"
    assert default("open connections") == f"{connections.most:,}"
    assert default("time for a request's head") == f"{connections.head_seconds:.0f} s"
    assert default("size of a request's head") == f"{connections.head_bytes >> 10} KiB"
    assert default("size of `Authorization`") == f"{LONGEST_VALUE >> 10} KiB"
    assert default("time for a body") == f"{limits.times.body:.0f} s"
    assert default("time until the answer begins") == f"{limits.times.work:.0f} s"
    assert default("time for the answer").startswith(f"{limits.times.answer:.0f} s")


def test_the_options_exist() -> None:
    offered = set(re.findall(r"--[a-z-]+", CliRunner().invoke(app, ["--help"]).stdout))
    named = set(re.findall(r"`(--[a-z-]+)`", PAGE))
    assert len(named) > 8
    assert named <= offered


def test_the_reasons_are_all_those_that_the_code_counts() -> None:
    server = ROOT / "scim_server"
    code = "".join(file.read_text() for file in server.rglob("*.py"))
    counted = set(re.findall(r'refused\("(\w+)"[,)]', code)) | {"slow_body", "slow_work", "slow_answer"}
    assert {row[4].strip("`") for row in ROWS if row[4]} == counted
