//! Checks of lists of revoked certificates, and whether a partner's certificate is on one.

use configuration::{Listed, Owner};
use jiff::Timestamp;
use pki::Unsure;
use store::Store;

use crate::report::Check;
use crate::revocation::{ListView, look, refuses_unknown};
use crate::{Instance, human};

const HINT: &str = "see docs/certificates.md#revocation, and: seon certificates --lists";

/// The lists that the configuration leads to, and what they say; from then on the instance's certificates
/// are judged by them.
pub(super) async fn examine(instance: &mut Instance, store: &Store, now: Timestamp) -> Vec<Check> {
    if !instance.configuration.instance.revocation.is_on {
        return Vec::new();
    }
    let views = match look(instance, store).await {
        Ok(views) => views,
        Err(error) => {
            let check =
                Check::bad("the lists of revoked certificates cannot be read", "see the error");
            return vec![check.because_of(&error, error.code())];
        }
    };
    let mut checks: Vec<_> = views.iter().map(|view| of_list(view, now)).collect();
    let all = instance.configuration.certificates();
    checks.extend(all.iter().filter_map(|listed| of_certificate(instance, listed, now)));
    checks
}

fn of_list(view: &ListView, now: Timestamp) -> Check {
    let url = &view.url;
    if let (Some(code), Some(text)) = (&view.code, &view.text) {
        let kept = match view.until {
            Some(until) if until > now => {
                format!(
                    "; the one that is kept counts for {}",
                    human::age(human::elapsed(now, until))
                )
            }
            _ if view.made.is_some() => "; the one that is kept is too old".to_owned(),
            _ => String::new(),
        };
        let description = format!("the list {url} could not be fetched{kept}");
        return Check::warning(description, HINT).because_of(text, code);
    }
    match (view.made, view.until) {
        (None, _) => Check::warning(
            format!("the list {url} was not fetched yet"),
            "seonsqd fetches it: see whether that works (seon ps)",
        ),
        (Some(_), Some(until)) if until <= now => {
            let age = human::age(human::elapsed(until, now));
            Check::warning(format!("the list {url} is overdue since {age}"), HINT)
        }
        (Some(made), _) => {
            let age = human::age(human::elapsed(made, now));
            let entries = human::count(
                u64::try_from(view.entries.unwrap_or_default()).unwrap_or(u64::MAX),
                "certificate",
                "certificates",
            );
            Check::good(format!("the list {url} was made {age} ago and names {entries}"))
        }
    }
}

fn of_certificate(instance: &Instance, listed: &Listed<'_>, now: Timestamp) -> Option<Check> {
    let Owner::Partner(name) = listed.owner else { return None };
    let partner = instance.configuration.partner(name.as_str()).filter(|_| !listed.issues)?;
    let what = format!("{name}'s certificate in {}", listed.source);
    match partner.revocation.status(listed.certificate, now).err()? {
        Unsure::Revoked(revoked) => Some(
            Check::bad(
                format!("{what} {revoked}"),
                "ask the partner for its new certificate: docs/certificates.md#renewal",
            )
            .because_of(&"it is refused for whatever it is used", "E-TLS-CERTIFICATE-REVOKED"),
        ),
        Unsure::Unknown(why) => {
            let description = format!("{what} {why}");
            Some(if refuses_unknown(instance) {
                Check::bad(description, HINT).because_of(
                    &"it is refused (spec.revocation.onUnknown)",
                    "E-TLS-REVOCATION-UNKNOWN",
                )
            } else {
                Check::warning(description, HINT)
            })
        }
    }
}
