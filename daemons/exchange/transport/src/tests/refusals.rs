//! Handshakes that fail: each with its code, its sentence, and what the other side is told.

use rcgen::ExtendedKeyUsagePurpose;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls_pki_types::ServerName;
use tokio::net::TcpListener;
use tokio::time::{MissedTickBehavior, interval};
use tokio_rustls::TlsAcceptor;

use super::handshakes::foreign_caller;
use super::*;
use crate::provider::provider;

/// The receiver refuses the caller; gives its error and what the caller reads at last.
async fn refused(receiver: &TlsReceiver, caller: &TlsClientSettings) -> (TlsError, &'static str) {
    let (receiving, calling) = call(receiver, caller).await;
    let told = match calling {
        Err(error) => error.code(),
        // TLS 1.3: the caller's handshake is complete before its certificate was looked at.
        Ok(mut transport) => {
            code_of(&transport.read_u8().await.unwrap_err()).expect("an error of TLS")
        }
    };
    (receiving.unwrap_err(), told)
}

#[tokio::test]
async fn an_unknown_certificate_is_refused_with_its_fingerprint() {
    let companies = companies();
    let stranger = recipe("stranger.example").self_signed();
    let caller = client_settings(&stranger, &pinned("acme", &companies.acme));
    let (error, told) = refused(&companies.receiver(), &caller).await;
    assert_eq!(error.code(), "E-TLS-CERTIFICATE-UNKNOWN");
    let identity = stranger.identity();
    assert_says(&error.to_string(), &["CN=stranger.example", identity.fingerprint(), "127.0.0.1"]);
    assert_eq!(told, "E-TLS-REFUSED-BY-PARTNER");
}

#[tokio::test]
async fn a_certificate_by_another_authority_is_unknown() {
    let companies = companies();
    let (root, other) = (authority("Odette test CA"), authority("Another CA"));
    let bolt = other.issue(&recipe("bolt.example"));
    let receiver =
        receiver(server_settings(&companies.acme, &[issued_by("bolt", &root, &["bolt.example"])]));
    let caller = client_settings(&bolt, &pinned("acme", &companies.acme));
    let (error, told) = refused(&receiver, &caller).await;
    assert_eq!(error.code(), "E-TLS-CERTIFICATE-UNKNOWN");
    assert_eq!(told, "E-TLS-REFUSED-BY-PARTNER");
}

#[tokio::test]
async fn an_authority_that_only_has_the_right_name_is_refused() {
    let companies = companies();
    let (root, impostor) = (authority("Odette test CA"), authority("Odette test CA"));
    let bolt = impostor.issue(&recipe("bolt.example"));
    let receiver =
        receiver(server_settings(&companies.acme, &[issued_by("bolt", &root, &["bolt.example"])]));
    let caller = client_settings(&bolt, &pinned("acme", &companies.acme));
    let (error, _) = refused(&receiver, &caller).await;
    assert_eq!(error.code(), "E-TLS-CERTIFICATE-INVALID");
    assert_says(&error.to_string(), &["partner bolt", "Signature"]);
}

#[tokio::test]
async fn an_expired_pinned_certificate_is_refused_naming_the_partner_and_the_day() {
    let acme = recipe("acme.example").self_signed();
    let bolt = recipe("bolt.example").expired().self_signed();
    let receiver = receiver(server_settings(&acme, &[pinned("bolt", &bolt)]));
    let caller = client_settings(&bolt, &pinned("acme", &acme));
    let (error, told) = refused(&receiver, &caller).await;
    assert_eq!(error.code(), "E-TLS-CERTIFICATE-EXPIRED");
    assert_says(&error.to_string(), &["partner bolt", "expired at 2021-01-01T00:00:00Z"]);
    assert_eq!(told, "E-TLS-REFUSED-BY-PARTNER");
}

#[tokio::test]
async fn an_expired_certificate_by_an_authority_is_refused_naming_the_partner_and_the_day() {
    let acme = recipe("acme.example").self_signed();
    let root = authority("Odette test CA");
    let bolt = root.issue(&recipe("bolt.example").expired());
    let receiver = receiver(server_settings(&acme, &[issued_by("bolt", &root, &["bolt.example"])]));
    let caller = client_settings(&bolt, &pinned("acme", &acme));
    let (error, _) = refused(&receiver, &caller).await;
    assert_eq!(error.code(), "E-TLS-CERTIFICATE-EXPIRED");
    assert_says(&error.to_string(), &["partner bolt", "expired at 2021-01-01T00:00:00Z"]);
}

#[tokio::test]
async fn the_certificate_of_the_called_partner_must_not_be_expired_either() {
    let acme = recipe("acme.example").expired().self_signed();
    let bolt = recipe("bolt.example").self_signed();
    let receiver = receiver(server_settings(&acme, &[pinned("bolt", &bolt)]));
    let caller = client_settings(&bolt, &pinned("acme", &acme));
    let (receiving, calling) = call(&receiver, &caller).await;
    let error = calling.unwrap_err();
    assert_eq!(error.code(), "E-TLS-CERTIFICATE-EXPIRED");
    let target = receiver.local_address().to_string();
    assert_says(&error.to_string(), &["partner acme", "2021-01-01", &target]);
    let told = receiving.unwrap_err();
    assert_eq!(told.code(), "E-TLS-REFUSED-BY-PARTNER");
    assert_says(&told.to_string(), &["CertificateExpired", "renew it"]);
}

#[tokio::test]
async fn a_certificate_of_the_future_is_refused() {
    let acme = recipe("acme.example").self_signed();
    let bolt = recipe("bolt.example").valid(2110, 2120).self_signed();
    let receiver = receiver(server_settings(&acme, &[pinned("bolt", &bolt)]));
    let caller = client_settings(&bolt, &pinned("acme", &acme));
    let (error, _) = refused(&receiver, &caller).await;
    assert_eq!(error.code(), "E-TLS-CERTIFICATE-NOT-YET-VALID");
    assert_says(&error.to_string(), &["partner bolt", "2110-01-01", "clock"]);
}

#[tokio::test]
async fn a_caller_without_a_certificate_is_refused() {
    let companies = companies();
    let caller = TlsClientSettings { identity: None, ..companies.caller() };
    let (error, told) = refused(&companies.receiver(), &caller).await;
    assert_eq!(error.code(), "E-TLS-NO-CLIENT-CERTIFICATE");
    assert_eq!(told, "E-TLS-NO-CLIENT-CERTIFICATE");
}

#[test]
fn a_failed_handshake_says_which_side_of_the_partners_certificate_it_failed_on() {
    let alert = rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure);
    assert_says(&TlsFault::of(&alert, false).to_string(), &["no cipher suite", "enable ECDHE"]);
    assert_says(&TlsFault::of(&alert, true).to_string(), &["not our certificate", "send ours"]);
}

#[tokio::test]
async fn a_certificate_without_its_key_is_of_no_use() {
    let companies = companies();
    let thief = recipe("thief.example").self_signed();
    let key = provider().key_provider.load_private_key(thief.private_key()).unwrap();
    let stolen = CertifiedKey::new(vec![companies.bolt.certificate.clone()], key);
    let mut caller = companies.caller();
    if let Some(identity) = &mut caller.identity {
        identity.key = Arc::new(SingleCertAndKey::from(stolen));
    }
    let (error, told) = refused(&companies.receiver(), &caller).await;
    assert_eq!(error.code(), "E-TLS-SIGNATURE");
    assert_says(&error.to_string(), &["is a partner's", "may not have the key"]);
    assert_eq!(told, "E-TLS-REFUSED-BY-PARTNER");
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused_by_the_caller() {
    let root = authority("Odette test CA");
    let acme = root.issue(&recipe("crank.example"));
    let bolt = recipe("bolt.example").self_signed();
    let receiver = receiver(server_settings(&acme, &[pinned("bolt", &bolt)]));
    let partner = issued_by("acme", &root, &["acme.example"]);
    let (receiving, calling) = call(&receiver, &client_settings(&bolt, &partner)).await;
    let error = calling.unwrap_err();
    assert_eq!(error.code(), "E-TLS-NAME");
    let parts = ["partner acme", "made out for crank.example", "not for 127.0.0.1, acme.example"];
    assert_says(&error.to_string(), &parts);
    assert_eq!(receiving.unwrap_err().code(), "E-TLS-REFUSED-BY-PARTNER");
}

#[tokio::test]
async fn a_certificate_that_is_meant_for_something_else_is_refused_unless_pinned() {
    let companies = companies();
    let root = authority("Odette test CA");
    let codes = [ExtendedKeyUsagePurpose::CodeSigning];
    let bolt = root.issue(&recipe("bolt.example").purposes(&codes));
    let caller = client_settings(&bolt, &pinned("acme", &companies.acme));

    let partner = issued_by("bolt", &root, &["bolt.example"]);
    let by_authority = receiver(server_settings(&companies.acme, &[partner]));
    let (error, _) = refused(&by_authority, &caller).await;
    assert_eq!(error.code(), "E-TLS-CERTIFICATE-PURPOSE");

    let by_pin = receiver(server_settings(&companies.acme, &[pinned("bolt", &bolt)]));
    connection(&by_pin, &caller).await;
}

#[tokio::test]
async fn a_certificate_for_servers_only_is_good_enough_for_a_caller() {
    let companies = companies();
    let root = authority("Odette test CA");
    let server = [ExtendedKeyUsagePurpose::ServerAuth];
    let bolt = root.issue(&recipe("bolt.example").purposes(&server));
    let partner = issued_by("bolt", &root, &["bolt.example"]);
    let receiver = receiver(server_settings(&companies.acme, &[partner]));
    let caller = client_settings(&bolt, &pinned("acme", &companies.acme));
    connection(&receiver, &caller).await;
}

#[tokio::test]
async fn a_caller_with_too_old_a_version_is_refused() {
    let companies = companies();
    let receiver = receiver(TlsServerSettings {
        minimum: TlsVersion::V1_3,
        ..server_settings(&companies.acme, &[pinned("bolt", &companies.bolt)])
    });
    let connector =
        foreign_caller(&rustls::version::TLS12, &companies.bolt, &pinned("acme", &companies.acme));
    let stream = TcpStream::connect(receiver.local_address()).await.unwrap();
    let name = ServerName::try_from("acme.example").unwrap();
    let (receiving, calling) = tokio::join!(called(&receiver), connector.connect(name, stream));
    assert_eq!(receiving.unwrap_err().code(), "E-TLS-VERSION");
    assert!(calling.is_err());
}

#[tokio::test]
async fn a_partner_with_too_old_a_version_is_not_spoken_to() {
    let companies = companies();
    let config = rustls::ServerConfig::builder_with_provider(Arc::clone(provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![companies.acme.certificate.clone()], companies.acme.private_key())
        .unwrap();
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let caller = TlsClientSettings { minimum: TlsVersion::V1_3, ..companies.caller() };
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (_, calling) = tokio::join!(
        async { acceptor.accept(listener.accept().await.unwrap().0).await.map(drop) },
        connect_tls("127.0.0.1", port, &caller, PATIENCE)
    );
    assert_eq!(calling.unwrap_err().code(), "E-TLS-VERSION");
}

#[tokio::test]
async fn plain_oftp_on_the_port_for_tls_is_named_as_such_by_both_sides() {
    let companies = companies();
    let receiver = companies.receiver();
    let mut stream = TcpStream::connect(receiver.local_address()).await.unwrap();
    stream.write_all(b"\x10\0\0\x17IODETTE FTP READY \r").await.unwrap();
    assert_eq!(called(&receiver).await.unwrap_err().code(), "E-TLS-NOT-TLS");

    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let caller = companies.caller();
    let (_stream, calling) = tokio::join!(
        async {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(b"\x10\0\0\x17IODETTE FTP READY \r").await.unwrap();
            stream
        },
        connect_tls("127.0.0.1", port, &caller, PATIENCE)
    );
    let error = calling.unwrap_err();
    assert_eq!(error.code(), "E-TLS-NOT-TLS");
    assert_says(&error.to_string(), &["3305", "6619"]);
}

#[tokio::test]
async fn a_caller_that_leaves_in_the_handshake_is_noticed_and_one_that_has_said_nothing_is_a_probe()
{
    let companies = companies();
    let receiver = companies.receiver();
    drop(TcpStream::connect(receiver.local_address()).await.unwrap());
    let error = called(&receiver).await.unwrap_err();
    assert_eq!(error.code(), "E-TLS-CLOSED");
    assert!(matches!(error.fault(), TlsFault::Bare), "{error}");
    let mut stream = TcpStream::connect(receiver.local_address()).await.unwrap();
    stream.write_all(b"\x16\x03\x01\x02\x00").await.unwrap();
    drop(stream);
    let error = called(&receiver).await.unwrap_err();
    assert!(matches!(error.fault(), TlsFault::Closed), "{error}");
    assert_eq!(receiver.sessions(), 0);
}

#[tokio::test]
async fn a_caller_that_says_nothing_is_cut_and_its_place_is_free() {
    let companies = companies();
    let receiver = companies.receiver();
    receiver.set_limits(Limits { handshake: Duration::from_millis(200), ..limits() });
    let mut silent = TcpStream::connect(receiver.local_address()).await.unwrap();
    let arrival = receiver.accept().await.unwrap();
    assert_eq!(receiver.sessions(), 1);
    let error = arrival.establish().await.unwrap_err();
    assert_eq!(error.code(), "E-TLS-SILENT");
    // As a caller by plain TCP does, who waits for our greeting.
    assert_says(&error.to_string(), &["said nothing for 0.2 s", "3305"]);
    assert_eq!(receiver.sessions(), 0);
    assert_eq!(silent.read(&mut [0]).await.unwrap_or(0), 0, "the connection is closed");
}

#[tokio::test]
async fn a_caller_that_dribbles_is_cut_by_the_same_deadline() {
    let companies = companies();
    let receiver = companies.receiver();
    receiver.set_limits(Limits { handshake: Duration::from_millis(300), ..limits() });
    let mut stream = TcpStream::connect(receiver.local_address()).await.unwrap();
    let dribble = async {
        // The head of a ClientHello of 512 octets, then one octet now and then, as long as anyone
        // takes them.
        stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await.unwrap();
        let mut pace = interval(Duration::from_millis(10));
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pace.tick().await;
            if stream.write_all(b"x").await.is_err() {
                break;
            }
        }
    };
    let (refusal, ()) = tokio::join!(called(&receiver), dribble);
    assert_eq!(refusal.unwrap_err().code(), "E-TLS-TIMEOUT");
}

#[tokio::test]
async fn a_partner_that_accepts_and_stays_silent_does_not_hold_us() {
    let companies = companies();
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let caller = companies.caller();
    let calling = connect_tls("127.0.0.1", port, &caller, Duration::from_millis(200));
    let error = calling.await.unwrap_err();
    assert_eq!(error.code(), "E-TLS-TIMEOUT");
    assert_says(&error.to_string(), &["0.2 s"]);
}

#[tokio::test]
async fn one_slow_caller_does_not_hold_up_another() {
    let companies = companies();
    let receiver = companies.receiver();
    let _silent = TcpStream::connect(receiver.local_address()).await.unwrap();
    let slow = tokio::spawn(receiver.accept().await.unwrap().establish());
    connection(&receiver, &companies.caller()).await;
    assert!(!slow.is_finished());
    slow.abort();
}
