"""Manifests from text, short to write."""

import textwrap

from scim_operator.manifests import Manifests, SourceFile, read_manifests, reference_findings

CONFIG = """\
apiVersion: scim-operator.io/v1alpha1
kind: ProvisioningConfig
metadata: {name: okta, namespace: acme}
spec:
  authentication:
    bearerTokens:
    - {name: okta, secretRef: {name: okta-scim}}
  roles:
  - {name: admin}
  - {name: viewer}
"""

SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: okta-scim, namespace: acme}
stringData: {token: a-token-of-some-length}
"""

ROLE_MAPPING = """\
apiVersion: scim-operator.io/v1alpha1
kind: RoleMapping
metadata: {name: roles, namespace: acme}
spec:
  configRef: {name: okta}
  rules:
  - name: admins
    groups:
    - {displayName: Admins}
    roles:
    - admin
"""

ATTRIBUTE_MAPPING = """\
apiVersion: scim-operator.io/v1alpha1
kind: AttributeMapping
metadata: {name: attributes, namespace: acme}
spec:
  configRef: {name: okta}
  attributes:
  - {target: team, path: department}
"""


def read(*files: str) -> Manifests:
    """Files `1.yaml`, `2.yaml` and so on."""
    return read_manifests(
        SourceFile(f"{number}.yaml", textwrap.dedent(text)) for number, text in enumerate(files, start=1)
    )


def errors(*files: str) -> list[str]:
    """What is wrong with the objects by themselves."""
    return [str(finding) for finding in read(*files).errors]


def broken_references(*files: str) -> list[str]:
    """What is wrong between objects that are valid by themselves."""
    manifests = read(*files)
    assert manifests.errors == ()
    return [str(finding) for finding in reference_findings(manifests)]
