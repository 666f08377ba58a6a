//! How lists of revoked certificates are fetched and looked at.

use crds::RevocationCheck;
use jiff::SignedDuration;
use pki::OnUnknown;

use super::Checker;
use crate::revocation::{ListUrl, RevocationSettings};

/// Judges `spec.revocation`.
pub(super) fn validate(
    check: &mut Checker<'_, '_>,
    spec: &crds::Revocation,
) -> Option<RevocationSettings> {
    const FIELD: &str = "spec.revocation";
    let urls = spec.urls.iter().enumerate();
    let urls: Vec<_> =
        urls.map(|(index, url)| check.url(url, &format!("{FIELD}.urls[{index}]"))).collect();
    let maximum_age = match &spec.maximum_age {
        None => Some(None),
        Some(age) => check
            .duration(age, ["1h", "87600h", "168h"], &format!("{FIELD}.maximumAge"))
            .and_then(|age| SignedDuration::try_from(age).ok())
            .map(Some),
    };
    let timeout = check.duration(&spec.timeout, ["1s", "10m", "30s"], &format!("{FIELD}.timeout"));
    let mebibytes = check.number(spec.maximum_mebibytes, &format!("{FIELD}.maximumMebibytes"));
    let allowed = check.networks(&spec.allowed_addresses, &format!("{FIELD}.allowedAddresses"));
    let proxy = match &spec.proxy {
        None => Some(None),
        Some(proxy) => check.url(proxy, &format!("{FIELD}.proxy")).map(Some),
    };
    let mebibytes: usize = mebibytes?;
    Some(RevocationSettings {
        is_on: spec.check == RevocationCheck::Lists,
        on_unknown: match spec.on_unknown {
            crds::OnUnknown::Accept => OnUnknown::Accept,
            crds::OnUnknown::Refuse => OnUnknown::Refuse,
        },
        urls: urls.into_iter().collect::<Option<_>>()?,
        maximum_age: maximum_age?,
        timeout: timeout?,
        maximum_size: mebibytes << 20,
        allowed_addresses: allowed?,
        proxy: proxy?,
    })
}

impl Checker<'_, '_> {
    fn url(&mut self, text: &str, field: &str) -> Option<ListUrl> {
        match ListUrl::parse(text) {
            Ok(url) => Some(url),
            Err(why) => {
                let problem = format!(
                    "{text:?} is not an URL to fetch by HTTP ({why}); give one such as \
                     http://ca.example/issuing.crl"
                );
                self.value(field, problem);
                None
            }
        }
    }
}
