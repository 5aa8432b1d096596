"""A user whom a provider sends, in the provider's own dialect, gets the role that the example promises."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.examples.folders import CONNECTIONS, ROOT, name_of, provider_tokens
from tests.providers.scenario import play
from tests.support.local_mode import RunningLocalMode
from tests.support.serving import EFFECTIVE, TLS

PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ENTRA_GROUP = "8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159"


@dataclass(frozen=True)
class Case:
    """A scenario of tests/providers, with the names of the example's groups in the place of its own."""

    example: str
    tenant: str
    scenario: str
    users: Mapping[str, Any]
    """What an application must see afterwards."""

    named: Mapping[str, str] = field(default_factory=dict)
    without: Sequence[str] = ()
    """Steps that are left out."""

    def __str__(self) -> str:
        return self.tenant.replace("/", "-")

    def document(self) -> dict[str, Any]:
        text = (ROOT / f"tests/providers/{self.scenario}.json").read_text()
        for theirs, ours in self.named.items():
            assert theirs in text, theirs
            text = text.replace(theirs, ours)
        document: dict[str, Any] = json.loads(text)
        assert set(self.without) <= {step["name"] for step in document["steps"]}
        document["steps"] = [step for step in document["steps"] if step["name"] not in self.without]
        document["state"]["users"] = self.users
        return document


def roles(*names: str, **profile: str) -> dict[str, Any]:
    return {"state": "active", "roles": list(names)} | ({"profile": profile} if profile else {})


BLOCKED = {"state": "blocked", "roles": []}

CASES = [
    Case(
        "quickstart",
        "acme/okta",
        "okta/group_push",
        {
            "ada@acme.com": roles("admin", "viewer", organization="Acme", team="Unassigned"),
            "bob@acme.com": BLOCKED,
            "eve@acme.com": roles("guest", "viewer"),
        },
    ),
    Case(
        "okta",
        "billing/okta",
        "okta/group_push",
        {
            "ada@acme.com": roles("admin", "employee", organization="Acme"),
            "bob@acme.com": BLOCKED,
            "eve@acme.com": roles("employee"),
        },
        named={"App Admins": "Billing Admins"},
    ),
    Case(
        "entra-id",
        "acme/entra-id",
        "entra_id/groups",
        {
            "ada@acme.com": roles("operator", site="Headquarters", costCenter="0000"),
            "bob@acme.com": roles("visitor"),
        },
        named={ENTRA_GROUP: "8c0f5c3e-6b1d-4b0f-9a57-0d1f3c6a7e21"},
    ),
    Case(
        "pingone",
        "retail/pingone",
        "pingone/users",
        {"ada@acme.com": roles("store-manager", contact="king@acme.com", tenant="Acme Retail")},
        named={"Équipe 開発 ß": "Store Managers"},
        without=["found by it", "disable"],
    ),
    Case(
        "google",
        "academy/google",
        "indigo_iam/base_url_with_a_slash",
        {"ada@acme.com": roles("teacher")},
        named={"App Admins": "Teachers"},
    ),
    Case(
        "onelogin",
        "travel/onelogin",
        "onelogin/template",
        {"ada@acme.com": roles("travel-desk", "traveller", department="Engines", employeeNumber="701984")},
        named={"App Admins": "Travel Desk"},
        without=["update", "let in again"],
    ),
    Case(
        "jumpcloud",
        "studio/jumpcloud",
        "jumpcloud/activation",
        {"ada@acme.com": roles("editor", "viewer")},
        named={"App Admins": "Editors"},
    ),
    Case(
        "keycloak",
        "lab/keycloak",
        "keycloak/plug_in",
        {"ada": roles("researcher"), "bob": BLOCKED},
        named={'"g1"': '"5b1a6e0c-2f0d-4c43-9a6e-8d3f6c0e7b11"'},
    ),
    Case(
        "authentik",
        "lab/authentik",
        "authentik/groups",
        {
            "ada@acme.com": roles("maintainer", "observer", fullName="Ada King"),
            "eve@acme.com": roles("maintainer", "observer"),
        },
        named={"pk-admins": "0c9c1d44-6f0e-4f5b-a7c5-31f1d3f0a2ce"},
    ),
    Case(
        "multi-tenant",
        "customer-northwind/okta",
        "okta/group_push",
        {
            "ada@acme.com": roles("owner", customer="Northwind"),
            "bob@acme.com": BLOCKED,
            "eve@acme.com": roles("member"),
        },
        named={"App Admins": "Project Owners"},
    ),
    Case(
        "multi-tenant",
        "customer-contoso/entra-id",
        "entra_id/groups",
        {"ada@acme.com": roles("owner", customer="Contoso"), "bob@acme.com": roles("member")},
    ),
    Case(
        "production/connection",
        "identity/workforce",
        "entra_id/groups",
        {
            "ada@acme.com": roles("administrator", "employee", department="Unassigned"),
            "bob@acme.com": roles("employee"),
        },
        named={ENTRA_GROUP: "61a6f1d2-9d0e-4a55-8c39-0f6a3a6f0d42"},
    ),
    Case(
        "two-namespaces",
        "platform/okta",
        "okta/group_push",
        {
            "ada@acme.com": roles("employee", "payments-operator"),
            "bob@acme.com": BLOCKED,
            "eve@acme.com": roles("employee"),
        },
        named={"App Admins": "Payments Operations"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_user_gets_the_role(case: Case, served: RunningLocalMode) -> None:
    token = next(iter(provider_tokens(ROOT / "examples" / case.example, *case.tenant.split("/")).values()))
    headers = {"Authorization": f"Bearer {token}"}
    url = served.base_url(case.tenant)
    # Few examples have a token for an application. Any credential sees the roles, where it asks for them.
    asked = {"attributes": f"userName,displayName,members,{EFFECTIVE}"}
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=60, verify=TLS) as provider,
        httpx.AsyncClient(base_url=url, headers=headers, params=asked, timeout=60, verify=TLS) as application,
    ):
        await play(case.document(), provider, application)


def test_production_has_contractors_by_a_condition_and_a_protected_user(served: RunningLocalMode) -> None:
    """provisioning.md, "RoleMapping": `when` alone; "Guards": protectedUsers."""
    tokens = provider_tokens(ROOT / "examples/production/connection", "identity", "workforce")
    url = served.base_url("identity/workforce")
    off = {"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": False}]}

    def seen(user: str) -> tuple[str, list[str]]:
        headers = {"Authorization": f"Bearer {tokens['portal']}"}
        effective = httpx.get(f"{url}/Users/{user}", headers=headers, verify=TLS).json()[EFFECTIVE]
        return effective["state"], sorted(role["value"] for role in effective["roles"])

    with httpx.Client(headers={"Authorization": f"Bearer {tokens['entra-2026-11']}"}, verify=TLS) as client:
        users = [
            client.post(f"{url}/Users", json={"userName": name, "userType": type_}).json()["id"]
            for name, type_ in (("con@acme.example", "Contractor"), ("breakglass@acme.example", "Employee"))
        ]
        assert seen(users[0]) == ("active", ["contractor", "employee"])
        for user in users:
            assert client.patch(f"{url}/Users/{user}", json=off).status_code == 200
            assert client.get(f"{url}/Users/{user}").json()["active"] is False
        assert seen(users[0]) == ("blocked", [])
        assert seen(users[1]) == ("active", ["employee"])


def test_no_token_of_a_customer_works_for_another(served: RunningLocalMode) -> None:
    example = ROOT / "examples/multi-tenant"
    customers = [("customer-northwind", "okta"), ("customer-contoso", "entra-id")]
    tokens = {customer: provider_tokens(example, *customer) for customer in customers}
    # Wrong credentials are counted by address, and other tests send some.
    transport = httpx.HTTPTransport(verify=TLS, local_address="127.0.0.77")
    with httpx.Client(transport=transport) as client:
        for customer, other in (customers, reversed(customers)):
            for token in tokens[other].values():
                url = served.base_url("/".join(customer))
                answer = client.get(f"{url}/Users", headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == 401


def test_every_example_has_its_case() -> None:
    """Those of credentials and of schemas are tested for what they show, in files of their own."""
    shown_otherwise = {"credentials", "own-schema", "organizations"}
    assert {name_of(folder) for folder in CONNECTIONS} - shown_otherwise == {case.example for case in CASES}
