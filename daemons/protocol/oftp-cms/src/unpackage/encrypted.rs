//! The content of `EnvelopedData` (RFC 5652 section 6).
//!
//! What comes of a key that is not the right one is told at the end of the content, in the same
//! words and after the same work as for a content that is damaged: who sends us made-up keys or
//! contents learns nothing from our answers (RFC 3218).

use aws_lc_rs::cipher::StreamingDecryptingKey;
use der::asn1::{AnyRef, OctetStringRef};
use der::oid::ObjectIdentifier;
use der::{Decode, Reader, SliceReader};

use super::stage::{Run, Stage};
use crate::ber::{SEQUENCE, elements};
use crate::certificate::described;
use crate::rsa::KeyTransport;
use crate::suite::Cipher;
use crate::{CmsError, DecryptError, Identity, Limit, StructureError};

#[derive(Default)]
pub(super) struct EncryptedReader {
    /// Which identity, and the key that is wrapped for it.
    wrapped: Option<(usize, Wrapped)>,
    decryptor: Option<StreamingDecryptingKey>,
    piece: Vec<u8>,
    /// What the content turned out to be.
    failure: Option<CmsError>,
}

/// A cipher's key that is wrapped by RSA.
struct Wrapped {
    transport: KeyTransport,
    key: Vec<u8>,
}

impl EncryptedReader {
    /// Looks for ours.
    pub(super) fn recipients(&mut self, element: &[u8], run: &mut Run<'_>) -> Result<(), CmsError> {
        const NAME: &str = "set of recipients";
        let recipients = elements(element).ok_or(StructureError::Malformed(NAME))?;
        let limit = run.known.limits.recipients;
        if recipients.len() > limit {
            return Err(CmsError::Limit(Limit::Recipients(limit)));
        }
        for recipient in recipients {
            if recipient.first() != Some(&SEQUENCE) {
                // Of a kind that no cipher suite has: an agreed key, a password.
                run.found.recipients.push("somebody without an RSA key".to_owned());
                continue;
            }
            let (party, wrapped) =
                key_transport(recipient).map_err(|_| StructureError::Malformed(NAME))?;
            run.found.recipients.push(described(party));
            let is_ours = |identity: &Identity| identity.certificate().is(party);
            if self.wrapped.is_none()
                && let Some(wrapped) = wrapped
                && let Some(ours) = run.known.identities.iter().position(is_ours)
            {
                run.found.decrypted_by = Some(ours);
                run.found.padding = Some(wrapped.transport.padding());
                self.wrapped = Some((ours, wrapped));
            }
        }
        Ok(())
    }

    /// Unwraps the key for the cipher.
    pub(super) fn algorithm(&mut self, element: &[u8], run: &mut Run<'_>) -> Result<(), CmsError> {
        const NAME: &str = "encryption algorithm";
        let malformed = |_| StructureError::Malformed(NAME);
        let mut fields = AnyRef::from_der(element)
            .and_then(|element| SliceReader::new(element.value()))
            .map_err(malformed)?;
        let identifier: ObjectIdentifier = fields.decode().map_err(malformed)?;
        let cipher = Cipher::of(identifier).ok_or(StructureError::Unsupported(NAME))?;
        let vector: &OctetStringRef = fields.decode().map_err(malformed)?;
        if vector.as_bytes().len() != cipher.block_length() {
            return Err(StructureError::Malformed(NAME).into());
        }
        run.found.cipher = Some(cipher);
        let Some((ours, wrapped)) = self.wrapped.take() else {
            let recipients = match run.found.recipients.as_slice() {
                [] => "nobody".to_owned(),
                some => some.join(", "),
            };
            return Err(DecryptError::NotForUs { recipients }.into());
        };
        let ours = run.known.identities[ours].key();
        let key = ours.unwrap(wrapped.transport, &wrapped.key, cipher.key_length());
        // A weak key of 3DES is refused: the content fails like any other.
        self.decryptor = cipher.decryptor(&key, vector.as_bytes()).ok();
        Ok(())
    }

    pub(super) fn content(
        &mut self,
        content: &[u8],
        next: &mut Stage,
        run: &mut Run<'_>,
    ) -> Result<(), CmsError> {
        let room = content.len() + Cipher::LONGEST_BLOCK;
        if self.piece.len() < room {
            self.piece.resize(room, 0);
        }
        let Some(decryptor) = &mut self.decryptor else { return Ok(()) };
        let Ok(plain) = decryptor.update(content, &mut self.piece) else {
            self.decryptor = None;
            return Ok(());
        };
        give(&mut self.failure, plain.written(), next, run)
    }

    pub(super) fn finish(&mut self, next: &mut Stage, run: &mut Run<'_>) -> Result<(), CmsError> {
        self.piece.resize(Cipher::LONGEST_BLOCK, 0);
        let last = self.decryptor.take().and_then(|key| key.finish(&mut self.piece).ok());
        let last = last.ok_or(DecryptError::Failed)?;
        give(&mut self.failure, last.written(), next, run)?;
        if self.failure.is_none() {
            self.failure = next.finish(run).err();
        }
        match self.failure.take() {
            None => Ok(()),
            // These need the right key to be seen at all.
            Some(
                told @ (CmsError::Signature(_)
                | CmsError::Structure(StructureError::Unannounced { .. })),
            ) => Err(told),
            Some(limit @ CmsError::Limit(_)) => Err(limit),
            Some(_) => Err(DecryptError::Failed.into()),
        }
    }
}

/// Gives what was decrypted to the next stage, until that has failed.
fn give(
    failure: &mut Option<CmsError>,
    plain: &[u8],
    next: &mut Stage,
    run: &mut Run<'_>,
) -> Result<(), CmsError> {
    if failure.is_some() {
        return Ok(());
    }
    match next.push(plain, run) {
        // What would take the machine is not waited for.
        Err(limit @ CmsError::Limit(_)) => return Err(limit),
        Err(other) => *failure = Some(other),
        Ok(()) => {}
    }
    Ok(())
}

/// `KeyTransRecipientInfo`: for whom, and the wrapped key if that is by RSA.
fn key_transport(element: &[u8]) -> der::Result<(AnyRef<'_>, Option<Wrapped>)> {
    let mut fields = SliceReader::new(AnyRef::from_der(element)?.value())?;
    let _version: u8 = fields.decode()?;
    let party: AnyRef<'_> = fields.decode()?;
    let algorithm = fields.tlv_bytes()?;
    let wrapped: &OctetStringRef = fields.decode()?;
    let wrapped = |transport| Wrapped { transport, key: wrapped.as_bytes().to_vec() };
    Ok((party, KeyTransport::read(algorithm).map(wrapped)))
}
