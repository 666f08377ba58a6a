//! What a package is that no SFID announced.

use std::collections::BTreeSet;

use domain::{Packaging, Security, Suite, Wrapping};
use oftp_cms::{CmsError, Found, StructureError};

/// How a package is packaged, by what was found. It does not name its suite, and several have the
/// same cipher or the same digest: one of those that are `taken` is meant, if one fits.
pub(super) fn packaging(found: &Found, taken: &BTreeSet<Suite>) -> Result<Packaging, CmsError> {
    let layers = found.layers;
    let security = match (layers.encrypted, layers.signed) {
        (true, true) => Security::EncryptedAndSigned,
        (true, false) => Security::Encrypted,
        (false, true) => Security::Signed,
        (false, false) => {
            let wrapping =
                if layers.compressed { Wrapping::Compressed } else { Wrapping::Enveloped };
            return Ok(Packaging::Open { wrapping, signed_receipt: None });
        }
    };
    let fits = |suite: &Suite| {
        let suite = oftp_cms::Suite::try_from(suite.get());
        suite.is_ok_and(|suite| found.check_suite(suite).is_ok())
    };
    let others = (1..=99).filter_map(|number| Suite::try_from(number).ok());
    let suite = taken
        .iter()
        .copied()
        .chain(others)
        .find(fits)
        .ok_or(StructureError::Unsupported("pair of cipher and digest"))?;
    Ok(Packaging::Secured { security, suite, compressed: layers.compressed, signed_receipt: false })
}

#[cfg(test)]
mod tests {
    use oftp_cms::{Cipher, Digest, Layers, RsaPadding, Signer};

    use super::*;

    fn found(cipher: Option<Cipher>, digest: Option<Digest>, compressed: bool) -> Found {
        let padding = Some(RsaPadding::Pkcs1);
        let signer = digest.map(|digest| Signer {
            name: "serial 01 of CN=bolt".to_owned(),
            certificate: Some(0),
            digest: Some(digest),
            padding,
            verified: Ok(()),
        });
        Found {
            layers: Layers { signed: digest.is_some(), compressed, encrypted: cipher.is_some() },
            cipher,
            padding: cipher.and(padding),
            signers: signer.into_iter().collect(),
            ..Found::default()
        }
    }

    fn suites<const N: usize>(numbers: [i64; N]) -> BTreeSet<Suite> {
        numbers.into_iter().map(|number| number.try_into().unwrap()).collect()
    }

    #[test]
    fn a_package_is_what_was_found_by_a_suite_that_is_taken_if_one_fits() {
        use Cipher::{Aes256, TripleDes};
        use Digest::{Sha1, Sha3_512, Sha256, Sha512};
        let strong = suites([4, 6, 7]);
        for (cipher, digest, taken, suite) in [
            (Some(Aes256), Some(Sha256), &strong, 4),
            (Some(Aes256), Some(Sha512), &strong, 6),
            (Some(Aes256), Some(Sha3_512), &strong, 7),
            (Some(Aes256), None, &strong, 4),
            (Some(Aes256), None, &suites([2]), 2),
            (None, Some(Sha512), &strong, 6),
            (None, Some(Sha512), &suites([5]), 5),
            // None of those that are taken: the policy will say so of the first that fits.
            (Some(Aes256), Some(Sha1), &strong, 2),
            (Some(TripleDes), Some(Sha256), &strong, 3),
            (None, Some(Sha1), &strong, 1),
        ] {
            let packaging = packaging(&found(cipher, digest, true), taken).unwrap();
            assert_eq!(packaging.suite(), suite.try_into().ok(), "{cipher:?} {digest:?}");
            assert_eq!(packaging.is_signed_and_encrypted(), (digest.is_some(), cipher.is_some()));
            assert!(packaging.is_compressed());
        }
    }

    #[test]
    fn a_pair_of_cipher_and_digest_that_no_suite_has_is_refused() {
        let found = found(Some(Cipher::TripleDes), Some(Digest::Sha3_512), false);
        assert_eq!(packaging(&found, &suites([4])).unwrap_err().code(), "E-CMS-STRUCTURE");
    }

    #[test]
    fn what_is_by_pss_and_oaep_is_of_the_suites_that_have_them() {
        let by_pss = |mut found: Found| {
            found.padding = found.padding.and(Some(RsaPadding::PssAndOaep));
            found.signers.iter_mut().for_each(|one| one.padding = Some(RsaPadding::PssAndOaep));
            found
        };
        for (cipher, digest, suite) in [
            (Some(Cipher::Aes256), Some(Digest::Sha256), 8),
            (Some(Cipher::Aes256), Some(Digest::Sha512), 9),
            (None, Some(Digest::Sha3_512), 10),
            (Some(Cipher::Aes256), None, 8),
        ] {
            let packaging = packaging(&by_pss(found(cipher, digest, false)), &suites([4, 6, 7]));
            assert_eq!(packaging.unwrap().suite(), suite.try_into().ok());
        }
    }

    #[test]
    fn what_is_neither_signed_nor_encrypted_has_no_suite() {
        for (compressed, wrapping) in [(true, Wrapping::Compressed), (false, Wrapping::Enveloped)] {
            let packaging = packaging(&found(None, None, compressed), &suites([4])).unwrap();
            assert_eq!(packaging, Packaging::Open { wrapping, signed_receipt: None });
        }
    }
}
