//! Certificates that will be missing soon.

use configuration::{Configuration, Owner, missing};
use jiff::Timestamp;

/// Somebody will have no certificate for something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The partner, or the instance itself.
    pub partner: Option<String>,
    /// Within so many days: 60, 30, 14, 7 or 1.
    pub days: u16,
    /// From when on, who and for what.
    pub sentence: String,
}

/// What is near, by the certificates of an instance and its partners.
pub(super) fn of(configuration: &Configuration, now: Timestamp) -> Vec<Ending> {
    let all = configuration.certificates();
    let near = missing(&all, now).into_iter().filter_map(|it| {
        let days = it.days_before(now)?;
        let (partner, who) = match it.owner {
            Owner::Ours => (None, configuration.instance.name.to_string()),
            Owner::Partner(name) => (Some(name.to_string()), name.to_string()),
        };
        Some(Ending { partner, days, sentence: it.sentence(&who, now) })
    });
    near.collect()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use support::Identity;

    use super::*;

    #[test]
    fn a_partners_certificate_that_ends_soon_is_told_of_with_its_day_and_its_purpose() {
        let indented = Identity::self_signed("bolt").certificate_pem.replace('\n', "\n    ");
        let text = format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {{name: acme}}
spec:
  identity: {{odetteId: O0013000001ACME, passwordSecretRef: {{name: oftp, key: password}}}}
---
apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {{name: bolt}}
spec:
  instanceRef: {{name: acme}}
  identity: {{odetteId: O0013000002BOLT, passwordSecretRef: {{name: oftp, key: password}}}}
  certificates: [{{purpose: [Tls], secretRef: {{name: bolt}}, names: [oftp.bolt.example]}}]
---
apiVersion: v1
kind: Secret
metadata: {{name: oftp}}
stringData: {{password: SECRET}}
---
apiVersion: v1
kind: Secret
metadata: {{name: bolt}}
stringData:
  tls.crt: |
    {indented}
"
        );
        let configuration = configuration::parse(&[("acme.yaml", text)]).unwrap();
        // It is valid for a year from yesterday on.
        let in_days = |days: i64| {
            let now = ambient::now() + SignedDuration::from_hours(24 * days);
            of(&configuration, now)
        };
        assert_eq!(in_days(200), []);
        let soon = in_days(345);
        assert_eq!(soon.len(), 1, "{soon:?}");
        assert_eq!((soon[0].partner.as_deref(), soon[0].days), (Some("bolt"), 30));
        assert!(soon[0].sentence.ends_with(" on bolt has no certificate for Tls"), "{soon:?}");
        let over = "bolt has no certificate for Tls that counts";
        let over = Ending { partner: Some("bolt".into()), days: 1, sentence: over.into() };
        assert_eq!(in_days(400), [over]);
    }
}
