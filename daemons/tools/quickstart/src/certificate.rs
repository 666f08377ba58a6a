//! A company's key and certificate, made on the spot.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// Long enough that a kept quick start does not end in an expired certificate soon.
const LIFE: SignedDuration = SignedDuration::from_hours(365 * 24);

/// PEM texts, as a Secret of type kubernetes.io/tls holds them.
pub(crate) struct Identity {
    /// The certificate: shown to the partner, and pinned there.
    pub(crate) certificate: String,
    /// Its private key.
    pub(crate) key: String,
}

/// Makes an identity for a company that is reached on this machine only.
pub(crate) fn make(company: &str, now: Timestamp) -> Result<Identity, rcgen::Error> {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut parameters = CertificateParams::new(names)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, format!("oftp.{company}.example"));
    subject.push(DnType::OrganizationName, company);
    parameters.distinguished_name = subject;
    // Both sides show their certificate: each is caller and called.
    parameters.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // From yesterday on, so that no time zone makes it one of tomorrow.
    let date = |moment: Timestamp| {
        let date = moment.to_zoned(TimeZone::UTC).date();
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        date_time_ymd(i32::from(date.year()), month, day)
    };
    parameters.not_before = date(now - SignedDuration::from_hours(24));
    parameters.not_after = date(now + LIFE);
    let key = KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
}
