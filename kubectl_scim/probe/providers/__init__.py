"""Each provider that can be played: how it speaks, and its steps."""

from collections.abc import Callable
from dataclasses import dataclass

from kubectl_scim.probe.providers import (
    authentik,
    entra,
    generic,
    governance,
    jumpcloud,
    keycloak,
    okta,
    onelogin,
    pingone,
)
from kubectl_scim.probe.session import Probe


@dataclass(frozen=True, slots=True)
class Provider:
    name: str
    """For people."""

    play: Callable[[Probe], None]
    user_agent: str
    seconds: float = 60
    """How long it waits for an answer, where that is known."""

    content_type: str = "application/scim+json; charset=utf-8"
    plus_for_space: bool = False
    note: str = ""


PROVIDERS = {
    "okta": Provider("Okta", okta.play, "Okta SCIM Client 1.0.0"),
    "entra": Provider("Microsoft Entra ID", entra.play, "", plus_for_space=True),
    "pingone": Provider("PingOne", pingone.play, "PingOne"),
    "google": Provider(
        "Google Workspace",
        generic.play,
        "",
        note="What Google Workspace sends is not published: this plays what the standard asks of every server.",
    ),
    "onelogin": Provider("OneLogin", onelogin.play, "", plus_for_space=True),
    "jumpcloud": Provider("JumpCloud", jumpcloud.play, "JumpCloud"),
    "keycloak": Provider("Keycloak", keycloak.play, "Apache-HttpClient/4.5.14 (Java/21)", seconds=5),
    "authentik": Provider("authentik", authentik.play, "authentik/2026.10.1"),
    "cyberark": Provider("CyberArk", governance.play, "CyberArk"),
    "sailpoint": Provider("SailPoint", governance.play, "SailPoint"),
    "generic": Provider("a SCIM client", generic.play, "scim-probe"),
}

OF_CONFIG = {
    "Okta": "okta",
    "EntraID": "entra",
    "PingOne": "pingone",
    "PingFederate": "pingone",
    "Google": "google",
    "OneLogin": "onelogin",
    "JumpCloud": "jumpcloud",
    "Keycloak": "keycloak",
    "Authentik": "authentik",
    "Generic": "generic",
}
"""The provider of a ProvisioningConfig: spec.provider."""
