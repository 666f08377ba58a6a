//! The token that every change of state is fenced by.

use std::fmt;
use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

/// The fencing token: grows by one with every change of holder, never repeats, never shrinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(NonZeroU64);

/// An epoch outside 1 to 2^63 - 1, which no lease row can hold.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not an epoch; epochs are whole numbers from 1")]
pub struct EpochError(i64);

impl Epoch {
    /// The epoch as the database's signed integer.
    pub fn get(self) -> i64 {
        // TryFrom lets in only values that came from an i64.
        self.0.get().cast_signed()
    }
}

impl TryFrom<i64> for Epoch {
    type Error = EpochError;

    fn try_from(value: i64) -> Result<Self, EpochError> {
        u64::try_from(value).ok().and_then(NonZeroU64::new).map(Self).ok_or(EpochError(value))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_a_whole_number_from_one_that_fits_the_databases_integer() {
        for number in [1, 2, i64::MAX] {
            let epoch = Epoch::try_from(number).unwrap();
            assert_eq!(epoch.get(), number);
            assert_eq!(epoch.to_string(), number.to_string());
        }
        for number in [0, -1, i64::MIN] {
            let error = Epoch::try_from(number).unwrap_err().to_string();
            assert!(error.starts_with(&number.to_string()), "{error}");
        }
        assert!(Epoch::try_from(7).unwrap() < Epoch::try_from(8).unwrap());
    }
}
