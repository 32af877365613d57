{{- /* What the generated templates share. */ -}}

{{- /* The values as ConfigMap weft-config stores them: without secrets, which are objects of their own. */ -}}
{{- define "weft.values" -}}
{{- $values := deepCopy .Values -}}
{{- $_ := unset $values "global" -}}
{{- $_ := set $values "namespace" .Release.Namespace -}}
{{- $_ := set $values "version" .Chart.AppVersion -}}
{{- range $section := list $values.proxyInjector $values.tap -}}
{{- range $name := list "caBundle" "crtPEM" "keyPEM" -}}
{{- $_ := set $section $name "" -}}
{{- end -}}
{{- end -}}
{{- $_ := set $values.identity.issuer.tls "keyPEM" "" -}}
{{- if ne $values.identity.issuer.scheme "linkerd.io/tls" -}}
{{- $_ := set $values.identity.issuer.tls "crtPEM" "" -}}
{{- end -}}
{{- if not $values.tap.identity -}}
{{- $domain := $values.identityTrustDomain | default $values.clusterDomain -}}
{{- $_ := set $values.tap "identity" (printf "weft-tap.%s.serviceaccount.identity.%s.%s" .Release.Namespace .Release.Namespace $domain) -}}
{{- end -}}
{{- toYaml $values -}}
{{- end -}}

{{- /* Whole cores of the proxy's CPU limit; 1 without one. */ -}}
{{- define "weft.cores" -}}
{{- $limit := .Values.proxy.resources.cpu.limit -}}
{{- if regexMatch "^[0-9.]+[un]$" $limit -}}1
{{- else if hasSuffix "m" $limit -}}{{ max 1 (ceil (divf (trimSuffix "m" $limit | float64) 1000)) }}
{{- else -}}{{ max 1 (ceil (float64 $limit)) }}
{{- end -}}
{{- end -}}

{{- /* Proxies trust what these say, so nobody can make them up. */ -}}
{{- define "weft.identity" -}}
{{- $_ := required "identityTrustAnchorsPEM is needed: the PEM certificates that proxies trust (--set-file)" .Values.identityTrustAnchorsPEM -}}
{{- if eq .Values.identity.issuer.scheme "linkerd.io/tls" -}}
{{- $_ := required "identity.issuer.tls.crtPEM is needed: the issuer's certificate (--set-file)" .Values.identity.issuer.tls.crtPEM -}}
{{- $_ := required "identity.issuer.tls.keyPEM is needed: the issuer's key (--set-file)" .Values.identity.issuer.tls.keyPEM -}}
{{- end -}}
{{- end -}}

{{- /* Serving certificates that nobody gave: those of the installation, or new ones. The first template that asks fills the values for all. */ -}}
{{- define "weft.serving" -}}
{{- $hook := lookup "admissionregistration.k8s.io/v1" "MutatingWebhookConfiguration" "" "weft-proxy-injector-webhook-config" -}}
{{- if not .Values.proxyInjector.crtPEM -}}
{{- $secret := lookup "v1" "Secret" .Release.Namespace "weft-proxy-injector-k8s-tls" -}}
{{- if and $secret $hook -}}
{{- $_ := set .Values.proxyInjector "caBundle" ((first $hook.webhooks).clientConfig.caBundle | b64dec) -}}
{{- $_ := set .Values.proxyInjector "crtPEM" (index $secret.data "tls.crt" | b64dec) -}}
{{- $_ := set .Values.proxyInjector "keyPEM" (index $secret.data "tls.key" | b64dec) -}}
{{- else -}}
{{- include "weft.made" (list .Values.proxyInjector "weft-proxy-injector" .Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- if not .Values.tap.crtPEM -}}
{{- $secret := lookup "v1" "Secret" .Release.Namespace "weft-tap-k8s-tls" -}}
{{- $service := lookup "apiregistration.k8s.io/v1" "APIService" "" "v1alpha1.tap.linkerd.io" -}}
{{- if and $secret $service -}}
{{- $_ := set .Values.tap "caBundle" ($service.spec.caBundle | b64dec) -}}
{{- $_ := set .Values.tap "crtPEM" (index $secret.data "tls.crt" | b64dec) -}}
{{- $_ := set .Values.tap "keyPEM" (index $secret.data "tls.key" | b64dec) -}}
{{- else -}}
{{- include "weft.made" (list .Values.tap "weft-tap" .Release.Namespace) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "weft.made" -}}
{{- $section := index . 0 -}}
{{- $host := printf "%s.%s.svc" (index . 1) (index . 2) -}}
{{- $authority := genCA (printf "webhook-ca.%s" $host) 365 -}}
{{- $made := genSignedCert $host nil (list $host) 365 $authority -}}
{{- $_ := set $section "caBundle" $authority.Cert -}}
{{- $_ := set $section "crtPEM" $made.Cert -}}
{{- $_ := set $section "keyPEM" $made.Key -}}
{{- end -}}
