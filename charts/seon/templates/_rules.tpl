{{/* Made by `cargo xtask generate` from operator/src/rbac.rs; do not edit. */}}

{{/* In every namespace that the operator works in. */}}
{{- define "seon.rules.watched" -}}
# What is to run; patch notes the pod that a switchover is about, and removes the annotation when it
# is done.
- apiGroups: [seon.dev]
  resources: [seoninstances]
  verbs: [list, watch, patch]
# Conditions, and who is active.
- apiGroups: [seon.dev]
  resources: [seoninstances/status]
  verbs: [patch]
# The partners of the instances.
- apiGroups: [seon.dev]
  resources: [seonpartners]
  verbs: [list, watch]
# Whether a partner is accepted, its certificate, its last session.
- apiGroups: [seon.dev]
  resources: [seonpartners/status]
  verbs: [patch]
# List and watch, of metadata only, notice a Secret that changes; get reads those that an instance
# or a partner refers to; create and patch keep the instance's configuration. None is ever deleted.
- apiGroups: [""]
  resources: [secrets]
  verbs: [list, watch, get, create, patch]
# Who is active, by the pods' labels; patch asks for a new configuration; delete rolls out, hands
# over and replaces the pod of a lost node; get and patch are also what the daemons are given, and
# nobody can give what they do not have.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, get, patch, delete]
# The volume for files. It is never deleted.
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [list, watch, get, create, patch]
# The way to the active pod of a listener.
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch, get, create, patch, delete]
# One for each daemon.
- apiGroups: [""]
  resources: [serviceaccounts]
  verbs: [list, watch, get, create, patch, delete]
# Lets a daemon label exactly its own pods.
- apiGroups: [rbac.authorization.k8s.io]
  resources: [roles]
  verbs: [list, watch, get, create, patch, delete]
# Binds each of these roles to its daemon.
- apiGroups: [rbac.authorization.k8s.io]
  resources: [rolebindings]
  verbs: [list, watch, get, create, patch, delete]
# Who may connect to a daemon, and where it may connect to.
- apiGroups: [networking.k8s.io]
  resources: [networkpolicies]
  verbs: [list, watch, get, create, patch, delete]
# A drain takes one pod of a daemon at a time.
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [list, watch, get, create, patch, delete]
# Migrates the database.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [list, watch, get, create, patch, delete]
# The daemons.
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [list, watch, get, create, patch, delete]
# Says what was done and what is wrong; patch counts repetitions; list says why a pod that is
# missing could not be made, such as a quota.
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch, list]
# Seon-operator-claim says which operator works in the namespace; a second one leaves it alone.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [get, create, update]
{{- end }}

{{/* In the whole cluster. */}}
{{- define "seon.rules.cluster" -}}
# A node that cannot be reached, or has lost an ISDN controller, does not end its pods; the operator
# then does.
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{- end }}

{{/* In the operator's own namespace. */}}
{{- define "seon.rules.own" -}}
# One of the operator's replicas acts.
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [get, create, update]
{{- end }}
