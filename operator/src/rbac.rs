//! Every permission that the operator needs, with its reason. The chart's roles are made from this
//! table, and the audit log of the cluster tests proves that each one is used and none is missing.

/// Where a permission is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In the namespaces that are watched: a Role in each, or a ClusterRole for all of them.
    Watched,
    /// In the operator's own namespace: a Role.
    Own,
    /// In the whole cluster: a ClusterRole. Without it the operator runs with `--no-nodes`.
    Cluster,
}

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where.
    pub scope: Scope,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The resource, with its subresource.
    pub resource: &'static str,
    /// What is done with it.
    pub verbs: &'static [&'static str],
    /// Why.
    pub reason: &'static str,
}

/// What is not there yet is created; `get` compares an object that somebody else may have changed,
/// and server-side apply, which is `patch`, puts it right.
const KEEP: &[&str] = &["list", "watch", "get", "create", "patch", "delete"];

/// Every rule, by scope and group.
pub const RULES: &[Rule] = &[
    Rule {
        scope: Scope::Watched,
        group: "seon.dev",
        resource: "seoninstances",
        verbs: &["list", "watch", "patch"],
        reason: "what is to run; patch notes the pod that a switchover is about, and removes the \
                 annotation when it is done",
    },
    Rule {
        scope: Scope::Watched,
        group: "seon.dev",
        resource: "seoninstances/status",
        verbs: &["patch"],
        reason: "conditions, and who is active",
    },
    Rule {
        scope: Scope::Watched,
        group: "seon.dev",
        resource: "seonpartners",
        verbs: &["list", "watch"],
        reason: "the partners of the instances",
    },
    Rule {
        scope: Scope::Watched,
        group: "seon.dev",
        resource: "seonpartners/status",
        verbs: &["patch"],
        reason: "whether a partner is accepted, its certificate, its last session",
    },
    Rule {
        scope: Scope::Watched,
        group: "",
        resource: "secrets",
        verbs: &["list", "watch", "get", "create", "patch"],
        reason: "list and watch, of metadata only, notice a Secret that changes; get reads those \
                 that an instance or a partner refers to; create and patch keep the instance's \
                 configuration. None is ever deleted",
    },
    Rule {
        scope: Scope::Watched,
        group: "",
        resource: "pods",
        verbs: &["list", "watch", "get", "patch", "delete"],
        reason: "who is active, by the pods' labels; patch asks for a new configuration; delete \
                 rolls out, hands over and replaces the pod of a lost node; get and patch are also \
                 what the daemons are given, and nobody can give what they do not have",
    },
    Rule {
        scope: Scope::Watched,
        group: "",
        resource: "persistentvolumeclaims",
        verbs: &["list", "watch", "get", "create", "patch"],
        reason: "the volume for files. It is never deleted",
    },
    Rule {
        scope: Scope::Watched,
        group: "",
        resource: "services",
        verbs: KEEP,
        reason: "the way to the active pod of a listener",
    },
    Rule {
        scope: Scope::Watched,
        group: "",
        resource: "serviceaccounts",
        verbs: KEEP,
        reason: "one for each daemon",
    },
    Rule {
        scope: Scope::Watched,
        group: "rbac.authorization.k8s.io",
        resource: "roles",
        verbs: KEEP,
        reason: "lets a daemon label exactly its own pods",
    },
    Rule {
        scope: Scope::Watched,
        group: "rbac.authorization.k8s.io",
        resource: "rolebindings",
        verbs: KEEP,
        reason: "binds each of these roles to its daemon",
    },
    Rule {
        scope: Scope::Watched,
        group: "networking.k8s.io",
        resource: "networkpolicies",
        verbs: KEEP,
        reason: "who may connect to a daemon, and where it may connect to",
    },
    Rule {
        scope: Scope::Watched,
        group: "policy",
        resource: "poddisruptionbudgets",
        verbs: KEEP,
        reason: "a drain takes one pod of a daemon at a time",
    },
    Rule {
        scope: Scope::Watched,
        group: "batch",
        resource: "jobs",
        verbs: KEEP,
        reason: "migrates the database",
    },
    Rule {
        scope: Scope::Watched,
        group: "apps",
        resource: "statefulsets",
        verbs: KEEP,
        reason: "the daemons",
    },
    Rule {
        scope: Scope::Watched,
        group: "events.k8s.io",
        resource: "events",
        verbs: &["create", "patch", "list"],
        reason: "says what was done and what is wrong; patch counts repetitions; list says why a pod \
                 that is missing could not be made, such as a quota",
    },
    Rule {
        scope: Scope::Watched,
        group: "coordination.k8s.io",
        resource: "leases",
        verbs: &["get", "create", "update"],
        reason: "seon-operator-claim says which operator works in the namespace; a second one leaves \
                 it alone",
    },
    Rule {
        scope: Scope::Own,
        group: "coordination.k8s.io",
        resource: "leases",
        verbs: &["get", "create", "update"],
        reason: "one of the operator's replicas acts",
    },
    Rule {
        scope: Scope::Cluster,
        group: "",
        resource: "nodes",
        verbs: &["list", "watch"],
        reason: "a node that cannot be reached, or has lost an ISDN controller, does not end its \
                 pods; the operator then does",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_rule_has_a_reason_and_names_what_it_allows() {
        for rule in RULES {
            assert!(rule.reason.len() > 10, "{rule:?}");
            assert!(!rule.verbs.contains(&"*") && rule.resource != "*", "{rule:?}");
        }
    }

    #[test]
    fn no_resource_has_two_rules_in_one_place() {
        let place = |rule: &Rule| (format!("{:?}", rule.scope), rule.group, rule.resource);
        let resources: BTreeSet<_> = RULES.iter().map(place).collect();
        assert_eq!(resources.len(), RULES.len());
    }

    #[test]
    fn what_holds_data_is_never_deleted() {
        for resource in ["secrets", "persistentvolumeclaims", "seoninstances", "seonpartners"] {
            let rule = RULES.iter().find(|rule| rule.resource == resource).unwrap();
            assert!(!rule.verbs.contains(&"delete"), "{resource}");
        }
    }
}
