//! Project Wycheproof's cases for keys that PKCS#1 1.5 has wrapped: whatever is wrong with one, what comes
//! of it is a key that has nothing to do with what it holds.

use wycheproof::rsa_pkcs1_decrypt::{TestName, TestSet};

use super::{KeyTransport, LONGEST_KEY, PrivateKey};
use crate::wycheproof::Count;

#[test]
fn keys_wrapped_by_pkcs1_are_unwrapped_or_replaced() {
    let mut count = Count::default();
    for set in TestName::all() {
        for group in TestSet::load(set).unwrap().test_groups {
            let key = PrivateKey::parse(&group.pkcs8).unwrap();
            for case in group.tests {
                let name = format!("{set:?} {}", case.tc_id);
                let is_of_length = (1..=LONGEST_KEY).contains(&case.pt.len());
                let length = if is_of_length { case.pt.len() } else { LONGEST_KEY };
                let unwrapped = key.unwrap(KeyTransport::Pkcs1, &case.ct, length);
                assert_eq!(unwrapped, key.unwrap(KeyTransport::Pkcs1, &case.ct, length), "{name}");
                let replacement = aws_lc_rs::hmac::sign(&key.0.rejection, &case.ct);
                let is_taken = *unwrapped != replacement.as_ref()[..length];
                if is_of_length {
                    assert!(!is_taken || *unwrapped == **case.pt, "{name}");
                    count.case(case.result, is_taken, &name);
                } else {
                    // A message, and no key of this length.
                    assert!(!is_taken, "{name}");
                    count.bad += 1;
                }
            }
        }
    }
    assert_eq!(count, Count { good: 28, bad: 173 });
}
