"""A folder of many manifests, for what it costs to read, check and render them."""

from pathlib import Path

CONFIG = """\
apiVersion: scim-operator.io/v1alpha1
kind: ProvisioningConfig
metadata:
  name: app
  namespace: {namespace}
spec:
  provider: Okta
  displayName: Application {number}
  authentication:
    bearerTokens:
    - name: provider
      secretRef: {{name: app-scim, key: token}}
    - name: reader
      access: Read
      secretRef: {{name: app-scim, key: read-token}}
  roles:
  - name: admin
    displayName: Administrator
    permissions: [users.read, users.write, billing.read]
  - name: developer
    permissions: [deploy]
  - name: viewer
  baseRoles: [viewer]
"""

SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: app-scim
  namespace: {namespace}
stringData:
  token: a-token-for-the-provider-{number:06}
  read-token: a-token-for-the-reader-{number:06}
"""

MAPPING = """\
apiVersion: scim-operator.io/v1alpha1
kind: RoleMapping
metadata:
  name: team-{mapping}
  namespace: {namespace}
spec:
  configRef:
    name: app
  rules:
  - name: admins
    groups:
    - displayName: Admins of {number} team {mapping}
    - externalId: 00g-{number}-{mapping}
    roles: [admin]
  - name: developers
    groups:
    - displayNamePattern: 'Team {mapping} of {number} \\((dev|ops)\\)'
    roles: [developer, viewer]
  - name: viewers
    groups:
    - displayName: Everybody {number} {mapping}
    roles: [viewer]
"""


def write_many_objects(folder: Path, configs: int, mappings_each: int = 5) -> int:
    """A file per ProvisioningConfig with its Secret and its RoleMappings. Returns how many objects there are."""
    for number in range(configs):
        namespace = f"tenant-{number}"
        documents = [
            CONFIG.format(namespace=namespace, number=number),
            SECRET.format(namespace=namespace, number=number),
        ]
        documents += [
            MAPPING.format(namespace=namespace, number=number, mapping=mapping) for mapping in range(mappings_each)
        ]
        (folder / f"{namespace}.yaml").write_text("---\n".join(documents), encoding="utf-8")
    return configs * (2 + mappings_each)
