{{/* What the names of all objects begin with. */}}
{{- define "seon.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 40 | trimSuffix "-" }}
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
{{ include "seon.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: seon
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
{{ include "seon.isdn.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: seon
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
