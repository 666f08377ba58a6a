//! What nobody will ask for again.

use std::path::PathBuf;
use std::time::Duration;

use domain::{PartName, PayloadName};

use crate::{Listed, Parts, Payloads, SpoolError};

/// What lay in the spool when it was listed.
///
/// The order matters and the types keep it: list, **then** read from the store what is known, then
/// sweep. A part's id is recorded before the part is made, or while the part is open, and a part
/// that is open is not listed, or too young: so a listed one that the store does not know then is
/// nobody's. A payload is made before it is queued, and so are a package and the original of one
/// before they are recorded; the age covers that time.
///
/// The epoch does not decide, because each daemon counts its own.
#[derive(Debug)]
pub struct Listing {
    parts: Listed<PartName>,
    payloads: Listed<PayloadName>,
    age: Duration,
}

/// What a sweep removed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Parts that no received file knows.
    pub parts: Vec<PartName>,
    /// Payloads that no queue entry knows.
    pub payloads: Vec<PayloadName>,
    /// Files that this spool did not make: left alone, worth a line in the log.
    pub foreign: Vec<PathBuf>,
}

impl Listing {
    /// Lists what was last changed at least `age` ago; an hour is a good age.
    pub async fn of(spool: &(impl Parts + Payloads), age: Duration) -> Result<Self, SpoolError> {
        let payloads = spool.list_payloads(age).await?;
        Ok(Self { parts: spool.list_parts(age).await?, payloads, age })
    }

    /// Removes what was listed and `is_known` to nobody, asked by the recorded name.
    pub async fn sweep(
        self,
        spool: &(impl Parts + Payloads),
        is_known: impl Fn(&str) -> bool + Send,
    ) -> Result<Swept, SpoolError> {
        let Self { parts, payloads, age } = self;
        let mut swept = Swept::default();
        for part in parts.names {
            if !is_known(&part.to_string()) && spool.remove_part(&part).await? {
                swept.parts.push(part);
            }
        }
        for payload in payloads.names {
            if !is_known(&payload.to_string()) && spool.remove_payload(&payload).await? {
                swept.payloads.push(payload);
            }
        }
        spool.tidy(age).await?;
        swept.foreign = payloads.foreign;
        swept.foreign.extend(parts.foreign);
        Ok(swept)
    }
}
