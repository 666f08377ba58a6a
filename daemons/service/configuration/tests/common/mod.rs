//! What several tests need.
#![allow(dead_code, reason = "each test file uses some of it")]
#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

/// A Secret as cert-manager writes it, with a fresh certificate and its key.
pub(crate) fn tls_secret(name: &str) -> String {
    secret(name, &rcgen::KeyPair::generate().unwrap())
}

/// The same for files and receipts.
pub(crate) fn rsa_secret(name: &str) -> String {
    let size = rcgen::RsaKeySize::_2048;
    secret(name, &rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, size).unwrap())
}

fn secret(name: &str, keys: &rcgen::KeyPair) -> String {
    let parameters = rcgen::CertificateParams::new(vec!["oftp.example".into()]).unwrap();
    let (certificate, key) = (parameters.self_signed(keys).unwrap().pem(), keys.serialize_pem());
    format!(
        "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData:\n  tls.crt: \
         |\n{}  tls.key: |\n{}",
        indented(&certificate),
        indented(&key),
    )
}

/// Text as the lines of a YAML block.
pub(crate) fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["    ", line.trim_end(), "\n"]).collect()
}

pub(crate) const INSTANCE: &str = "\
apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata:
  name: acme
spec:
  identity:
    odetteId: O0013000001ACME
    passwordSecretRef: {name: acme-oftp, key: password}
  receive:
    tcpip:
      port: 3305
";

pub(crate) const PARTNER: &str = "\
apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata:
  name: bolt
spec:
  instanceRef: {name: acme}
  identity:
    odetteId: O0013000002BOLT
    passwordSecretRef: {name: bolt-oftp, key: password}
  transports:
  - tcp: {host: oftp.bolt.example}
";

pub(crate) const SECRETS: &str = "\
apiVersion: v1
kind: Secret
metadata: {name: acme-oftp}
stringData: {password: ACMEPW}
---
apiVersion: v1
kind: Secret
metadata: {name: bolt-oftp}
stringData:
  password: BOLTPW
";

/// What `parse` says about these files; nothing if they are good.
pub(crate) fn messages(files: &[(&str, String)]) -> Vec<String> {
    match configuration::parse(files) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.iter().map(ToString::to_string).collect(),
    }
}
