//! What holds for any octets whatsoever: shared by the fuzz targets and the replay of their
//! corpora.
#![allow(dead_code, reason = "each fuzz target runs one of the checks")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a check fails by panicking")]

use std::sync::OnceLock;

use oftp_cms::receipt::{self, Detached};
use oftp_cms::{
    Certificate, CmsError, Expected, Found, Identity, Known, Layers, Limits, PrivateKey, Unpackager,
};

/// What a receipt of the corpus is over.
const RECEIPT: &[u8] = b"what a receipt is over";
/// Octets of content that a check lets come.
const CONTENT: u64 = 1 << 20;

/// Octets in pieces give the same as in one: the same content, or an error, which is another one
/// only if more than one thing is wrong and the decompressor tells late. What counts as
/// signed has a signer of ours, and no more comes than a limit lets pass. Says whether it was read.
pub(crate) fn unpackage(octets: &[u8]) -> bool {
    let Some((&choice, octets)) = octets.split_first() else { return false };
    let layers =
        Layers { signed: choice & 1 != 0, compressed: choice & 2 != 0, encrypted: choice & 4 != 0 };
    let expected = if choice & 8 == 0 { Expected::Announced(layers) } else { Expected::Anything };
    let size = usize::from(choice >> 4) * 13 + 1;
    let read = read(octets, expected, octets.len().max(1));
    assert_eq!(self::read(octets, expected, size).ok(), read.clone().ok());
    let Ok((content, found)) = read else { return false };
    assert!(content.len() as u64 == found.content && found.content <= CONTENT);
    assert!(found.layers == layers || expected == Expected::Anything);
    assert_eq!(found.layers.signed, found.signer().is_some());
    assert_eq!(found.layers.encrypted, found.decrypted_by.is_some());
    true
}

/// A signature is over the receipt's own octets, or refused; what is not accepted detached is not
/// accepted otherwise either. Says whether it was verified.
pub(crate) fn receipt(signature: &[u8]) -> bool {
    let verify = |octets, detached| {
        receipt::verify(signature, octets, known().certificates.clone(), detached)
    };
    let whole = verify(RECEIPT, Detached::Refused);
    let either = verify(RECEIPT, Detached::Accepted);
    assert!(whole.is_err() || whole == either);
    assert!(verify(b"something else", Detached::Accepted).is_err());
    either.is_ok_and(|found| {
        assert!(found.signer().is_some());
        true
    })
}

fn read(octets: &[u8], expected: Expected, size: usize) -> Result<(Vec<u8>, Found), CmsError> {
    let mut unpackager = Unpackager::new(known().clone(), expected);
    let (mut content, mut out) = (Vec::new(), Vec::new());
    for mut piece in octets.chunks(size) {
        while !piece.is_empty() {
            unpackager.push(&mut piece, &mut out)?;
            content.append(&mut out);
        }
    }
    let found = unpackager.finish(&mut content)?;
    Ok((content, found))
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let certificate = |pem: &[u8]| Certificate::parse(pem).unwrap();
        let key = PrivateKey::parse(include_bytes!("../tests/vectors/bob.key")).unwrap();
        let bob = certificate(include_bytes!("../tests/vectors/bob.crt"));
        Known {
            identities: vec![Identity::new(bob, key).unwrap()],
            certificates: vec![certificate(include_bytes!("../tests/vectors/alice.crt"))],
            limits: Limits { content: CONTENT, ratio_from: 1 << 16, ..Limits::default() },
        }
    })
}
