//! Text that is never shown, and keys.

use std::fmt;

use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use zeroize::Zeroizing;

/// Text that neither `Debug` nor an error shows, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes a text into safe keeping.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for the one who needs it; not for a log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// A private key in DER, of any of the three forms of PEM; wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey {
    form: Form,
    der: Zeroizing<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Pkcs8,
    Pkcs1,
    Sec1,
}

impl PrivateKey {
    /// The key as rustls takes it (`clone_key()` for one that lives longer).
    pub fn der(&self) -> PrivateKeyDer<'_> {
        let der = self.der.as_slice();
        match self.form {
            Form::Pkcs8 => PrivatePkcs8KeyDer::from(der).into(),
            Form::Pkcs1 => PrivatePkcs1KeyDer::from(der).into(),
            Form::Sec1 => PrivateSec1KeyDer::from(der).into(),
        }
    }

    /// Takes a key of one of the known forms into safe keeping.
    pub(crate) fn new(key: &PrivateKeyDer<'_>) -> Option<Self> {
        let form = match key {
            PrivateKeyDer::Pkcs8(_) => Form::Pkcs8,
            PrivateKeyDer::Pkcs1(_) => Form::Pkcs1,
            PrivateKeyDer::Sec1(_) => Form::Sec1,
            _ => return None,
        };
        Some(Self { form, der: Zeroizing::new(key.secret_der().to_vec()) })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}
