"""`explain` and `preview`, of a database and of a server."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from scim_operator.cli.explanation_text import explanation_text
from scim_operator.cli.preview_text import markdown, text
from scim_server.app import Server
from tests.scim_server.http.test_groups import create_group
from tests.scim_server.http.test_users import create
from tests.support.serving import roles_of
from tests.support.warm_programs import run_program

MANIFESTS = """\
apiVersion: scim-operator.io/v1alpha1
kind: ProvisioningConfig
metadata: {name: okta, namespace: acme}
spec:
  authentication:
    bearerTokens:
    - {name: provision, secretRef: {name: okta-scim}}
  roles: [{name: admin}, {name: analyst}, {name: guest}, {name: viewer}]
  baseRoles: [viewer]
  fallbackRoles: [guest]
---
apiVersion: scim-operator.io/v1alpha1
kind: RoleMapping
metadata: {name: mapping, namespace: acme}
spec:
  configRef: {name: okta}
  rules:
  - name: bosses
    groups: [{displayName: Staff}]
    roles: [analyst]
"""


async def scim_operator(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"}
    return await asyncio.to_thread(run_program, "scim-operator", *arguments, stdin=stdin, environment=environment)


@pytest.fixture
def sources(server: Server, database_url: str, management_token_file: Path) -> list[tuple[str | Path, ...]]:
    """The options of each way to the same data."""
    return [
        ("--database", database_url),
        ("--server", server.management_url, "--token-file", management_token_file),
    ]


async def test_every_source_explains_the_same(
    provider: httpx.AsyncClient, application: httpx.AsyncClient, sources: list[tuple[str | Path, ...]]
) -> None:
    ada = await create(provider, "ada@acme.com", externalId="00u1", displayName="Ada")
    await create(provider, "other@acme.com", externalId="ada@acme.com")
    await create_group(provider, "App Admins", ada["id"])
    answers, tables = [], []
    for source in sources:
        for name in (str(ada["id"]), "00u1"):
            answer = await scim_operator("explain", name, "-o", "json", *source)
            assert (answer.returncode, answer.stderr) == (0, "")
            answers.append(json.loads(answer.stdout))
        tables.append((await scim_operator("explain", "00u1", *source)).stdout)
        unknown = await scim_operator("explain", "nobody", *source)
        assert (unknown.returncode, unknown.stdout) == (1, "")
        assert unknown.stderr == "acme/okta has no user with the id, userName or externalId 'nobody'\n"
        assert (await scim_operator("explain", "ADA@acme.com", *source)).returncode == 0
        ambiguous = await scim_operator("explain", "ada@acme.com", *source)
        assert (ambiguous.returncode, len(ambiguous.stderr.splitlines())) == (2, 1)
        early = await scim_operator("explain", "00u1", "--at", "2020-01-01T00:00:00Z", *source)
        assert (early.returncode, len(early.stderr.splitlines())) == (1, 1)
        assert early.stderr.startswith("the user was created after that, at ")
        wrong = await scim_operator("explain", "00u1", "--at", "yesterday", *source)
        assert wrong.returncode == 2
        assert "--at: yesterday: how long ago is expected" in wrong.stderr
    assert all(answer == answers[0] for answer in answers)
    assert tables[0] == tables[1] == explanation_text("acme/okta", answers[0]) + "\n"
    assert [role["value"] for role in answers[0]["roles"]] == await roles_of(application, "ADA@acme.com")


async def test_every_source_previews_the_same_and_tells_of_too_many_losses(
    provider: httpx.AsyncClient, sources: list[tuple[str | Path, ...]], tmp_path: Path
) -> None:
    """provisioning.md, "what none of its kind has": previews that name the people a mapping change touches."""
    ada = await create(provider, "ada@acme.com")
    grace = await create(provider, "grace@acme.com")
    await create(provider, "dorothy@acme.com")
    await create_group(provider, "App Admins", ada["id"], grace["id"])
    await create_group(provider, "Staff", ada["id"])
    (tmp_path / "all.yaml").write_text(MANIFESTS)
    expected = {
        "tenant": "acme/okta",
        "usersInAll": 3,
        "usersChanging": 2,
        "usersGaining": 2,
        "usersLosing": 2,
        "gains": {
            "analyst": {"count": 1, "examples": ["ada@acme.com"]},
            "guest": {"count": 1, "examples": ["grace@acme.com"]},
        },
        "losses": {"admin": {"count": 2, "examples": ["ada@acme.com", "grace@acme.com"]}},
        "users": [
            {"userName": "ada@acme.com", "gains": ["analyst"], "losses": ["admin"]},
            {"userName": "grace@acme.com", "gains": ["guest"], "losses": ["admin"]},
        ],
    }
    for source in sources:
        for limit, status in (("2", 0), ("1", 1)):
            told = await scim_operator("preview", "-f", tmp_path, "-o", "json", "--max-losses", limit, *source)
            assert (told.returncode, json.loads(told.stdout)) == (status, {"tenants": [expected]})
    assert "2 users lose a role: at most 1 may (--max-losses)" in told.stderr
    table = await scim_operator("preview", "-f", "-", *sources[0], stdin=MANIFESTS)
    assert (table.returncode, table.stdout) == (
        0,
        "acme/okta: of 3 users, 2 would gain and 2 would lose a role\n"
        "  2 users lose admin\n"
        "  1 user gains analyst\n"
        "  1 user gains guest\n"
        "\n"
        "  ada@acme.com    -admin +analyst\n"
        "  grace@acme.com  -admin +guest\n",
    )
    page = (await scim_operator("preview", "-f", tmp_path, "-o", "markdown", *sources[0])).stdout
    assert "| admin | 0 | 2 |\n" in page
    assert "| ada&#64;acme.com | analyst | admin |\n" in page


async def test_a_preview_needs_manifests_that_are_whole(
    sources: list[tuple[str | Path, ...]], tmp_path: Path
) -> None:
    (tmp_path / "all.yaml").write_text(MANIFESTS.replace("roles: [analyst]", "roles: [nothing]"))
    wrong = await scim_operator("preview", "-f", tmp_path, *sources[0])
    assert wrong.returncode == 1
    assert "nothing" in wrong.stderr
    (tmp_path / "all.yaml").write_text(MANIFESTS[MANIFESTS.index("---") :])
    nothing = await scim_operator("preview", "-f", tmp_path, *sources[0])
    assert nothing.returncode in (1, 2)


def explanation(**parts: Any) -> dict[str, Any]:
    return {
        "user": {"id": "1", "userName": "a@acme.com", "externalId": None, "displayName": None},
        "state": {"value": "active", "since": "2026-11-28T16:00:00Z", "because": "created by okta, request 7"},
        "roles": [],
        "withheld": [],
        "profile": {},
        **parts,
    }


def test_an_explanation_fits_into_80_columns_and_commands_no_terminal() -> None:
    shown = explanation_text(
        "acme/okta",
        explanation(
            withheld=[
                {
                    "value": "admin",
                    "why": "condition",
                    "mapping": "acme/okta-roles",
                    "rule": "admins",
                    "detail": "the condition is not true of the user: " + 'user.title == "Boss" || ' * 9,
                }
            ],
            profile={
                "title": {"value": "\x1b[31mred\x07", "from": "title"},
                "active": {"value": True, "from": "active"},
            },
        ),
    )
    assert max(map(len, shown.splitlines())) <= 80
    assert "\x1b" not in shown
    assert "\\x1b[31mred\\x07" in shown
    assert "Roles\n  none\n" in shown


def test_names_from_a_directory_are_no_markdown() -> None:
    user = {"userName": "<img src=x>|[a](b)@c*\n", "gains": ["admin"], "losses": []}
    tenant = {
        "tenant": "acme/okta",
        "usersInAll": 200,
        "usersChanging": 150,
        "usersGaining": 150,
        "usersLosing": 0,
        "gains": {"admin": {"count": 150, "examples": []}},
        "losses": {},
        "users": [user] * 120,
    }
    page = markdown({"tenants": [tenant]})
    assert not {*"<>[]()*@"} & {*page.partition("| user |")[2].replace("&#", "")}
    assert "… and 50 users more" in page
    assert "… and 130 users more" in text({"tenants": [tenant]})
