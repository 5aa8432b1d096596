from datetime import UTC, datetime
from typing import Any

import pytest

from scim_operator.api import ObjectKey, ProvisioningConfig
from scim_operator.plan import CredentialStatus, TenantPlan
from scim_server.config import token_digest
from tests.scim_operator.objects import config
from tests.scim_operator.plan.inputs import TOKEN, TOKEN_KEY, plan

SECRET = ObjectKey("acme", "s")
NOW = datetime(2026, 11, 5, tzinfo=UTC)


def tokens(**refs: dict[str, Any]) -> ProvisioningConfig:
    """Credentials by name, from keys of Secret s that are named like them."""
    listed = [{"name": name, "secretRef": {"name": "s", "key": name}} | more for name, more in refs.items()]
    return config(authentication={"bearerTokens": listed})


def delivered(planned: TenantPlan) -> set[str]:
    assert planned.tenant is not None
    names = {credential.name for credential in planned.tenant.credentials}
    assert {planned.tenant.credential_key(name) for name in names} == set(planned.digests)
    return names


def resolved_refs(planned: TenantPlan) -> tuple[str, str, str]:
    assert planned.config_verdict is not None
    condition = planned.config_verdict.resolved_refs
    return condition.status, condition.reason, condition.message


def test_several_tokens_work_at_once() -> None:
    planned = plan(config=tokens(old={}, new={}), secrets={SECRET: {"old": TOKEN, "new": TOKEN + b"2"}})

    assert delivered(planned) == {"old", "new"}
    assert planned.digests["acme/okta/new"] == token_digest(TOKEN + b"2", TOKEN_KEY)
    assert resolved_refs(planned)[:2] == ("True", "ResolvedRefs")


def test_one_token_under_two_names_is_fine() -> None:
    assert delivered(plan(config=tokens(a={}, b={}), secrets={SECRET: {"a": TOKEN, "b": TOKEN}})) == {"a", "b"}


def test_one_token_does_not_both_write_and_read_only() -> None:
    shared = tokens(a={}, b={"access": "Read"}, c={})

    planned = plan(config=shared, secrets={SECRET: {"a": TOKEN, "b": TOKEN, "c": TOKEN + b"2"}})

    assert delivered(planned) == {"b", "c"}
    assert resolved_refs(planned) == (
        "False",
        "SecretShared",
        'credential "a": its secret is also that of credential "b", which may only read',
    )
    assert planned.config_verdict is not None
    assert [problem.field for problem in planned.config_verdict.problems] == [
        "spec.authentication.bearerTokens[0].secretRef"
    ]


def test_one_token_does_not_stand_for_two_users() -> None:
    shared = tokens(a={"access": "Self", "userName": "ann"}, b={"access": "Self", "userName": "bob"})

    planned = plan(config=shared, secrets={SECRET: {"a": TOKEN, "b": TOKEN}})

    assert delivered(planned) == {"a"}
    assert resolved_refs(planned) == (
        "False",
        "SecretShared",
        'credential "b": its secret is also that of credential "a", which stands for another user',
    )


def test_one_token_is_not_both_an_applications_and_a_users() -> None:
    shared = tokens(a={"access": "Read"}, b={"access": "Self", "userName": "ann"})

    planned = plan(config=shared, secrets={SECRET: {"a": TOKEN, "b": TOKEN}})

    assert delivered(planned) == {"b"}
    assert resolved_refs(planned)[2].endswith('also that of credential "b", which may only read its own user')


def test_a_token_may_write_once_the_credential_that_only_reads_by_it_has_expired() -> None:
    shared = tokens(a={}, b={"access": "Read", "expiresAt": "2026-11-05T00:00:00Z"})

    assert delivered(plan(config=shared, secrets={SECRET: {"a": TOKEN, "b": TOKEN}}, now=NOW)) == {"a"}


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n"])
def test_the_end_of_the_line_after_a_token_does_not_count(end: bytes) -> None:
    planned = plan(config=tokens(a={}), secrets={SECRET: {"a": TOKEN + end}})

    assert planned.digests == {"acme/okta/a": token_digest(TOKEN, TOKEN_KEY)}


def test_a_missing_secret_drops_its_credential_and_the_others_work() -> None:
    both = tokens(a={}, b={"secretRef": {"name": "gone", "key": "token"}})

    planned = plan(config=both, secrets={SECRET: {"a": TOKEN}})

    assert delivered(planned) == {"a"}
    assert resolved_refs(planned) == (
        "False",
        "SecretNotFound",
        'credential "b": Secret acme/gone was not found',
    )


def test_a_secret_of_another_namespace_is_not_taken() -> None:
    planned = plan(config=tokens(a={}), secrets={ObjectKey("other", "s"): {"a": TOKEN}})

    assert delivered(planned) == set()
    assert resolved_refs(planned)[1] == "SecretNotFound"


def test_a_missing_key_is_named() -> None:
    planned = plan(config=tokens(a={}), secrets={SECRET: {"b": TOKEN}})

    assert delivered(planned) == set()
    assert resolved_refs(planned) == ("False", "SecretKeyNotFound", 'credential "a": Secret acme/s has no key "a"')


@pytest.mark.parametrize("token", [b"", b"x" * 19, b"x" * 19 + b"\n"])
def test_a_token_under_20_bytes_is_refused(token: bytes) -> None:
    planned = plan(config=tokens(a={}, b={}), secrets={SECRET: {"a": token, "b": b"x" * 20}})

    assert delivered(planned) == {"b"}
    status, reason, message = resolved_refs(planned)
    assert (status, reason) == ("False", "TokenTooShort")
    assert message.startswith('credential "a": key "a" of Secret acme/s: the token has')


@pytest.mark.parametrize("token", [b"a token with some blanks", b"\xef\xbb\xbf" + TOKEN, b"a-token-of-\n-two-lines"])
def test_a_token_that_no_client_can_send_is_refused(token: bytes) -> None:
    planned = plan(config=tokens(a={}), secrets={SECRET: {"a": token}})

    assert delivered(planned) == set()
    assert resolved_refs(planned)[1] == "TokenUnusable"


def test_a_token_that_is_longer_than_the_server_reads_is_refused() -> None:
    planned = plan(config=tokens(a={}, b={}), secrets={SECRET: {"a": b"x" * 3072, "b": b"x" * 3073}})

    assert delivered(planned) == {"a"}
    assert resolved_refs(planned) == (
        "False",
        "TokenUnusable",
        'credential "b": key "b" of Secret acme/s: the token has 3073 bytes; at most 3072 can be sent',
    )


def test_no_message_holds_a_part_of_a_token() -> None:
    secret = {"a": b"short-secret", "b": b"secret with some blanks"}

    _, _, message = resolved_refs(plan(config=tokens(a={}, b={}), secrets={SECRET: secret}))

    assert "short" not in message.replace("TokenTooShort", "")
    assert "blanks" not in message


def test_an_expired_credential_is_not_delivered_and_no_fault_while_another_works() -> None:
    rotated = tokens(old={"expiresAt": "2026-11-05T00:00:00Z"}, new={"expiresAt": "2026-11-05T00:00:01Z"})

    planned = plan(config=rotated, secrets={SECRET: {"old": TOKEN, "new": TOKEN}}, now=NOW)

    assert delivered(planned) == {"new"}
    assert resolved_refs(planned) == (
        "True",
        "ResolvedRefs",
        'credential "old" expired at 2026-11-05T00:00:00Z',
    )
    assert planned.config_verdict is not None
    assert planned.config_verdict.credentials == (
        CredentialStatus("new", datetime(2026, 11, 5, 0, 0, 1, tzinfo=UTC)),
    )


def test_when_all_credentials_have_expired_nobody_can_come_in_and_that_is_a_fault() -> None:
    planned = plan(
        config=tokens(old={"expiresAt": "2026-11-04T00:00:00Z"}), secrets={SECRET: {"old": TOKEN}}, now=NOW
    )

    assert resolved_refs(planned)[:2] == ("False", "CredentialExpired")


def test_without_a_clock_the_server_decides_on_expiry() -> None:
    planned = plan(config=tokens(old={"expiresAt": "2020-01-01T00:00:00Z"}), secrets={SECRET: {"old": TOKEN}})

    assert delivered(planned) == {"old"}
