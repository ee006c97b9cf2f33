{{- define "trunkline.labels" -}}
app.kubernetes.io/name: trunkline-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
{{- define "trunkline.selector" -}}
app.kubernetes.io/name: trunkline-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{/* What the operator may do in the namespaces that it serves. */}}
{{- define "trunkline.rules" -}}
# The four kinds: read; their specs are people's, so no update, create or delete. Patch: a
# finalizer of ours, which holds a deletion until calls have ended.
- apiGroups: [trunkline.dev]
  resources: [callcenters, clients, trunks, agents]
  verbs: [get, list, watch, patch]
# What is said of them.
- apiGroups: [trunkline.dev]
  resources: [callcenters/status, clients/status, trunks/status, agents/status]
  verbs: [patch]
# Owner references with blockOwnerDeletion need this where the admission plug-in is on.
- apiGroups: [trunkline.dev]
  resources: [callcenters/finalizers]
  verbs: [update]
# A tenant's children: configuration, reports, addresses, accounts, claims.
- apiGroups: [""]
  resources: [configmaps, services, serviceaccounts, persistentvolumeclaims]
  verbs: [get, list, watch, create, patch, delete]
# Tokens and credentials that are generated; and whether the Secrets that Trunks name are there.
# The watch asks for metadata only, but RBAC can't say so.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch, delete]
# Pods: why they don't start. Delete: the media pod whose turn it is in a roll, after its drain.
- apiGroups: [""]
  resources: [pods]
  verbs: [get, list, watch, delete]
# Engines and media pods.
- apiGroups: [apps]
  resources: [statefulsets, deployments]
  verbs: [get, list, watch, create, patch, delete]
# How many pods an eviction may take.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
# Who may speak with a tenant's pods.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
# What a tenant's pods may do with the API, by name. No `bind` or `escalate`: the operator can
# hand on only what it has itself, which is why the next three rules are here.
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles, rolebindings]
  verbs: [get, list, watch, create, patch, delete]
# Handed on to engines: the Lease by which one of them leads.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [get, create, update]
# Handed on to engines: where the media pods are.
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [get, list, watch]
# Tells of what turns, once.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# Where the Prometheus operator is installed.
- apiGroups: [monitoring.coreos.com]
  resources: [servicemonitors]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}
