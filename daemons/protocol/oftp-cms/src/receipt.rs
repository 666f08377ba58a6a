//! Signed receipts: what EERPSIG and NERPSIG hold (RFC 5024 sections 5.3.13 and 5.3.14).
//!
//! What is signed is what `oftp::Eerp::signed_octets` and `oftp::Nerp::signed_octets` give.

use crate::{
    Certificate, CmsError, Expected, Found, Identity, Known, Layers, Limits, PackageError,
    Packager, Plan, SignatureError, Signing, Suite, Unpackager,
};

/// Whether a signature may come without the octets that it is over. The RFC asks for them, and one
/// family of products leaves them out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detached {
    /// It may not.
    #[default]
    Refused,
    /// It may.
    Accepted,
}

/// Signs a receipt's octets by the suite's digest.
pub fn sign(signer: Identity, suite: Suite, octets: &[u8]) -> Result<Vec<u8>, PackageError> {
    let signing = Some(Signing::new(suite, signer));
    let mut packager = Packager::new(Plan { signing, ..Plan::default() })?;
    let mut signature = Vec::new();
    packager.push(octets, &mut signature)?;
    packager.finish(&mut signature)?;
    Ok(signature)
}

/// Verifies that a signature is over a receipt's octets, and by one of the certificates. The suite
/// is for the caller to compare ([`Found::check_suite`]).
pub fn verify(
    signature: &[u8],
    octets: &[u8],
    certificates: Vec<Certificate>,
    detached: Detached,
) -> Result<Found, CmsError> {
    let known = Known { identities: Vec::new(), certificates, limits: Limits::default() };
    let mut unpackager = match detached {
        Detached::Accepted => Unpackager::detached(known, octets.to_vec()),
        Detached::Refused => Unpackager::new(known, Expected::Announced(Layers::SIGNED)),
    };
    let (mut rest, mut signed) = (signature, Vec::new());
    while !rest.is_empty() {
        if signed.len() > octets.len() {
            return Err(SignatureError::Content.into());
        }
        unpackager.push(&mut rest, &mut signed)?;
    }
    let found = unpackager.finish(&mut signed)?;
    // What came without content was verified over ours.
    if found.detached || signed == octets { Ok(found) } else { Err(SignatureError::Content.into()) }
}
