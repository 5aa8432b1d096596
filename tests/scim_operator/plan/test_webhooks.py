"""Webhooks: signing keys from Secrets, and what becomes of a webhook without one."""

import base64
from typing import Any

import pytest

from scim_operator.api import ObjectKey, ProvisioningConfig
from scim_operator.plan import TenantPlan, assemble, reduced
from scim_server.config import ConfigBundle
from tests.scim_operator.objects import config
from tests.scim_operator.plan.inputs import SECRETS, TOKEN_KEY, again, plan

KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(33, 97))).decode()
CRM = "acme/okta/crm"


def with_webhook(**fields: Any) -> ProvisioningConfig:
    webhook = {"name": "crm", "url": "https://crm.example/hooks", "secretRef": {"name": "crm"}} | fields
    return config(delivery={"webhooks": [webhook]})


def planned_with(secret: str | None, **fields: Any) -> TenantPlan:
    secrets = SECRETS if secret is None else {**SECRETS, ObjectKey("acme", "crm"): {"secret": secret.encode()}}
    return plan(config=with_webhook(**fields), secrets=secrets)


@pytest.mark.parametrize(
    ("secret", "keys"),
    [
        (KEY, (KEY,)),
        (f"whsec_{KEY}\n", (KEY,)),
        (f"whsec_{KEY.rstrip('=')}", (KEY,)),
        (f"whsec_{KEY}\r\n\n  {OTHER}  \n", (KEY, OTHER)),
        (f"{KEY}\nwhsec_{KEY}", (KEY,)),
    ],
)
def test_signing_keys_are_read_from_the_lines_of_a_secret(secret: str, keys: tuple[str, ...]) -> None:
    """provisioning.md, "Events for applications": Standard Webhooks signatures with overlapping key rotation."""
    planned = planned_with(secret, events=["user.*", "group.created"], format="CloudEvents")

    assert planned.webhook_keys == {CRM: keys}
    assert planned.tenant is not None
    [webhook] = planned.tenant.webhooks
    assert (webhook.url, webhook.events) == ("https://crm.example/hooks", ("group.created", "user.*"))
    verdict = planned.config_verdict
    assert verdict is not None
    assert verdict.resolved_refs.is_true
    bundle = bundle_of(planned)
    assert KEY.encode() not in bundle.config.model_dump_json().encode()
    assert ConfigBundle.together(bundle.parts().values()).secrets == bundle.secrets


@pytest.mark.parametrize(
    ("secret", "reason", "said"),
    [
        (None, "SecretNotFound", 'webhook "crm": Secret acme/crm was not found; its events wait'),
        ("", "SigningKeyUnusable", "1 to 8 signing keys are expected, one a line, not 0"),
        ("not base64!", "SigningKeyUnusable", "whsec_ and base64 of 24 to 64 bytes is expected"),
        (f"{KEY}\n%%%", "SigningKeyUnusable", "line 2: whsec_ and base64"),
        (base64.b64encode(bytes(23)).decode(), "SigningKeyUnusable", "the signing key has 23 bytes"),
        (base64.b64encode(bytes(65)).decode(), "SigningKeyUnusable", "the signing key has 65 bytes"),
        ("\n".join(base64.b64encode(bytes([n]) * 24).decode() for n in range(9)), "SigningKeyUnusable", "not 9"),
    ],
)
def test_a_webhook_without_a_usable_key_waits(secret: str | None, reason: str, said: str) -> None:
    planned = planned_with(secret)

    assert planned.webhook_keys == {}
    assert planned.tenant is not None
    assert [webhook.name for webhook in planned.tenant.webhooks] == ["crm"]
    verdict = planned.config_verdict
    assert verdict is not None
    assert (verdict.resolved_refs.status, verdict.resolved_refs.reason) == ("False", reason)
    assert said in verdict.resolved_refs.message
    assert "all credentials can be used" not in verdict.resolved_refs.message
    assert not secret or secret not in verdict.resolved_refs.message
    [problem] = verdict.problems
    assert problem.field.startswith("spec.delivery.webhooks[0].secretRef")


def test_keys_stay_while_a_config_is_suspended_or_unreadable_and_go_with_it() -> None:
    before = planned_with(KEY)
    known: dict[str, Any] = {"previous_webhook_keys": {**before.webhook_keys, "acme/other/crm": (OTHER,)}}

    suspended = again(before, config=config(suspend=True), **known)
    unreadable = again(before, config=None, invalid="spec: broken", **known)
    without = again(before, config=config(), **known)
    gone = again(before, config=None, **known)

    assert suspended.webhook_keys == unreadable.webhook_keys == before.webhook_keys
    assert unreadable.tenant is not None
    assert [webhook.name for webhook in unreadable.tenant.webhooks] == ["crm"]
    for after in (without, gone):
        assert after.tenant is not None
        assert (after.tenant.webhooks, after.webhook_keys) == ((), {})


def test_what_is_new_of_webhooks_and_guards_waits_in_a_full_shard() -> None:
    before = plan(config=config(safety={"protectedUsers": [{"id": "1"}, {"id": "2"}], "holdFor": "1h"}))
    after = plan(
        config=config(
            safety={"protectedUsers": [{"id": "2"}, {"id": "3"}], "decisions": [{"hold": "h", "decision": "Apply"}]},
            delivery={"webhooks": [{"name": "crm", "url": "https://crm.example", "secretRef": {"name": "crm"}}]},
        )
    )
    assert before.tenant is not None
    assert after.tenant is not None

    left = reduced(before.tenant, after.tenant)

    assert [user.id for user in left.safety.protected_users] == ["2"]
    assert (left.safety.decisions, left.webhooks) == ((), ())
    assert left.safety.hold_for_seconds == 4 * 3600
    assert reduced(left, after.tenant) == left


def bundle_of(planned: TenantPlan) -> ConfigBundle:
    assert planned.tenant is not None
    return assemble([(planned.tenant, planned.digests)], TOKEN_KEY, 1, webhook_keys=planned.webhook_keys)
