{{/* What the operator reads of a namespace, and the only thing that it writes there: statuses and Events. */}}
{{- define "scim.rulesOfCustomResources" -}}
- apiGroups: [scim-operator.io]
  resources: [provisioningconfigs]
  verbs: [get, list, watch]
- apiGroups: [scim-operator.io]
  resources: [rolemappings, attributemappings]
  verbs: [list, watch]
- apiGroups: [scim-operator.io]
  resources: [provisioningconfigs/status, rolemappings/status, attributemappings/status]
  verbs: [patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# Bearer tokens are read by the names that ProvisioningConfigs give, each in the config's own namespace.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get]
{{- end -}}

{{- define "scim.rulesOfSecretWatch" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, watch]
{{- end -}}

{{- define "scim.operatorSubject" -}}
- kind: ServiceAccount
  name: {{ include "scim.operatorServiceAccount" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}
