"""A Secret with a strong token, as a manifest."""

import json
import secrets

_BYTES = 32


def secret_manifest(name: str, namespace: str | None, key: str) -> str:
    """`namespace` None: that of whoever applies it. The label lets a change of the Secret act at once."""
    place = f"\n  namespace: {namespace}" if namespace else ""
    return f"""\
apiVersion: v1
kind: Secret
metadata:
  name: {name}{place}
  labels:
    scim-operator.io/watch: "true"
type: Opaque
stringData:
  {json.dumps(key)}: {json.dumps(secrets.token_urlsafe(_BYTES))}
"""


def next_steps(name: str, namespace: str | None, key: str) -> str:
    """What to do with it. It holds nothing secret."""
    where = f" -n {namespace}" if namespace else ""
    dotted = key.replace(".", "\\.")
    return f"""\
Apply it, or give it to what keeps your secrets; don't put it into Git as it is:
  kubectl scim token {name}{where} | kubectl apply -f -
Let a ProvisioningConfig accept it, in spec.authentication.bearerTokens:
  - name: {name}
    secretRef: {{name: {name}, key: {key}}}
Paste it at the provider (its "token", "secret token" or "API token"). This prints it:
  kubectl get secret {name}{where} -o jsonpath='{{.data.{dotted}}}' | base64 -d
"""
