//! Handshakes that succeed, and what is known afterwards.

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::{ClientConfig, HandshakeKind, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;

use super::*;
use crate::provider::provider;
use crate::verifier::Verifier;

/// A caller whose software is not ours: exactly one version, and every kind of resumption.
pub(super) fn foreign_caller(
    version: &'static SupportedProtocolVersion,
    own: &Keyed,
    partner: &Arc<TrustedPartner>,
) -> TlsConnector {
    let trust = Arc::new(Trust::new([Arc::clone(partner)]));
    let verifier: Arc<dyn ServerCertVerifier> = Verifier::new(trust, ClientCertificates::Required);
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(vec![own.certificate.clone()], own.private_key())
        .unwrap();
    config.resumption = Resumption::in_memory_sessions(8);
    TlsConnector::from(Arc::new(config))
}

async fn foreign_call(
    receiver: &TlsReceiver,
    connector: &TlsConnector,
) -> (Transport, tokio_rustls::client::TlsStream<TcpStream>) {
    let name = ServerName::try_from("acme.example").unwrap();
    let stream = TcpStream::connect(receiver.local_address()).await.unwrap();
    let (receiving, calling) = tokio::join!(called(receiver), connector.connect(name, stream));
    (receiving.unwrap(), calling.unwrap())
}

#[tokio::test]
async fn both_sides_know_each_other_by_the_pinned_certificate() {
    let companies = companies();
    let (mut receiving, mut calling) = connection(&companies.receiver(), &companies.caller()).await;
    exchange(&mut receiving, &mut calling).await;

    assert_eq!(receiving.kind(), Kind::Tls);
    assert_eq!(receiving.peer_address(), calling.local_address());
    assert_eq!(calling.version(), Some(TlsVersion::V1_3));
    assert!(calling.suite().unwrap().starts_with("TLS13_"), "{:?}", calling.suite());
    let certificate = receiving.certificate().unwrap();
    assert_eq!(certificate.subject(), "CN=bolt.example,O=Test");
    assert_eq!(certificate.der(), &companies.bolt.certificate);
    assert_eq!(certificate.fingerprint(), companies.bolt.identity().fingerprint());
    assert_eq!(certificate.expires().to_string(), "2120-01-01T00:00:00Z");
    assert_eq!(receiving.binding().permits("bolt"), Ok(()));
    assert_eq!(calling.binding().permits("acme"), Ok(()));
}

#[tokio::test]
async fn a_certificate_of_one_partner_does_not_open_the_session_of_another() {
    let companies = companies();
    let crank = recipe("crank.example").self_signed();
    let partners = [pinned("bolt", &companies.bolt), pinned("crank", &crank)];
    let receiver = receiver(server_settings(&companies.acme, &partners));
    let (receiving, _calling) = connection(&receiver, &companies.caller()).await;

    assert_eq!(receiving.binding().permits("bolt"), Ok(()));
    let mismatch = receiving.binding().permits("crank").unwrap_err();
    assert_eq!(mismatch.code(), "E-SESSION-CERTIFICATE");
    let fingerprint = receiving.certificate().unwrap().fingerprint();
    let parts = ["partner crank", "CN=bolt.example", "belongs to bolt", fingerprint];
    assert_says(&mismatch.to_string(), &parts);
}

#[tokio::test]
async fn a_tls_1_2_caller_is_served_and_bound_as_well() {
    let companies = companies();
    let receiver = companies.receiver();
    let connector =
        foreign_caller(&rustls::version::TLS12, &companies.bolt, &pinned("acme", &companies.acme));
    let (mut receiving, mut calling) = foreign_call(&receiver, &connector).await;
    assert_eq!(receiving.version(), Some(TlsVersion::V1_2));
    assert_eq!(receiving.binding().permits("bolt"), Ok(()));
    receiving.write_all(b"x").await.unwrap();
    receiving.flush().await.unwrap();
    assert_eq!(calling.read_u8().await.unwrap(), b'x');
}

#[tokio::test]
async fn no_session_is_resumed_so_that_every_certificate_is_verified_anew() {
    let companies = companies();
    let receiver = companies.receiver();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let connector = foreign_caller(version, &companies.bolt, &pinned("acme", &companies.acme));
        for _ in 0..3 {
            let (mut receiving, mut calling) = foreign_call(&receiver, &connector).await;
            // Tickets would come with the first octets.
            receiving.write_all(b"x").await.unwrap();
            receiving.flush().await.unwrap();
            assert_eq!(calling.read_u8().await.unwrap(), b'x');
            let kind = calling.get_ref().1.handshake_kind();
            assert_eq!(kind, Some(HandshakeKind::Full), "{version:?}");
            assert!(receiving.certificate().is_some());
        }
    }
}

#[tokio::test]
async fn certificates_by_an_authority_are_taken_both_ways() {
    let root = authority("Odette test CA");
    let acme = root.issue(&recipe("acme.example").named(&["127.0.0.1"]));
    let bolt = root.issue(&recipe("bolt.example"));
    let receiver = receiver(server_settings(&acme, &[issued_by("bolt", &root, &["bolt.example"])]));
    let caller = client_settings(&bolt, &issued_by("acme", &root, &[]));
    let (mut receiving, mut calling) = connection(&receiver, &caller).await;
    exchange(&mut receiving, &mut calling).await;
    assert_eq!(receiving.binding().permits("bolt"), Ok(()));
}

#[tokio::test]
async fn partners_that_share_an_authority_are_told_apart_by_their_names() {
    let companies = companies();
    let root = authority("Odette test CA");
    let bolt = root.issue(&recipe("bolt.example"));
    let partners = [
        issued_by("bolt", &root, &["bolt.example"]),
        issued_by("crank", &root, &["crank.example"]),
        issued_by("anyone", &root, &[]),
    ];
    let receiver = receiver(server_settings(&companies.acme, &partners));
    let caller = client_settings(&bolt, &pinned("acme", &companies.acme));
    let (receiving, _calling) = connection(&receiver, &caller).await;
    let names: Vec<_> = receiving.certificate().unwrap().partners().collect();
    assert_eq!(names, ["bolt", "anyone"]);
    assert!(receiving.binding().permits("crank").is_err());
}

#[tokio::test]
async fn a_configured_name_takes_the_place_of_the_dialled_host() {
    let root = authority("Odette test CA");
    let acme = root.issue(&recipe("acme.example"));
    let bolt = recipe("bolt.example").self_signed();
    let receiver = receiver(server_settings(&acme, &[pinned("bolt", &bolt)]));
    let caller = client_settings(&bolt, &issued_by("acme", &root, &["acme.example"]));
    let (_receiving, calling) = connection(&receiver, &caller).await;
    assert_eq!(calling.binding().permits("acme"), Ok(()));

    let server_name = Some(ServerName::try_from("acme.example").unwrap());
    let partner = issued_by("acme", &root, &[]);
    let caller = TlsClientSettings { server_name, ..client_settings(&bolt, &partner) };
    connection(&receiver, &caller).await;
}

#[tokio::test]
async fn without_a_certificate_only_partners_that_have_none_may_come_and_only_if_allowed() {
    let companies = companies();
    let naked = Arc::new(TrustedPartner::new("naked", []).unwrap());
    let partners = [pinned("bolt", &companies.bolt), naked];
    let receiver = receiver(TlsServerSettings {
        client_certificates: ClientCertificates::InsecureOptional,
        ..server_settings(&companies.acme, &partners)
    });
    let anonymous = TlsClientSettings { identity: None, ..companies.caller() };
    let (mut receiving, mut calling) = connection(&receiver, &anonymous).await;
    exchange(&mut receiving, &mut calling).await;
    assert!(receiving.certificate().is_none());
    assert_eq!(receiving.binding().permits("naked"), Ok(()));
    let mismatch = receiving.binding().permits("bolt").unwrap_err();
    assert_eq!(mismatch.code(), "E-SESSION-CERTIFICATE");
    assert_says(&mismatch.to_string(), &["partner bolt", "without a TLS certificate"]);

    let (receiving, _calling) = connection(&receiver, &companies.caller()).await;
    assert_eq!(receiving.binding().permits("bolt"), Ok(()));
}

#[tokio::test]
async fn new_settings_hold_for_new_connections_and_leave_sessions_alone() {
    let companies = companies();
    let receiver = companies.receiver();
    let (mut receiving, mut calling) = connection(&receiver, &companies.caller()).await;

    let renewed = recipe("acme.example").self_signed();
    let crank = recipe("crank.example").self_signed();
    receiver.reload(server_settings(&renewed, &[pinned("crank", &crank)]));

    exchange(&mut receiving, &mut calling).await;
    let (refused, _) = call(&receiver, &companies.caller()).await;
    // bolt, which still expects the old certificate, is the first to break off.
    assert_eq!(refused.unwrap_err().code(), "E-TLS-REFUSED-BY-PARTNER");
    let caller = client_settings(&crank, &pinned("acme", &renewed));
    let (receiving, _calling) = connection(&receiver, &caller).await;
    assert_eq!(receiving.binding().permits("crank"), Ok(()));
}

#[tokio::test]
async fn a_partner_that_just_closes_has_ended_and_not_failed() {
    let companies = companies();
    let (mut receiving, calling) = connection(&companies.receiver(), &companies.caller()).await;
    let Stream::Tls(stream) = calling.stream else { panic!("not TLS") };
    drop(stream); // no close_notify
    let mut rest = Vec::new();
    assert_eq!(receiving.read_to_end(&mut rest).await.unwrap(), 0);
}

#[tokio::test]
async fn eight_mebibytes_arrive_whole_through_the_bounded_buffers_in_both_directions() {
    let companies = companies();
    let (receiving, calling) = connection(&companies.receiver(), &companies.caller()).await;
    let sent: Arc<Vec<u8>> =
        Arc::new((0..8 * 1024 * 1024u32).map(|position| (position % 251) as u8).collect());
    let mut tasks = Vec::new();
    for transport in [receiving, calling] {
        let (mut reader, mut writer) = tokio::io::split(transport);
        let octets = Arc::clone(&sent);
        tasks.push(tokio::spawn(async move {
            writer.write_all(&octets).await.unwrap();
            writer.shutdown().await.unwrap();
        }));
        let expected = Arc::clone(&sent);
        tasks.push(tokio::spawn(async move {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).await.unwrap();
            assert!(read == *expected, "{} octets, or other ones", read.len());
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}
