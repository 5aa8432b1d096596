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


def next_steps(name: str, namespace: str | None, key: str, *, on_a_terminal: bool) -> str:
    """What to do next. It holds nothing secret. `on_a_terminal`: the manifest goes nowhere else."""
    where = f" -n {namespace}" if namespace else ""
    dotted = key.replace(".", "\\.")
    nowhere = f"""\
Nothing is stored yet. This makes another token and stores it:
  kubectl scim token {name}{where} | kubectl apply -f -
"""
    return f"""\
{nowhere if on_a_terminal else ""}\
Let a ProvisioningConfig accept it, in spec.authentication.bearerTokens:
  - name: {name}
    secretRef: {{name: {name}, key: {key}}}
Paste it at the provider (its "token", "secret token" or "API token"). This prints it:
  kubectl get secret {name}{where} -o jsonpath='{{.data.{dotted}}}' | base64 -d
"""
