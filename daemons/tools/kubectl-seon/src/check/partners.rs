//! The partners: is each accepted, and how did the last session with it go?

use crds::{SeonPartner, conditions};
use kube::ResourceExt;

use super::super::KubernetesError;
use super::hidden;
use commands::report::Check;

pub(super) fn examine(partners: &Result<Vec<SeonPartner>, KubernetesError>) -> Vec<Check> {
    match partners {
        Err(error) => vec![hidden("the partners", error)],
        Ok(partners) if partners.is_empty() => {
            vec![Check::warning("there is no partner yet", "write a SeonPartner: docs/partners.md")]
        }
        Ok(partners) => partners.iter().map(judge).collect(),
    }
}

fn judge(partner: &SeonPartner) -> Check {
    let name = partner.name_any();
    if partner.spec.suspend {
        let hint = "set spec.suspend to false in its SeonPartner";
        return Check::warning(format!("{name} is suspended"), hint);
    }
    let status = partner.status.as_ref();
    let ready =
        status.and_then(|status| status.conditions.iter().find(|it| it.kind == conditions::READY));
    match ready.map(|ready| (ready.status.as_str(), &ready.message)) {
        Some(("False", message)) => {
            let hint = "correct its SeonPartner or Secrets; it is left out until then \
                        (docs/partners.md)";
            return Check::bad(format!("{name} is not accepted"), hint).because(message);
        }
        Some(("True", _)) => {}
        _ => {
            return Check::warning(
                format!("{name} has not been looked at by the operator"),
                "wait a moment; if it stays so, see the operator's log (docs/kubectl.md#check)",
            );
        }
    }
    let code = status
        .and_then(|status| status.last_session.as_ref())
        .and_then(|last| last.code.as_deref())
        .filter(|code| *code != domain::ENDED_IN_ORDER);
    match code {
        Some(code) => Check::warning(
            format!("{name} is accepted; the last session with it ended with {code}"),
            format!("see: kubectl seon journal --partner {name}"),
        ),
        None => Check::good(format!("{name} is accepted")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commands::report::Verdict;

    fn bolt(suspend: bool, status: &str) -> SeonPartner {
        serde_yaml::from_str(&format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {{name: bolt}}
spec:
  instanceRef: {{name: acme}}
  identity: {{odetteId: O0013000002BOLT, passwordSecretRef: {{name: bolt-oftp, key: password}}}}
  suspend: {suspend}
status: {status}
"
        ))
        .unwrap()
    }

    fn ready(status: &str, more: &str) -> SeonPartner {
        bolt(
            false,
            &format!(
                "{{conditions: [{{type: Ready, status: '{status}', reason: X, message: why,
                 lastTransitionTime: '2026-11-20T08:14:02Z'}}]{more}}}"
            ),
        )
    }

    #[test]
    fn a_partner_is_accepted_left_out_unseen_or_suspended() {
        let results = [ready("True", ""), ready("False", ""), bolt(false, "{}"), bolt(true, "{}")]
            .map(|partner| judge(&partner).result);
        assert_eq!(results, [Verdict::Success, Verdict::Error, Verdict::Warning, Verdict::Warning]);
    }

    #[test]
    fn a_last_session_that_failed_is_a_warning_with_its_code() {
        let last = |code: &str| {
            ready(
                "True",
                &format!(", lastSession: {{at: '2026-11-22T12:03:02Z', outcome: x, code: {code}}}"),
            )
        };
        assert_eq!(judge(&last("ESID-00")).result, Verdict::Success);
        let check = judge(&last("E-SESSION-ESID-04"));
        assert_eq!(check.result, Verdict::Warning);
        assert!(serde_json::to_string(&check).unwrap().contains("E-SESSION-ESID-04"));
    }
}
