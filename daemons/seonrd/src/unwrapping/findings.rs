//! What was found out of files that could not be dealt with then, so that a large one is not read anew
//! at each try. It is only in memory: the next tenure finds it out again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use configuration::Configuration;
use oftp::NegativeReason;
use store::ReceivedFileId;

/// Of so many files at most; those that came first are read again. (What a person disposed of is not seen
/// any more, and makes room so.)
const MOST: usize = 1000;

/// Why a file is refused by a NERP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) code: &'static str,
    pub(super) text: String,
    pub(super) reason: NegativeReason,
}

#[derive(Clone, Debug)]
enum Finding {
    /// Judged by this configuration, and the NERP could not be signed.
    Bad(Arc<Configuration>, Verdict),
    /// Its original had grown to so many octets when there was no room for more.
    Grown(u64),
}

#[derive(Clone, Debug, Default)]
pub(super) struct Findings(Arc<Mutex<BTreeMap<ReceivedFileId, Finding>>>);

impl Findings {
    pub(super) fn bad(
        &self,
        file: ReceivedFileId,
        configuration: &Arc<Configuration>,
        verdict: &Verdict,
    ) {
        self.put(file, Finding::Bad(Arc::clone(configuration), verdict.clone()));
    }

    pub(super) fn grown(&self, file: ReceivedFileId, octets: u64) {
        self.put(file, Finding::Grown(octets));
    }

    /// The verdict on a file, if it was by this configuration: by another one it may be a good file.
    pub(super) fn verdict(
        &self,
        file: ReceivedFileId,
        configuration: &Arc<Configuration>,
    ) -> Option<Verdict> {
        match self.files().get(&file) {
            Some(Finding::Bad(by, verdict)) if Arc::ptr_eq(by, configuration) => {
                Some(verdict.clone())
            }
            _ => None,
        }
    }

    /// What its original needs room for at least.
    pub(super) fn octets(&self, file: ReceivedFileId) -> u64 {
        match self.files().get(&file) {
            Some(Finding::Grown(octets)) => *octets,
            _ => 0,
        }
    }

    pub(super) fn forget(&self, file: ReceivedFileId) {
        self.files().remove(&file);
    }

    fn put(&self, file: ReceivedFileId, finding: Finding) {
        let mut files = self.files();
        files.insert(file, finding);
        if files.len() > MOST {
            files.pop_first();
        }
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<ReceivedFileId, Finding>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_file_is_forgotten_once_it_is_dealt_with_and_is_never_of_too_many() {
        let findings = Findings::default();
        let one_too_many = i64::try_from(MOST).unwrap();
        for number in 0..=one_too_many {
            findings.grown(number.into(), 7);
        }
        assert_eq!((findings.octets(0.into()), findings.octets(one_too_many.into())), (0, 7));
        findings.forget(1.into());
        assert_eq!(findings.octets(1.into()), 0);
        findings.grown(2.into(), 9);
        assert_eq!(findings.octets(2.into()), 9);
    }
}
