//! From the manifests that people write to a connection.

use super::*;
use crate::{client_settings, server_settings};

fn indented(pem: &str) -> String {
    pem.lines().fold(String::new(), |text, line| text + "\n    " + line)
}

/// The folder of one company that knows one partner.
fn manifests(
    own: &support::Identity,
    partner: &str,
    certificate: &str,
    key: &str,
    minimum: &str,
) -> configuration::Configuration {
    let parsed = parsed(own, partner, certificate, key, minimum);
    parsed.unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// The same, if it is good.
fn parsed(
    own: &support::Identity,
    partner: &str,
    certificate: &str,
    key: &str,
    minimum: &str,
) -> Result<configuration::Configuration, Vec<configuration::ManifestError>> {
    let text = format!(
        "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {{name: own}}
spec:
  identity:
    odetteId: O0013000001OWN
    passwordSecretRef: {{name: passwords, key: own}}
  receive:
    tls: {{port: 6619, address: 127.0.0.1, maxSessions: 7, minimumVersion: {minimum:?}, \
         certificateSecretRef: {{name: own-tls}}}}
---
apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {{name: {partner}}}
spec:
  instanceRef: {{name: own}}
  identity:
    odetteId: O0013000002OTHER
    passwordSecretRef: {{name: passwords, key: other}}
  transports: [{{tls: {{host: 127.0.0.1, serverName: acme.example}}}}]
  certificates: [{{purpose: [Tls], secretRef: {{name: other-tls}}}}]
---
apiVersion: v1
kind: Secret
metadata: {{name: passwords}}
stringData: {{own: OWNPW, other: OTHERPW}}
---
apiVersion: v1
kind: Secret
metadata: {{name: own-tls}}
stringData:
  tls.crt: |{}
  tls.key: |{}
---
apiVersion: v1
kind: Secret
metadata: {{name: other-tls}}
stringData:
  {key}: |{}
",
        indented(&own.certificate_pem),
        indented(&own.key_pem),
        indented(certificate),
    );
    configuration::parse(&[("own.yaml", text)])
}

fn client(configuration: &configuration::Configuration, partner: &str) -> TlsClientSettings {
    let partner = configuration.partner(partner).unwrap();
    let configuration::Transport::Tls { server_name, .. } = &partner.transports[0] else {
        panic!("{:?}", partner.transports)
    };
    client_settings(configuration, partner, server_name).unwrap()
}

#[tokio::test]
async fn two_companies_meet_as_their_manifests_say() {
    let root = support::Authority::new("Test CA");
    let acme = root.identity("acme.example");
    let bolt = support::Identity::self_signed("bolt.example");
    // acme pins bolt's certificate, bolt trusts the authority of acme's.
    let at_acme = manifests(&acme, "bolt", &bolt.certificate_pem, "tls.crt", "1.3");
    let at_bolt = manifests(&bolt, "acme", &root.pem(), "ca.crt", "1.2");

    let listener = at_acme.instance.receive.tls.as_ref().unwrap();
    let settings = server_settings(&at_acme, listener).unwrap();
    assert_eq!(settings.minimum, TlsVersion::V1_3);
    assert_eq!(settings.client_certificates, ClientCertificates::Required);

    let receiver = TlsReceiver::bind(LOOPBACK, 0, limits(), settings).unwrap();
    let (mut receiving, mut calling) = connection(&receiver, &client(&at_bolt, "acme")).await;
    exchange(&mut receiving, &mut calling).await;
    assert_eq!(receiving.binding().permits("bolt"), Ok(()));
    assert_eq!(calling.binding().permits("acme"), Ok(()));
}

#[test]
fn a_key_of_another_certificate_is_noticed_before_anybody_calls() {
    let acme = support::Identity::self_signed("acme.example");
    let other = support::Identity::self_signed("other.example");
    let mixed = support::Identity { key_pem: other.key_pem, ..acme.clone() };
    let errors = parsed(&mixed, "bolt", &acme.certificate_pem, "tls.crt", "1.2").unwrap_err();
    assert_says(
        &format!("{errors:?}"),
        &["tls.key", "is not the key of the certificate in tls.crt"],
    );
}
