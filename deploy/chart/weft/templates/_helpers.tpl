{{- /* What the generated templates share. */ -}}

{{- /* The values as ConfigMap weft-config stores them: without secrets, which are objects of their own. */ -}}
{{- define "weft.values" -}}
{{- $values := deepCopy .Values -}}
{{- $_ := unset $values "global" -}}
{{- $_ := set $values "namespace" .Release.Namespace -}}
{{- $_ := set $values "version" .Chart.AppVersion -}}
{{- range $section := list $values.proxyInjector $values.policyValidator $values.tap -}}
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
{{- $groups := "admissionregistration.k8s.io/v1" -}}
{{- $hook := lookup $groups "MutatingWebhookConfiguration" "" "weft-proxy-injector-webhook-config" -}}
{{- if not .Values.proxyInjector.crtPEM -}}
{{- $client := dict -}}
{{- if $hook -}}{{- $client = (first $hook.webhooks).clientConfig -}}{{- end -}}
{{- include "weft.served" (list .Values.proxyInjector "weft-proxy-injector" .Release.Namespace $client) -}}
{{- end -}}
{{- $validator := lookup $groups "ValidatingWebhookConfiguration" "" "weft-policy-validator-webhook-config" -}}
{{- if not .Values.policyValidator.crtPEM -}}
{{- $client := dict -}}
{{- if $validator -}}{{- $client = (first $validator.webhooks).clientConfig -}}{{- end -}}
{{- include "weft.served" (list .Values.policyValidator "weft-policy-validator" .Release.Namespace $client) -}}
{{- end -}}
{{- $service := lookup "apiregistration.k8s.io/v1" "APIService" "" "v1alpha1.tap.linkerd.io" -}}
{{- if not .Values.tap.crtPEM -}}
{{- $client := dict -}}
{{- if $service -}}{{- $client = $service.spec -}}{{- end -}}
{{- include "weft.served" (list .Values.tap "weft-tap" .Release.Namespace $client) -}}
{{- end -}}
{{- end -}}

{{- /* Section of the values, Service, namespace, and what the API server knows of it: its caBundle. */ -}}
{{- define "weft.served" -}}
{{- $section := index . 0 -}}
{{- $secret := lookup "v1" "Secret" (index . 2) (printf "%s-k8s-tls" (index . 1)) -}}
{{- $client := index . 3 -}}
{{- if and $secret $client -}}
{{- $_ := set $section "caBundle" ($client.caBundle | b64dec) -}}
{{- $_ := set $section "crtPEM" (index $secret.data "tls.crt" | b64dec) -}}
{{- $_ := set $section "keyPEM" (index $secret.data "tls.key" | b64dec) -}}
{{- else -}}
{{- include "weft.made" . -}}
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
