{{- define "stash-admission.image" -}}
{{- $image := .Values.image -}}
{{- with $image.registry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "stash-admission.port" -}}
{{- ternary .Values.hostNetwork.port .Values.port .Values.hostNetwork.enabled }}
{{- end }}

{{- define "stash-admission.managementPort" -}}
{{- ternary .Values.hostNetwork.managementPort .Values.managementPort .Values.hostNetwork.enabled }}
{{- end }}

{{- /* The Secret with the serving certificate. */ -}}
{{- define "stash-admission.secret" -}}
{{- if and (eq .Values.certificates.mode "existingSecret") .Values.certificates.existingSecret -}}
{{- .Values.certificates.existingSecret }}
{{- else -}}
stash-admission-tls
{{- end }}
{{- end }}

{{- define "stash-admission.webhookAnnotations" -}}
{{- $annotations := dict -}}
{{- if eq .Values.certificates.mode "cert-manager" -}}
{{- $_ := set $annotations "cert-manager.io/inject-ca-from" (printf "%s/stash-admission" .Release.Namespace) -}}
{{- end -}}
{{- toYaml (merge $annotations .Values.webhooks.annotations) }}
{{- end }}

{{- /* In base64; empty where something else writes it. */ -}}
{{- define "stash-admission.caBundle" -}}
{{- if eq .Values.certificates.mode "existingSecret" -}}
{{- if not (or .Values.certificates.caBundle .Values.webhooks.annotations) -}}
{{- fail "certificates.caBundle is empty, so the API server would believe no certificate: give it the CAs in PEM, as in --set-file certificates.caBundle=ca.crt" -}}
{{- end -}}
{{- with .Values.certificates.caBundle }}{{ b64enc . }}{{ end -}}
{{- end -}}
{{- end }}

{{- define "stash-admission.labels" -}}
app.kubernetes.io/name: stash-admission
app.kubernetes.io/part-of: stash
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- /* What belongs to `helm test`, with the weight that is its argument. */ -}}
{{- define "stash-admission.testHook" -}}
helm.sh/hook: test
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{- /* Levels as the server reads them: `off` without quotes is a boolean to Helm. */ -}}
{{- define "stash-admission.levels" -}}
{{- range $rule, $level := . }}
{{ $rule }}: {{ ternary "off" $level (kindIs "bool" $level) | quote }}
{{- end }}
{{- end }}
