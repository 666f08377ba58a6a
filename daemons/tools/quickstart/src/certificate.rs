//! A company's key and certificate, made on the spot.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd,
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

/// A company's keys for files and receipts, one for each purpose.
pub(crate) struct FileKeys {
    /// Signs files.
    pub(crate) sign: Identity,
    /// Decrypts files.
    pub(crate) decrypt: Identity,
    /// Signs receipts.
    pub(crate) receipts: Identity,
    /// Decrypts challenges, as sessions begin.
    pub(crate) authenticate: Identity,
}

impl FileKeys {
    /// Makes them.
    pub(crate) fn make(company: &str, now: Timestamp) -> Result<Self, rcgen::Error> {
        let key = |name: &str, usage| {
            let mut parameters = parameters(company, &format!("{company} {name}"), now)?;
            parameters.key_usages = vec![usage];
            // The cipher suites of OFTP are RSA's.
            let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
            sign_itself(&parameters, &key)
        };
        Ok(Self {
            sign: key("files", KeyUsagePurpose::DigitalSignature)?,
            decrypt: key("decryption", KeyUsagePurpose::KeyEncipherment)?,
            receipts: key("receipts", KeyUsagePurpose::DigitalSignature)?,
            authenticate: key("sessions", KeyUsagePurpose::KeyEncipherment)?,
        })
    }

    /// The end of each Secret's name, our purpose, the partner's, and the key.
    pub(crate) fn each(&self) -> [(&'static str, &'static str, &'static str, &Identity); 4] {
        [
            ("sign", "Sign", "VerifySignature", &self.sign),
            ("decrypt", "Decrypt", "Encrypt", &self.decrypt),
            ("receipts", "SignReceipt", "VerifyReceipt", &self.receipts),
            ("authenticate", "Authenticate", "Authenticate", &self.authenticate),
        ]
    }
}

/// Makes an identity for a company that is reached on this machine only.
pub(crate) fn make(company: &str, now: Timestamp) -> Result<Identity, rcgen::Error> {
    let mut parameters = parameters(company, &format!("oftp.{company}.example"), now)?;
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    parameters.subject_alt_names = CertificateParams::new(names)?.subject_alt_names;
    // Both sides show their certificate: each is caller and called.
    parameters.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    sign_itself(&parameters, &KeyPair::generate()?)
}

fn parameters(
    company: &str,
    common_name: &str,
    now: Timestamp,
) -> Result<CertificateParams, rcgen::Error> {
    let mut parameters = CertificateParams::new(Vec::new())?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, common_name);
    subject.push(DnType::OrganizationName, company);
    parameters.distinguished_name = subject;
    // From yesterday on, so that no time zone makes it one of tomorrow.
    let date = |moment: Timestamp| {
        let date = moment.to_zoned(TimeZone::UTC).date();
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        date_time_ymd(i32::from(date.year()), month, day)
    };
    parameters.not_before = date(now - SignedDuration::from_hours(24));
    parameters.not_after = date(now + LIFE);
    Ok(parameters)
}

fn sign_itself(parameters: &CertificateParams, key: &KeyPair) -> Result<Identity, rcgen::Error> {
    let certificate = parameters.self_signed(key)?;
    Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
}
