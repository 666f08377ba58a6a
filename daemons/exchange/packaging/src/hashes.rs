//! The hashes of a file of ours that a receipt for it may be over.

use aws_lc_rs::digest::Context;
use domain::security::ReceiptHash;
use domain::{FileHash, OtherHash, OtherHashes, Packaging};
use oftp_cms::Digest;

use crate::PackagingError;
use crate::keys::cms_suite;

/// Hashes that are made as a file goes by: of what is transmitted by the suite, and where the partner
/// may take another one, that too.
pub(crate) struct Hashes {
    transmitted: Hashing,
    /// `None` if it is transmitted as it is, or does not count.
    original: Option<Hashing>,
}

/// Of the same octets.
struct Hashing {
    suite: Context,
    sha1: Option<Context>,
}

impl Hashes {
    /// `None` where the receipt is not to be signed.
    pub(crate) fn of(
        packaging: Packaging,
        counts: ReceiptHash,
    ) -> Result<Option<Self>, PackagingError> {
        let Some(suite) = packaging.receipt_suite() else { return Ok(None) };
        let digest = cms_suite(suite).map_err(PackagingError::Suite)?.digest();
        let is_tolerant = counts == ReceiptHash::Tolerant;
        let is_sha1_another = is_tolerant && digest != Digest::Sha1;
        let hashing = || Hashing {
            suite: digest.context(),
            sha1: is_sha1_another.then(|| Digest::Sha1.context()),
        };
        let is_original_another = is_tolerant && packaging.is_packaged();
        Ok(Some(Self { transmitted: hashing(), original: is_original_another.then(hashing) }))
    }

    pub(crate) fn transmitted(&mut self, octets: &[u8]) {
        self.transmitted.update(octets);
    }

    /// Of a file that is packaged.
    pub(crate) fn original(&mut self, octets: &[u8]) {
        if let Some(original) = &mut self.original {
            original.update(octets);
        }
    }

    /// The one that counts in any case, and the others.
    pub(crate) fn finish(self) -> (Option<FileHash>, OtherHashes) {
        let (hash, transmitted_sha1) = self.transmitted.finish();
        let (original, original_sha1) = self.original.map(Hashing::finish).unwrap_or_default();
        let others = [
            (OtherHash::TransmittedSha1, transmitted_sha1),
            (OtherHash::Original, original),
            (OtherHash::OriginalSha1, original_sha1),
        ];
        let others = others.into_iter().filter_map(|(other, hash)| Some((other, hash?)));
        (hash, others.collect())
    }
}

impl Hashing {
    fn update(&mut self, octets: &[u8]) {
        self.suite.update(octets);
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(octets);
        }
    }

    fn finish(self) -> (Option<FileHash>, Option<FileHash>) {
        (hashed(self.suite), self.sha1.and_then(hashed))
    }
}

fn hashed(hash: Context) -> Option<FileHash> {
    hash.finish().as_ref().to_vec().try_into().ok()
}
