//! Nothing lost, nothing doubled: what a company received, held against what was sent.

use std::collections::BTreeMap;
use std::path::PathBuf;

use support::sha256;

use crate::Company;

/// Every delivered file of a company, by path, with its hash.
pub fn incoming(company: &Company) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    let Ok(partners) = std::fs::read_dir(company.data().join("incoming")) else { return files };
    for partner in partners.flatten() {
        for file in std::fs::read_dir(partner.path()).unwrap().flatten() {
            files.insert(file.path(), sha256(&file.path()));
        }
    }
    files
}

/// Each of the sent hashes arrived exactly once, and nothing else did; each was acknowledged once.
pub fn assert_each_arrived_once(sender: &Company, receiver: &Company, sent: &[String]) {
    let mut expected = sent.to_vec();
    let mut arrived: Vec<_> = incoming(receiver).into_values().collect();
    expected.sort();
    arrived.sort();
    assert_eq!(arrived, expected, "what arrived at {} is not what left", receiver.name);
    let acknowledged = sender.queue().iter().filter(|row| row["state"] == "acknowledged").count();
    assert_eq!(acknowledged, sent.len(), "every file of {} has its EERP", sender.name);
}
