//! How a user proves to know the password.

use std::fmt;

use md5::{Digest, Md5};

/// Who a remote CAPI shall believe us to be.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Login {
    /// The answer to a challenge: MD5 of user, challenge and password. The password is as safe on
    /// the wire as MD5 is, and everything after it is in the clear.
    pub fn answer(&self, challenge: &[u8]) -> [u8; 16] {
        Md5::new()
            .chain_update(&self.user)
            .chain_update(challenge)
            .chain_update(&self.password)
            .finalize()
            .into()
    }
}

/// Without the password.
impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}
