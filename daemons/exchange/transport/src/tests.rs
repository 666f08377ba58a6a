//! The transports against each other, against rustls set up by hand, and against OpenSSL; the
//! certificates are made on the spot.

mod calling;
mod credentials;
mod handshakes;
mod lines;
mod listening;
mod openssl;
mod refusals;
mod settings;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, date_time_ymd,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

/// Long enough for a machine that does many things at once; no test waits it out.
const PATIENCE: Duration = Duration::from_secs(30);

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// What a certificate is to look like.
#[derive(Clone)]
struct Recipe {
    common_name: String,
    alternative_names: Vec<String>,
    years: (i32, i32),
    purposes: Vec<ExtendedKeyUsagePurpose>,
    authority: bool,
}

fn recipe(common_name: &str) -> Recipe {
    Recipe {
        common_name: common_name.to_owned(),
        alternative_names: vec![common_name.to_owned()],
        years: (2020, 2120),
        purposes: Vec::new(),
        authority: false,
    }
}

impl Recipe {
    fn named(mut self, alternative_names: &[&str]) -> Self {
        self.alternative_names = alternative_names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    fn valid(mut self, from: i32, to: i32) -> Self {
        self.years = (from, to);
        self
    }

    fn expired(self) -> Self {
        self.valid(2020, 2021)
    }

    fn purposes(mut self, purposes: &[ExtendedKeyUsagePurpose]) -> Self {
        self.purposes = purposes.to_vec();
        self
    }

    fn parameters(&self) -> CertificateParams {
        let mut parameters = CertificateParams::new(self.alternative_names.clone()).unwrap();
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::OrganizationName, "Test");
        parameters.distinguished_name.push(DnType::CommonName, self.common_name.clone());
        parameters.not_before = date_time_ymd(self.years.0, 1, 1);
        parameters.not_after = date_time_ymd(self.years.1, 1, 1);
        parameters.extended_key_usages.clone_from(&self.purposes);
        if self.authority {
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        parameters
    }

    fn self_signed(&self) -> Keyed {
        let key = KeyPair::generate().unwrap();
        let certificate = self.parameters().self_signed(&key).unwrap().der().clone();
        Keyed { certificate, key }
    }
}

/// A certificate with its key.
struct Keyed {
    certificate: CertificateDer<'static>,
    key: KeyPair,
}

impl Keyed {
    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }

    fn identity(&self) -> TlsCredentials {
        TlsCredentials::new(vec![self.certificate.clone()], self.private_key()).unwrap()
    }
}

struct Authority {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

fn authority(common_name: &str) -> Authority {
    authority_of(recipe(common_name))
}

fn authority_of(recipe: Recipe) -> Authority {
    let recipe = Recipe { authority: true, ..recipe };
    let key = KeyPair::generate().unwrap();
    let certificate = recipe.parameters().self_signed(&key).unwrap().der().clone();
    Authority { certificate, issuer: Issuer::new(recipe.parameters(), key) }
}

impl Authority {
    fn issue(&self, recipe: &Recipe) -> Keyed {
        let key = KeyPair::generate().unwrap();
        let certificate = recipe.parameters().signed_by(&key, &self.issuer).unwrap().der().clone();
        Keyed { certificate, key }
    }
}

/// The partner with this very certificate.
fn pinned(name: &str, keyed: &Keyed) -> Arc<TrustedPartner> {
    trusted(
        name,
        TrustedCertificates {
            pinned: vec![keyed.certificate.clone()],
            ..TrustedCertificates::default()
        },
    )
}

/// The partner whose certificates come from this authority.
fn issued_by(name: &str, authority: &Authority, names: &[&str]) -> Arc<TrustedPartner> {
    trusted(
        name,
        TrustedCertificates {
            authorities: vec![authority.certificate.clone()],
            names: names.iter().map(|&name| name.to_owned()).collect(),
            ..TrustedCertificates::default()
        },
    )
}

fn trusted(name: &str, certificates: TrustedCertificates) -> Arc<TrustedPartner> {
    Arc::new(TrustedPartner::new(name, [certificates]).unwrap())
}

fn limits() -> Limits {
    Limits { handshake: PATIENCE, ..Limits::default() }
}

fn server_settings(own: &Keyed, partners: &[Arc<TrustedPartner>]) -> TlsServerSettings {
    TlsServerSettings {
        identity: own.identity(),
        trust: Arc::new(Trust::new(partners.iter().cloned())),
        minimum: TlsVersion::V1_2,
        client_certificates: ClientCertificates::Required,
    }
}

fn client_settings(own: &Keyed, partner: &Arc<TrustedPartner>) -> TlsClientSettings {
    TlsClientSettings {
        partner: Arc::clone(partner),
        identity: Some(own.identity()),
        minimum: TlsVersion::V1_2,
        server_name: None,
    }
}

fn receiver(settings: TlsServerSettings) -> TlsReceiver {
    TlsReceiver::bind(LOOPBACK, 0, limits(), settings).unwrap()
}

/// One caller, through its handshake.
async fn called(receiver: &TlsReceiver) -> Result<Transport, TlsError> {
    receiver.accept().await.unwrap().establish().await
}

/// What both sides make of one call to 127.0.0.1.
async fn call(
    receiver: &TlsReceiver,
    settings: &TlsClientSettings,
) -> (Result<Transport, TlsError>, Result<Transport, ConnectError>) {
    let port = receiver.local_address().port();
    tokio::join!(called(receiver), connect_tls("127.0.0.1", port, settings, PATIENCE))
}

/// The two ends of a connection that came about.
async fn connection(
    receiver: &TlsReceiver,
    settings: &TlsClientSettings,
) -> (Transport, Transport) {
    let (receiving, calling) = call(receiver, settings).await;
    (receiving.unwrap(), calling.unwrap())
}

/// Octets go through both ways.
async fn exchange(one: &mut Transport, other: &mut Transport) {
    for (from, to) in [(0, 1), (1, 0)] {
        let ends = [&mut *one, &mut *other];
        ends[from].write_all(b"IODETTE FTP READY \r").await.unwrap();
        ends[from].flush().await.unwrap();
        let mut read = [0; 19];
        ends[to].read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"IODETTE FTP READY \r");
    }
}

/// Two companies that know each other by their very certificates.
struct Companies {
    acme: Keyed,
    bolt: Keyed,
}

fn companies() -> Companies {
    Companies {
        acme: recipe("acme.example").self_signed(),
        bolt: recipe("bolt.example").self_signed(),
    }
}

impl Companies {
    /// acme listens and expects bolt.
    fn receiver(&self) -> TlsReceiver {
        receiver(server_settings(&self.acme, &[pinned("bolt", &self.bolt)]))
    }

    /// bolt calls acme.
    fn caller(&self) -> TlsClientSettings {
        client_settings(&self.bolt, &pinned("acme", &self.acme))
    }
}

fn assert_says(sentence: &str, parts: &[&str]) {
    for part in parts {
        assert!(sentence.contains(part), "{part:?} is missing in: {sentence}");
    }
}
