{{- define "scim.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 44 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough for "-server-management" behind it. */}}
{{- define "scim.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 44 | trimSuffix "-" -}}
{{- else if contains (include "scim.name" .) .Release.Name -}}
{{- .Release.Name | trunc 44 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "scim.name" .) | trunc 44 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "scim.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "scim.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Of the pods of a component: (list . "server"). */}}
{{- define "scim.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "scim.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* By digest if there is one, else by tag: (list . .Values.server.image). */}}
{{- define "scim.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ default $root.Chart.AppVersion $image.tag }}
{{- end -}}
{{- end -}}

{{- define "scim.serverServiceAccount" -}}
{{- default (printf "%s-server" (include "scim.fullname" .)) .Values.server.serviceAccount.name -}}
{{- end -}}

{{- define "scim.operatorServiceAccount" -}}
{{- default (include "scim.fullname" .) .Values.operator.serviceAccount.name -}}
{{- end -}}

{{- define "scim.configMapName" -}}
{{- default (printf "%s-config" (include "scim.fullname" .)) .Values.config.configMapName -}}
{{- end -}}

{{- define "scim.secretName" -}}
{{- default (printf "%s-secrets" (include "scim.fullname" .)) .Values.config.secretName -}}
{{- end -}}

{{- define "scim.managementService" -}}
{{ include "scim.fullname" . }}-server-management
{{- end -}}

{{/* Secret with the management token. */}}
{{- define "scim.managementSecret" -}}
{{- default (printf "%s-management" (include "scim.fullname" .)) .Values.management.existingSecret -}}
{{- end -}}

{{/* Secret with the certificate of the management port. */}}
{{- define "scim.managementTlsSecret" -}}
{{- if .Values.management.tls.existingSecret -}}
{{ .Values.management.tls.existingSecret }}
{{- else if .Values.management.tls.certManager.enabled -}}
{{ include "scim.fullname" . }}-management-tls
{{- else -}}
{{ include "scim.managementSecret" . }}
{{- end -}}
{{- end -}}

{{/* "true" where the database is PostgreSQL. */}}
{{- define "scim.postgresql" -}}
{{- if or .Values.database.url .Values.database.existingSecret.name -}}true{{- end -}}
{{- end -}}

{{/* "true" where there may be more than one server. */}}
{{- define "scim.manyServers" -}}
{{- if or .Values.server.autoscaling.enabled (gt (int (include "scim.replicas" .)) 1) -}}true{{- end -}}
{{- end -}}

{{- define "scim.replicas" -}}
{{- if kindIs "invalid" .Values.server.replicas -}}
{{ ternary 2 1 (eq (include "scim.postgresql" .) "true") }}
{{- else -}}
{{ .Values.server.replicas }}
{{- end -}}
{{- end -}}

{{- define "scim.publicUrl" -}}
{{- if .Values.publicUrl -}}
{{ .Values.publicUrl }}
{{- else if .Values.ingress.enabled -}}
https://{{ .Values.ingress.host }}
{{- else if .Values.gateway.enabled -}}
https://{{ .Values.gateway.host }}
{{- end -}}
{{- end -}}

{{/* Of every container: what Pod Security `restricted` asks for, and nothing that can be written. */}}
{{- define "scim.containerSecurity" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
readOnlyRootFilesystem: true
{{- end -}}

{{- define "scim.egressToDns" -}}
- ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
{{- end -}}

{{/* The pod of `helm test`. */}}
{{- define "scim.peerOfTest" -}}
- podSelector:
    matchLabels:
      {{- include "scim.selector" (list . "test") | nindent 6 }}
{{- end -}}

{{/* What values exclude each other. */}}
{{- define "scim.check" -}}
{{- if not (include "scim.postgresql" .) -}}
{{- if .Values.server.autoscaling.enabled -}}
{{- fail "server.autoscaling.enabled: SQLite takes one server; give database.url or database.existingSecret.name for more" -}}
{{- end -}}
{{- if gt (int (include "scim.replicas" .)) 1 -}}
{{- fail (printf "server.replicas: %v: SQLite takes one server; give database.url or database.existingSecret.name for more" .Values.server.replicas) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.database.url .Values.database.existingSecret.name -}}
{{- fail "database.url and database.existingSecret.name: one of them is expected" -}}
{{- end -}}
{{- if and .Values.ingress.enabled .Values.gateway.enabled -}}
{{- fail "ingress.enabled and gateway.enabled: one of them is expected" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host: a host is expected, such as scim.example.com" -}}
{{- end -}}
{{- if and .Values.gateway.enabled (not (and .Values.gateway.host .Values.gateway.parentRefs)) -}}
{{- fail "gateway.host and gateway.parentRefs: both are expected" -}}
{{- end -}}
{{- if and .Values.management.tls.certManager.enabled .Values.management.tls.existingSecret -}}
{{- fail "management.tls.certManager.enabled and management.tls.existingSecret: one of them is expected" -}}
{{- end -}}
{{- end -}}
