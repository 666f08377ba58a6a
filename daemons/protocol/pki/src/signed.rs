//! What an authority signed: certificates and lists of revoked ones have one form (RFC 5280 sections 4.1.1
//! and 5.1.1).

use crate::certificate::certificate_facts;
use crate::key::subject_public_key;
use crate::reader::{BIT_STRING, Reader, SEQUENCE, VERSION};

/// Something with a signature around it.
pub(crate) struct Signed<'a> {
    /// What is signed, with its tag.
    content: &'a [u8],
    /// What is within that.
    pub(crate) body: &'a [u8],
    /// How it is signed, without the tag.
    pub(crate) algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// `None` if it has another form, or if something follows it.
    pub(crate) fn read(octets: &'a [u8]) -> Option<Self> {
        let mut all = Reader(octets);
        let inside = all.expect(SEQUENCE)?;
        all.0.is_empty().then_some(())?;
        let mut fields = Reader(inside);
        let body = fields.expect(SEQUENCE)?;
        let content = &inside[..inside.len() - fields.0.len()];
        let algorithm = fields.expect(SEQUENCE)?;
        let signature = fields.expect(BIT_STRING)?.strip_prefix(&[0])?;
        fields.0.is_empty().then_some(Self { content, body, algorithm, signature })
    }

    /// Whether the key of this certificate signed it, by an algorithm and a length that count in paths.
    pub(crate) fn is_by(&self, issuer: &[u8]) -> bool {
        let verified = || {
            let key = subject_public_key(issuer)?;
            let mut info = Reader(Reader(key.info).expect(SEQUENCE)?);
            let of_key = info.expect(SEQUENCE)?;
            let fits = webpki::ALL_VERIFICATION_ALGS.iter().filter(|one| {
                one.signature_alg_id().as_ref() == self.algorithm
                    && one.public_key_alg_id().as_ref() == of_key
            });
            let mut verified =
                fits.map(|one| one.verify_signature(key.key, self.content, self.signature));
            Some(verified.any(|it| it.is_ok()))
        };
        verified().unwrap_or_default()
    }
}

/// By what a certificate and its issuer find each other, as it stands there.
pub(crate) struct Parts<'a> {
    pub(crate) serial: &'a [u8],
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(crate) fn of(certificate: &'a [u8]) -> Option<Self> {
        certificate_facts(certificate)?;
        let mut body = Reader(Reader(Reader(certificate).expect(SEQUENCE)?).expect(SEQUENCE)?);
        if body.0.first() == Some(&VERSION) {
            body.next()?;
        }
        let (_, serial) = body.next()?;
        body.next()?; // signature algorithm
        let issuer = body.expect(SEQUENCE)?;
        body.next()?; // validity
        let subject = body.expect(SEQUENCE)?;
        Some(Self { serial, issuer, subject })
    }
}
