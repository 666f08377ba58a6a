//! `SignedData` (RFC 5652 section 5), with the content and without certificates.

use aws_lc_rs::digest::Context;

use super::chunks::Chunks;
use super::open::{CONTENT_END, PACKAGE_END, content_head, package_head};
use super::{Layer, Signing};
use crate::ber::{CONSTRUCTED, CONTEXT_0, INTEGER, OCTET_STRING, SEQUENCE, SET, element};
use crate::rsa::SignatureScheme;
use crate::{Identity, PackageError, Suite, oid};

/// The version of fields that name signers by issuer and serial number.
const VERSION: [u8; 3] = [INTEGER, 1, 1];

pub(super) struct SignedWriter {
    signing: Signing,
    hash: Context,
    chunks: Chunks,
}

impl SignedWriter {
    pub(super) fn new(signing: Signing) -> Self {
        let digests = element(SET, &[&oid::algorithm(signing.suite.digest().oid())]);
        let package = package_head(oid::SIGNED_DATA);
        let head = [package.as_slice(), &VERSION, &digests, &content_head()].concat();
        Self { hash: signing.suite.digest().context(), chunks: Chunks::new(head), signing }
    }
}

impl Layer for SignedWriter {
    fn push(&mut self, content: &[u8], out: &mut Vec<u8>) -> Result<(), PackageError> {
        self.hash.update(content);
        self.chunks.push(content, out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), PackageError> {
        self.chunks.finish(out);
        out.extend_from_slice(&CONTENT_END.concat());
        let suite = self.signing.suite;
        let hash = self.hash.clone().finish();
        let signers = &self.signing.signers;
        let signers: Option<Vec<_>> =
            signers.iter().map(|signer| signer_info(signer, suite, hash.as_ref())).collect();
        let mut signers = signers.ok_or(PackageError::Sign)?;
        signers.sort_unstable();
        out.extend_from_slice(&element(SET, &[&signers.concat()]));
        out.extend_from_slice(&PACKAGE_END.concat());
        Ok(())
    }
}

/// `SignerInfo` over a content's hash.
fn signer_info(signer: &Identity, suite: Suite, hash: &[u8]) -> Option<Vec<u8>> {
    let (digest, scheme) = (suite.digest(), SignatureScheme::of(suite));
    let attributes = attributes(hash);
    let hash = digest.hash(&element(SET, &[&attributes]));
    let signature = signer.key().sign(scheme, digest, hash.as_ref())?;
    Some(element(
        SEQUENCE,
        &[
            &VERSION,
            signer.certificate().issuer_and_serial(),
            &oid::algorithm(digest.oid()),
            &element(CONTEXT_0 | CONSTRUCTED, &[&attributes]),
            &scheme.identifier(digest)?,
            &element(OCTET_STRING, &[&signature]),
        ],
    ))
}

/// The signed attributes, in the order of DER. No time: whoever needs a proof of it has the
/// receipt's.
fn attributes(hash: &[u8]) -> Vec<u8> {
    let attribute =
        |kind, value: &[u8]| element(SEQUENCE, &[&oid::identifier(kind), &element(SET, &[value])]);
    let mut attributes = [
        attribute(oid::CONTENT_TYPE, &oid::identifier(oid::DATA)),
        attribute(oid::MESSAGE_DIGEST, &element(OCTET_STRING, &[hash])),
    ];
    attributes.sort_unstable();
    attributes.concat()
}
