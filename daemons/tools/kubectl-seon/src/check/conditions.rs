//! What the operator says of the instance as a whole, and what to do about it.

use crds::{Condition, SeonInstance, conditions};
use kube::ResourceExt;

use commands::report::Check;

/// What is told first: the conditions that sum up the others, the worst words first.
pub(super) fn examine(instance: &SeonInstance) -> Vec<Check> {
    let name = instance.name_any();
    let find = |kind: &str| {
        let status = instance.status.as_ref()?;
        status.conditions.iter().find(|condition| condition.kind == kind)
    };
    let Some(ready) = find(conditions::READY) else { return Vec::new() };
    let mut checks = vec![if ready.status == "True" {
        Check::good(format!("{name} is ready"))
    } else {
        told(Check::bad(format!("{name} is not ready"), cure(instance, ready)), ready)
    }];
    checks.extend(find(conditions::DEGRADED).map(|degraded| {
        if degraded.status == "True" {
            let check = Check::warning(format!("{name} is degraded"), cure(instance, degraded));
            told(check, degraded)
        } else {
            Check::good(format!("{name} is not degraded"))
        }
    }));
    checks
}

fn told(check: Check, condition: &Condition) -> Check {
    let message = &condition.message;
    match code(message) {
        Some(code) => check.because_of(message, code),
        None => check.because(message),
    }
}

fn cure(instance: &SeonInstance, condition: &Condition) -> String {
    let namespace = instance.namespace().unwrap_or_default();
    cure_of(&condition.message).replace("NAMESPACE", &namespace)
}

/// What to do about what is said; of several things that it names, about the first in this order.
pub(super) fn cure_of(message: &str) -> String {
    const CURES: [(&str, &str); 19] = [
        (
            "E-VALIDATE-SECRET-LABEL",
            "label the Secret as the message says (docs/kubernetes.md#secrets-of-partners)",
        ),
        (
            "E-VALIDATE-SECRET",
            "make that Secret: kubectl -n NAMESPACE create secret generic (docs/errors.md#e-validate-secret)",
        ),
        (
            "E-VALIDATE-SIZE",
            "move some of the partners to another SeonInstance (docs/errors.md#e-validate-size)",
        ),
        (
            "E-APPLY-FOREIGN",
            "rename or delete that object, or give the instance another name (docs/errors.md#e-apply-foreign)",
        ),
        (
            "E-RECONCILE-LATE",
            "see whether the API server and its webhooks answer for this namespace (docs/errors.md#e-reconcile-late)",
        ),
        (
            "E-INSTANCE-VOLUME",
            "give all pods one volume that they share (docs/kubernetes.md#storage); if it was moved: kubectl seon adopt (docs/kubectl.md#adopt)",
        ),
        (
            "E-INSTANCE-",
            "correct spec.database or spec.storage; if the move was planned: kubectl seon adopt (docs/kubectl.md#adopt)",
        ),
        (
            "E-STORE-SCHEMA-NEWER",
            "run the version that has migrated this database, or a newer one: spec.image, or the operator's (docs/errors.md#e-store-schema-newer)",
        ),
        (
            "password authentication failed",
            "correct the URI in the Secret of spec.database; what waits for it goes on by itself (docs/kubernetes.md#database)",
        ),
        (
            "exceeded quota",
            "raise the namespace's ResourceQuota, or ask for less: spec.daemonTemplate.resources and replicas",
        ),
        (
            "unbound immediate PersistentVolumeClaims",
            "see why the claim gets no volume: kubectl -n NAMESPACE describe pvc (docs/kubernetes.md#storage)",
        ),
        (
            "persistentvolumeclaim",
            "see the claim: kubectl -n NAMESPACE describe pvc (docs/kubernetes.md#storage)",
        ),
        (
            "nodes are available",
            "give it a node: the message says what the nodes lack; spec.daemonTemplate has nodeSelector, tolerations and resources",
        ),
        ("ErrImagePull", IMAGE),
        ("ImagePullBackOff", IMAGE),
        ("InvalidImageName", IMAGE),
        (
            "have the role active",
            "the operator puts it right within seconds; if it stays, see whether the operator acts, and who writes the label seon.dev/role",
        ),
        (
            "the database: ",
            "see whether the database answers and takes the user (docs/kubernetes.md#database)",
        ),
        (
            "cannot be reached",
            "bring the node back, or remove it from the cluster: its pods then begin elsewhere (docs/failover.md)",
        ),
    ];
    const IMAGE: &str = "see that the image is in the registry and that nodes may pull it: spec.image, the chart's images.registry, spec.daemonTemplate.imagePullSecrets";
    let known = CURES.iter().find(|(words, _)| message.contains(words));
    match (known, code(message)) {
        (Some((_, cure)), _) => (*cure).to_owned(),
        (None, Some(code)) => format!("see docs/errors.md#{}", code.to_lowercase()),
        (None, None) => {
            "see: kubectl -n NAMESPACE describe seon; kubectl seon logs (docs/kubectl.md#check)"
                .to_owned()
        }
    }
}

/// The first stable code in a message.
fn code(message: &str) -> Option<&str> {
    let mut words =
        message.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-'));
    words.find(|word| word.starts_with("E-") && word.len() > 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::tests::instance;
    use commands::report::Verdict;

    fn acme(ready: &str, degraded: &str, message: &str) -> SeonInstance {
        let condition = |kind: &str, status: &str| {
            format!(
                "  - {{type: {kind}, status: '{status}', reason: X, message: '{message}', \
                 lastTransitionTime: '2026-11-20T08:14:02Z'}}\n"
            )
        };
        let conditions = condition("Ready", ready) + &condition("Degraded", degraded);
        instance("acme", &format!("status:\n  conditions:\n{conditions}"))
    }

    #[test]
    fn ready_and_degraded_are_told_with_the_operators_words() {
        let results = |ready, degraded| -> Vec<_> {
            examine(&acme(ready, degraded, "x")).iter().map(|check| check.result).collect()
        };
        assert_eq!(results("True", "False"), [Verdict::Success, Verdict::Success]);
        assert_eq!(results("False", "True"), [Verdict::Error, Verdict::Warning]);
        let check = &examine(&acme("False", "False", "E-APPLY-FOREIGN Service a"))[0];
        assert_eq!(check.code.as_deref(), Some("E-APPLY-FOREIGN"));
        assert_eq!(check.error.as_deref(), Some("E-APPLY-FOREIGN Service a"));
        assert!(examine(&instance("acme", "")).is_empty());
    }

    #[test]
    fn each_fault_has_its_cure() {
        for (message, cure) in [
            ("E-VALIDATE-SECRET Secret acme-oftp: is not in namespace n", "make that Secret"),
            ("E-VALIDATE-SECRET-LABEL Secret bolt: does not say", "label the Secret"),
            ("E-VALIDATE-SIZE partners are 1200 KiB", "another SeonInstance"),
            ("acme-seonrd-1: ErrImagePull: not found", "nodes may pull it"),
            (
                "the migration acme-migrate-1 does not come to its end: CrashLoopBackOff: \
                 E-STORE-CONNECT password authentication failed for user \"u\"",
                "correct the URI",
            ),
            (
                "acme-seonrd-1: the database: password authentication failed for user \"u\"",
                "correct the URI",
            ),
            ("acme-seonrd-1: the database: Connection refused", "whether the database answers"),
            ("2 pods of seonrd have the role active (a, b)", "who writes the label"),
            ("a: a person: E-INSTANCE-VOLUME no identity", "one volume that they share"),
            ("acme-seonrd-0: 0/2 nodes are available: 2 Insufficient cpu.", "what the nodes lack"),
            (
                "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims.",
                "why the claim gets no volume",
            ),
            ("acme-seonrd cannot have another pod: exceeded quota: small", "ResourceQuota"),
            ("a: CrashLoopBackOff: E-STORE-SCHEMA-NEWER the schema", "or a newer one"),
            ("E-RECONCILE-LATE the turn was given up", "webhooks answer"),
            ("E-APPLY-FOREIGN Service acme-seonrd-tcpip is there", "rename or delete"),
            ("E-SPOOL-FULL no room", "docs/errors.md#e-spool-full"),
            ("something else", "kubectl seon logs"),
        ] {
            let said = cure_of(message);
            assert!(said.contains(cure), "{message}: {said}");
        }
    }
}
