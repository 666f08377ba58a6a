//! The NERP for a received file: one way for what cannot be delivered and for what somebody rejects.

use configuration::Configuration;
use domain::ReceiptSignature;
use oftp::command::Nerp;
use oftp::field::{NegativeReason, ReasonText};
use packaging::receipt::Signer;
use packaging::{Cores, PackagingError, UnwrapError};
use runtime::Active;
use store::{NewReceipt, ReceiptKind, ReceivedFile};

use crate::delivery;

/// Why there is no NERP yet; all of it is ours to mend.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotMade {
    #[error(transparent)]
    Signature(#[from] PackagingError),
    #[error(transparent)]
    Hash(#[from] UnwrapError),
}

impl NotMade {
    /// The stable code.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Signature(error) => error.code(),
            Self::Hash(error) => error.code(),
        }
    }
}

/// Makes it, signed where that is asked for.
pub(crate) async fn nerp(
    active: &Active,
    cores: &Cores,
    configuration: &Configuration,
    file: &ReceivedFile,
    (reason, text): (NegativeReason, ReasonText),
) -> Result<NewReceipt, NotMade> {
    Ok(NewReceipt {
        signature: signature(active, cores, configuration, file, reason).await?,
        kind: ReceiptKind::Negative { reason: reason.number(), text },
        user_data: file.user_data.clone(),
        timing: delivery::timing(configuration, file),
    })
}

async fn signature(
    active: &Active,
    cores: &Cores,
    configuration: &Configuration,
    file: &ReceivedFile,
    reason: NegativeReason,
) -> Result<Option<ReceiptSignature>, NotMade> {
    let Some(suite) = file.packaging.receipt_suite() else { return Ok(None) };
    // A receipt that cannot be signed now is not worth reading the file for.
    let signer = Signer::of(&configuration.instance, ambient::now())?;
    let hash = match &file.hash {
        Some(hash) => Some(hash.clone()),
        None => packaging::hash(&active.spool, cores, &file.part, suite).await?,
    };
    let Some(hash) = hash else { return Ok(None) };
    let creator = configuration.instance.identity.odette_id.clone();
    let nerp = |seal| {
        let (file, text) = (file.identity.clone(), ReasonText::default());
        Nerp { file, creator, reason, text, seal: Some(seal) }.signed_octets()
    };
    Ok(Some(signer.sign(suite, hash, nerp)?))
}
