//! Certificates made on the spot.

use std::path::{Path, PathBuf};

use jiff::{ToSpan, tz::TimeZone};
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateRevocationListParams,
    CrlDistributionPoint, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, RevocationReason, RevokedCertParams, RsaKeySize,
    SerialNumber,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

/// A certificate authority for one test.
#[derive(Debug)]
pub struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate.
    pub certificate_pem: String,
    /// Its private key, PKCS #8.
    pub key_pem: String,
}

impl Authority {
    /// Makes one of that common name, valid from yesterday for a year.
    pub fn new(common_name: &str) -> Self {
        let mut parameters = parameters(common_name, -1, 365);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.self_signed(&key).expect("a certificate");
        Self { certificate, issuer: Issuer::new(parameters, key) }
    }

    /// Its own certificate, for the partner to trust.
    pub fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// The same in DER.
    pub fn der(&self) -> Vec<u8> {
        self.certificate.der().to_vec()
    }

    /// A certificate for a server reached by this host name or address, and for a client.
    pub fn identity(&self, host: &str) -> Identity {
        self.sign(&parameters(host, -1, 365))
    }

    /// One that expired yesterday.
    pub fn expired(&self, host: &str) -> Identity {
        self.sign(&parameters(host, -30, -1))
    }

    /// One that is valid from tomorrow.
    pub fn not_yet_valid(&self, host: &str) -> Identity {
        self.sign(&parameters(host, 1, 30))
    }

    /// One for a server reached by all these host names and addresses, and for a client: the user
    /// of that name, in that group if there is one.
    pub fn user(&self, name: &str, group: Option<&str>, hosts: &[&str]) -> Identity {
        let mut parameters = parameters(name, -1, 365);
        let hosts = hosts.iter().map(|&host| host.to_owned()).collect::<Vec<_>>();
        parameters.subject_alt_names =
            CertificateParams::new(hosts).expect("host names").subject_alt_names;
        if let Some(group) = group {
            parameters.distinguished_name.push(DnType::OrganizationName, group);
        }
        self.sign(&parameters)
    }

    /// One with an RSA key, for TLS, files and receipts, that names where the authority's list of revoked
    /// certificates is.
    pub fn listed(&self, host: &str, url: &str) -> Identity {
        let mut parameters = parameters(host, -1, 365);
        parameters.crl_distribution_points = vec![CrlDistributionPoint { uris: vec![url.into()] }];
        self.sign_for(&parameters, &rsa_key())
    }

    /// Its list of that number with these certificates on it, in DER, made today and in force for a month.
    pub fn list(&self, number: u64, revoked: &[&Identity]) -> Vec<u8> {
        let day = |days| {
            let (year, month, day) = date(days);
            rcgen::date_time_ymd(year, month, day)
        };
        let revoked = revoked.iter().map(|identity| RevokedCertParams {
            serial_number: identity.serial(),
            revocation_time: day(-1),
            reason_code: Some(RevocationReason::KeyCompromise),
            invalidity_date: None,
        });
        let parameters = CertificateRevocationListParams {
            this_update: day(0),
            next_update: day(30),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        parameters.signed_by(&self.issuer).expect("a list").der().to_vec()
    }

    fn sign(&self, parameters: &CertificateParams) -> Identity {
        self.sign_for(parameters, &KeyPair::generate().expect("a key"))
    }

    fn sign_for(&self, parameters: &CertificateParams, key: &KeyPair) -> Identity {
        let certificate = parameters.signed_by(key, &self.issuer).expect("a certificate");
        Identity { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }
}

impl Identity {
    /// A self-signed one, as many OFTP2 partners use it.
    pub fn self_signed(host: &str) -> Self {
        Self::by_itself(&parameters(host, -1, 365))
    }

    /// A self-signed one that expired yesterday.
    pub fn self_signed_expired(host: &str) -> Self {
        Self::by_itself(&parameters(host, -30, -1))
    }

    /// A self-signed one with an RSA key of 2048 bits, for files and receipts.
    pub fn rsa(common_name: &str) -> Self {
        Self::with(&parameters(common_name, -1, 365), &rsa_key())
    }

    /// The same, and it expired yesterday.
    pub fn rsa_expired(common_name: &str) -> Self {
        Self::with(&parameters(common_name, -30, -1), &rsa_key())
    }

    /// Writes `<stem>.crt` and `<stem>.key` into a directory and gives their paths.
    pub fn write(&self, directory: &Path, stem: &str) -> (PathBuf, PathBuf) {
        let paths = (directory.join(format!("{stem}.crt")), directory.join(format!("{stem}.key")));
        for (path, pem) in [(&paths.0, &self.certificate_pem), (&paths.1, &self.key_pem)] {
            std::fs::write(path, pem)
                .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        }
        paths
    }

    /// Octets that only its private key has: of an RSA key its last number (PKCS #1 puts the
    /// coefficient there), else what stands in its octet string first, the scalar.
    pub fn private_octets(&self) -> Vec<u8> {
        let der = KeyPair::from_pem(&self.key_pem).expect("a key").serialize_der();
        let part = if der.len() > 500 { der.len() - 64..der.len() } else { 36..68 };
        der[part].to_vec()
    }

    /// The serial number of its certificate: the first of its fields, after the version.
    fn serial(&self) -> SerialNumber {
        let der = CertificateDer::from_pem_slice(self.certificate_pem.as_bytes()).expect("PEM");
        let version = [0xa0, 3, 2, 1, 2, 2];
        let at = der.windows(version.len()).position(|it| it == version).expect("version 3");
        let at = at + version.len();
        let length = usize::from(der[at]);
        SerialNumber::from(der[at + 1..=at + length].to_vec())
    }

    fn by_itself(parameters: &CertificateParams) -> Self {
        Self::with(parameters, &KeyPair::generate().expect("a key"))
    }

    fn with(parameters: &CertificateParams, key: &KeyPair) -> Self {
        let certificate = parameters.self_signed(key).expect("a certificate");
        Self { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }
}

fn rsa_key() -> KeyPair {
    KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).expect("a key")
}

/// An end entity's, valid from and to so many days from today (whole days, UTC).
fn parameters(host: &str, from_days: i64, to_days: i64) -> CertificateParams {
    let mut parameters = CertificateParams::new(vec![host.to_owned()]).expect("a host name");
    parameters.distinguished_name.push(DnType::CommonName, host);
    parameters.key_usages =
        vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    parameters.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let day = |days| {
        let (year, month, day) = date(days);
        rcgen::date_time_ymd(year, month, day)
    };
    parameters.not_before = day(from_days);
    parameters.not_after = day(to_days);
    parameters
}

/// Year, month and day so many days from today.
fn date(days: i64) -> (i32, u8, u8) {
    let date = ambient::now().to_zoned(TimeZone::UTC).date().saturating_add(days.days());
    let part = |number: i8| u8::try_from(number).expect("a month or day");
    (i32::from(date.year()), part(date.month()), part(date.day()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openssl_verifies_what_the_authority_signed_and_refuses_what_expired() {
        let Ok(version) = std::process::Command::new("openssl").arg("version").output() else {
            crate::skip!(openssl, "openssl is not installed");
        };
        assert!(version.status.success());
        let directory = crate::TemporaryDirectory::new();
        let authority = Authority::new("Test authority");
        std::fs::write(directory.join("ca.pem"), authority.pem()).unwrap();
        let verify = |identity: &Identity| {
            let (certificate, _) = identity.write(directory.path(), "one");
            let output = std::process::Command::new("openssl")
                .args(["verify", "-CAfile"])
                .args([directory.join("ca.pem"), certificate])
                .output()
                .unwrap();
            String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
        };
        assert!(verify(&authority.identity("localhost")).contains("OK"));
        assert!(verify(&authority.expired("localhost")).contains("expired"));
        assert!(verify(&authority.not_yet_valid("localhost")).contains("not yet valid"));
        assert!(verify(&Identity::self_signed("localhost")).contains("self-signed"));
    }
}
