{{/* What the names of all objects begin with. */}}
{{- define "seon.fullname" -}}
{{- $name := .Release.Name }}
{{- with .Values.nameOverride }}
{{- $name = printf "%s-%s" $name . }}
{{- end }}
{{- .Values.fullnameOverride | default $name | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* Where all objects are that have a namespace. */}}
{{- define "seon.namespace" -}}
{{- .Values.namespaceOverride | default .Release.Namespace }}
{{- end }}

{{/* Whether the platform says as which user pods run. */}}
{{- define "seon.platformUsers" -}}
{{- if kindIs "bool" .Values.platformUsers }}
{{- .Values.platformUsers }}
{{- else }}
{{- .Capabilities.APIVersions.Has "security.openshift.io/v1" }}
{{- end }}
{{- end }}

{{/* A pod's security settings: (dict "root" $ "given" .Values.podSecurityContext) */}}
{{- define "seon.podSecurityContext" -}}
{{- if eq (include "seon.platformUsers" .root) "true" }}
{{- toYaml (omit .given "runAsUser" "runAsGroup" "fsGroup") }}
{{- else }}
{{- toYaml .given }}
{{- end }}
{{- end }}

{{- define "seon.operator" -}}
{{ include "seon.fullname" . }}-operator
{{- end }}

{{- define "seon.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- .Values.serviceAccount.name | default (include "seon.operator" .) }}
{{- else }}
{{- required "serviceAccount.name: with serviceAccount.create=false, name one that is there" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{/* By these the Deployment finds its pods, so they never change. */}}
{{- define "seon.selectorLabels" -}}
app.kubernetes.io/name: seon-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "seon.labels" -}}
{{- include "seon.withCommonLabels" (dict "root" . "own" (include "seon.selectorLabels" .)) }}
{{- end }}

{{- define "seon.isdn" -}}
{{ include "seon.fullname" . }}-capi-device-plugin
{{- end }}

{{- define "seon.isdn.namespace" -}}
{{ .Values.isdn.namespace | default (printf "%s-isdn" (include "seon.fullname" .)) }}
{{- end }}

{{/* By these the DaemonSet finds its pods. */}}
{{- define "seon.isdn.selectorLabels" -}}
app.kubernetes.io/name: seon-capi-device-plugin
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "seon.isdn.labels" -}}
{{- include "seon.withCommonLabels" (dict "root" . "own" (include "seon.isdn.selectorLabels" .)) }}
{{- end }}

{{/* The labels of an object: its own before those that all have. */}}
{{- define "seon.withCommonLabels" -}}
{{- $own := fromYaml .own }}
{{- $chart := dict "app.kubernetes.io/version" .root.Chart.AppVersion "app.kubernetes.io/part-of" "seon" }}
{{- toYaml (merge $own $chart (.root.Values.commonLabels | default dict)) }}
{{- end }}

{{/* An image: (dict "root" $ "name" "seon" "digest" "sha256:…") */}}
{{- define "seon.image" -}}
{{- $images := .root.Values.images }}
{{- $name := printf "%s/%s" $images.registry .name }}
{{- if .digest }}
{{- printf "%s@%s" $name .digest }}
{{- else }}
{{- printf "%s:%s" $name ($images.tag | default .root.Chart.AppVersion) }}
{{- end }}
{{- end }}
