//! Project Wycheproof's cases for what the cipher suites are made of: known attacks and edge cases, as
//! others have collected them, against what this crate asks AWS-LC for and what it does itself.

use wycheproof::TestResult::{self, Acceptable, Invalid, Valid};
use wycheproof::{HashFunction, cipher, rsa_oaep, rsa_pkcs1_verify, rsa_pss_verify};

use crate::room::{PrivateKey, PublicKey};
use crate::rsa::SignatureScheme;
use crate::suite::{Cipher, Digest};

/// The digest, if a cipher suite has it.
fn digest(hash: HashFunction) -> Option<Digest> {
    match hash {
        HashFunction::Sha1 => Some(Digest::Sha1),
        HashFunction::Sha2_256 => Some(Digest::Sha256),
        HashFunction::Sha2_512 => Some(Digest::Sha512),
        HashFunction::Sha3_512 => Some(Digest::Sha3_512),
        _ => None,
    }
}

/// How many cases were good, and how many bad.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Count {
    pub(crate) good: usize,
    pub(crate) bad: usize,
}

impl Count {
    /// One case; what is acceptable may be taken or not.
    pub(crate) fn case(&mut self, result: TestResult, is_taken: bool, name: &str) {
        match result {
            Valid => {
                assert!(is_taken, "{name} is valid");
                self.good += 1;
            }
            Invalid => {
                assert!(!is_taken, "{name} is invalid");
                self.bad += 1;
            }
            Acceptable => {}
        }
    }
}

#[test]
fn signatures_by_pkcs1_are_verified() {
    let mut count = Count::default();
    for set in rsa_pkcs1_verify::TestName::all() {
        for group in rsa_pkcs1_verify::TestSet::load(set).unwrap().test_groups {
            let Some(digest) = digest(group.hash) else { continue };
            let key = PublicKey::from_pkcs1(&group.asn_key).unwrap();
            for case in group.tests {
                let hash = digest.hash(&case.msg);
                let scheme = SignatureScheme::Pkcs1;
                let is_taken = key.verify(scheme, digest, hash.as_ref(), &case.sig);
                count.case(case.result, is_taken, &format!("{set:?} {}", case.tc_id));
            }
        }
    }
    assert_eq!(count, Count { good: 75, bad: 2503 });
}

#[test]
fn signatures_by_pss_are_verified() {
    let mut count = Count::default();
    for set in rsa_pss_verify::TestName::all() {
        for group in rsa_pss_verify::TestSet::load(set).unwrap().test_groups {
            let digests = (digest(group.hash), group.mgf_hash.and_then(digest));
            let (Some(digest), Some(mask)) = digests else { continue };
            let salt = group.salt_size.try_into().unwrap();
            let Some(key) = PublicKey::from_pkcs1(&group.asn_key) else { continue };
            for case in group.tests {
                let hash = digest.hash(&case.msg);
                let scheme = SignatureScheme::Pss { mask, salt };
                let is_taken = key.verify(scheme, digest, hash.as_ref(), &case.sig);
                count.case(case.result, is_taken, &format!("{set:?} {}", case.tc_id));
            }
        }
    }
    assert_eq!(count, Count { good: 1352, bad: 676 });
}

#[test]
fn keys_wrapped_by_oaep_are_unwrapped() {
    let mut count = Count::default();
    for set in rsa_oaep::TestName::all() {
        for group in rsa_oaep::TestSet::load(set).unwrap().test_groups {
            let (Some(digest), Some(mask)) = (digest(group.hash), digest(group.mgf_hash)) else {
                continue;
            };
            let key = crate::key::pkcs1(&group.pkcs8).unwrap();
            let Some(key) = PrivateKey::from_pkcs1(key) else { continue };
            // CMS has labels, and OFTP has none.
            for case in group.tests.into_iter().filter(|case| case.label.is_empty()) {
                let unwrapped = key.decrypt_oaep(digest, mask, &case.ct);
                let is_taken = unwrapped.is_some_and(|unwrapped| unwrapped == *case.pt);
                count.case(case.result, is_taken, &format!("{set:?} {}", case.tc_id));
            }
        }
    }
    assert_eq!(count, Count { good: 265, bad: 242 });
}

#[test]
fn content_is_decrypted_with_aes_256() {
    let mut count = Count::default();
    let set = cipher::TestSet::load(cipher::TestName::AesCbcPkcs5).unwrap();
    for group in set.test_groups.into_iter().filter(|group| group.key_size == 256) {
        for case in group.tests {
            let mut decryptor = Cipher::Aes256.decryptor(&case.key, &case.nonce).unwrap();
            let mut plain = vec![0; case.ct.len() + 16];
            let first = decryptor.update(&case.ct, &mut plain).unwrap().written().len();
            let last = decryptor.finish(&mut plain[first..]).map(|last| last.written().len());
            let is_taken = last.is_ok_and(|last| plain[..first + last] == **case.pt);
            count.case(case.result, is_taken, &case.tc_id.to_string());
        }
    }
    assert_eq!(count, Count { good: 24, bad: 48 });
}
