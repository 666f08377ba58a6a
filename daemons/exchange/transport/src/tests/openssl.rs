//! OpenSSL on the other side.

use std::path::{Path, PathBuf};

use support::{Process, TemporaryDirectory};

use super::*;

/// The version of the program, or `None`.
fn openssl() -> Option<String> {
    let output = std::process::Command::new("openssl").arg("version").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

macro_rules! needs_openssl {
    () => {
        if openssl().is_none() {
            support::skip!(openssl, "the program openssl is not installed");
        }
    };
}

const VERSIONS: [(&str, TlsVersion); 2] =
    [("-tls1_2", TlsVersion::V1_2), ("-tls1_3", TlsVersion::V1_3)];

/// What OpenSSL makes itself: keys and certificates of the kind that partners have.
fn made_by_openssl(directory: &Path, name: &str, algorithm: &[&str]) -> (PathBuf, PathBuf) {
    let (certificate, key) =
        (directory.join(format!("{name}.crt")), directory.join(format!("{name}.key")));
    let output = std::process::Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-days", "2", "-subj", &format!("/O=Test/CN={name}")])
        .args(algorithm)
        .arg("-out")
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    (certificate, key)
}

fn read(files: &(PathBuf, PathBuf)) -> (TlsCredentials, CertificateDer<'static>) {
    let chain = std::fs::read(&files.0).unwrap();
    let identity = TlsCredentials::from_pem(&chain, &std::fs::read(&files.1).unwrap()).unwrap();
    (identity, read_certificate(&files.0))
}

fn read_certificate(file: &Path) -> CertificateDer<'static> {
    use rustls_pki_types::pem::PemObject as _;
    CertificateDer::from_pem_slice(&std::fs::read(file).unwrap()).unwrap()
}

fn partner(name: &str, certificate: &CertificateDer<'static>) -> Arc<TrustedPartner> {
    let pinned = vec![certificate.clone()];
    trusted(name, TrustedCertificates { pinned, ..TrustedCertificates::default() })
}

const ALGORITHMS: [&[&str]; 3] = [
    &["-newkey", "rsa:2048"],
    &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    &["-newkey", "ed25519"],
];

/// `openssl s_client` that calls and says one line.
fn openssl_client(receiver: &TlsReceiver, options: &str) -> Process {
    let address = receiver.local_address();
    let command = format!("echo IODETTE FTP CALLS | openssl s_client -connect {address} -quiet");
    Process::start("sh", ["-c", &format!("{command} {options}")])
}

/// `openssl s_server` that answers each line with its octets in reverse, and its port.
fn openssl_server(options: &str) -> (Process, u16) {
    let command = "openssl s_server -accept 127.0.0.1:0 -rev";
    let server = Process::start("sh", ["-c", &format!("{command} {options}")]);
    let line = server.wait_for_line(PATIENCE, |line| line.starts_with("ACCEPT 127"));
    let port = line.rsplit(':').next().unwrap().parse().unwrap();
    (server, port)
}

fn identity_options(own: &(PathBuf, PathBuf), other: &(PathBuf, PathBuf)) -> String {
    let [certificate, key, authority] = [&own.0, &own.1, &other.0].map(|path| path.display());
    format!("-cert {certificate} -key {key} -CAfile {authority} -verify_return_error")
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_calls_us() {
    needs_openssl!();
    let directory = TemporaryDirectory::new();
    for algorithm in ALGORITHMS {
        let acme = made_by_openssl(directory.path(), "acme", algorithm);
        let bolt = made_by_openssl(directory.path(), "bolt", algorithm);
        let ((identity, _), (_, certificate)) = (read(&acme), read(&bolt));
        let receiver = receiver(TlsServerSettings {
            identity,
            trust: Arc::new(Trust::new([partner("bolt", &certificate)])),
            minimum: TlsVersion::V1_2,
            client_certificates: ClientCertificates::Required,
        });
        for (option, version) in VERSIONS {
            let options = format!("{option} {}", identity_options(&bolt, &acme));
            let client = openssl_client(&receiver, &options);
            let mut transport = called(&receiver).await.unwrap();
            assert_eq!(transport.version(), Some(version));
            assert_eq!(transport.certificate().unwrap().subject(), "CN=bolt,O=Test");
            transport.write_all(b"IODETTE FTP READY \n").await.unwrap();
            transport.flush().await.unwrap();
            let mut read = [0; 18];
            transport.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, b"IODETTE FTP CALLS\n");
            client.wait_for_line(PATIENCE, |line| line == "IODETTE FTP READY ");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn we_call_openssl() {
    needs_openssl!();
    let directory = TemporaryDirectory::new();
    for algorithm in ALGORITHMS {
        let acme = made_by_openssl(directory.path(), "acme", algorithm);
        let bolt = made_by_openssl(directory.path(), "bolt", algorithm);
        let ((identity, _), (_, certificate)) = (read(&acme), read(&bolt));
        for (option, version) in VERSIONS {
            let options = format!("{option} -Verify 1 {}", identity_options(&bolt, &acme));
            let (_server, port) = openssl_server(&options);
            let settings = TlsClientSettings {
                partner: partner("bolt", &certificate),
                identity: Some(identity.clone()),
                minimum: TlsVersion::V1_2,
                server_name: None,
            };
            let mut transport = connect_tls("127.0.0.1", port, &settings, PATIENCE).await.unwrap();
            assert_eq!(transport.version(), Some(version));
            assert_eq!(transport.binding().permits("bolt"), Ok(()));
            transport.write_all(b"ETTEDO\n").await.unwrap();
            transport.flush().await.unwrap();
            let mut read = [0; 7];
            transport.read_exact(&mut read).await.unwrap();
            assert_eq!(&read, b"ODETTE\n");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_refuses_us_without_our_certificate_and_we_say_why() {
    needs_openssl!();
    let directory = TemporaryDirectory::new();
    let bolt = made_by_openssl(directory.path(), "bolt", ALGORITHMS[0]);
    let (_, certificate) = read(&bolt);
    for (option, code) in
        [("-tls1_2", "E-TLS-REFUSED-BY-PARTNER"), ("-tls1_3", "E-TLS-NO-CLIENT-CERTIFICATE")]
    {
        let options = format!("{option} -Verify 1 {}", identity_options(&bolt, &bolt));
        let (_server, port) = openssl_server(&options);
        let settings = TlsClientSettings {
            partner: partner("bolt", &certificate),
            identity: None,
            minimum: TlsVersion::V1_2,
            server_name: None,
        };
        let told = match connect_tls("127.0.0.1", port, &settings, PATIENCE).await {
            Err(error) => error.code(),
            Ok(mut transport) => code_of(&transport.read_u8().await.unwrap_err()).unwrap(),
        };
        assert_eq!(told, code, "{option}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_is_told_by_an_alert_why_it_is_refused() {
    needs_openssl!();
    let directory = TemporaryDirectory::new();
    let acme = recipe("acme.example").self_signed();
    let stranger = recipe("stranger.example").self_signed();
    let bolt = recipe("bolt.example").expired().self_signed();
    let receiver = receiver(server_settings(&acme, &[pinned("bolt", &bolt)]));
    for (name, caller, told) in [
        ("stranger", Some(&stranger), "unknown ca"),
        ("bolt", Some(&bolt), "certificate expired"),
        ("nobody", None, "certificate required"),
    ] {
        let identity = caller.map_or(String::new(), |keyed| {
            let certificate = directory.join(format!("{name}.der"));
            let key = directory.join(format!("{name}.key"));
            std::fs::write(&certificate, &keyed.certificate).unwrap();
            std::fs::write(&key, keyed.key.serialize_pem()).unwrap();
            let [certificate, key] = [&certificate, &key].map(|path| path.display());
            format!("-certform DER -cert {certificate} -key {key}")
        });
        let client = openssl_client(&receiver, &format!("-tls1_3 {identity}"));
        called(&receiver).await.unwrap_err();
        client.wait_for_line(PATIENCE, |line| line.contains(told));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_with_an_old_version_is_refused_for_it() {
    needs_openssl!();
    let receiver = companies().receiver();
    let client = openssl_client(&receiver, "-tls1_1 -cipher DEFAULT@SECLEVEL=0");
    assert_eq!(called(&receiver).await.unwrap_err().code(), "E-TLS-VERSION");
    client.wait_for_line(PATIENCE, |line| line.contains("alert"));
}

#[tokio::test(flavor = "multi_thread")]
async fn openssl_without_forward_secrecy_is_refused_for_it() {
    needs_openssl!();
    let receiver = companies().receiver();
    let client = openssl_client(&receiver, "-tls1_2 -cipher AES128-GCM-SHA256");
    let error = called(&receiver).await.unwrap_err();
    assert_eq!(error.code(), "E-TLS-CIPHER");
    assert_says(&error.to_string(), &["ECDHE"]);
    client.wait_for_line(PATIENCE, |line| line.contains("alert handshake failure"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rsa_key_of_1024_bits_is_refused_with_the_length_that_is_taken() {
    needs_openssl!();
    let directory = TemporaryDirectory::new();
    let short = &["-newkey", "rsa:1024"];
    let acme = made_by_openssl(directory.path(), "acme", ALGORITHMS[1]);
    let bolt = made_by_openssl(directory.path(), "bolt", short);
    let certificate = read_certificate(&bolt.0);
    let receiver = receiver(TlsServerSettings {
        identity: read(&acme).0,
        trust: Arc::new(Trust::new([partner("bolt", &certificate)])),
        minimum: TlsVersion::V1_2,
        client_certificates: ClientCertificates::Required,
    });
    // What OpenSSL itself would not show any more it shows at this level.
    let options = format!("-cipher DEFAULT@SECLEVEL=0 {}", identity_options(&bolt, &acme));
    let _client = openssl_client(&receiver, &options);
    let error = called(&receiver).await.unwrap_err();
    assert_eq!(error.code(), "E-TLS-CERTIFICATE-KEY");
    assert_says(&error.to_string(), &["partner bolt", "below 2048 bits", "ask bolt"]);
}
