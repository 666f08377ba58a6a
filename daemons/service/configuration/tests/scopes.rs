//! Secrets as folders, and who is given what.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

mod common;

use common::{INSTANCE, PARTNER, SECRETS};
use configuration::{CapiAccess, Configuration, Scope, SecretFolder, Sources, parse_for};

/// Where a pod would find it.
fn folder<'a>(name: &str, values: impl IntoIterator<Item = (&'a str, &'a str)>) -> SecretFolder {
    let values = values.into_iter().map(|(key, text)| (key.to_owned(), text.as_bytes().to_vec()));
    SecretFolder::new(format!("/etc/seon/secrets/{name}"), name, values)
}

/// A fresh certificate and its key.
fn tls_folder(name: &str) -> SecretFolder {
    let made = rcgen::generate_simple_self_signed(vec!["oftp.example".into()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    folder(name, [("tls.crt", certificate.as_str()), ("tls.key", key.as_str())])
}

fn sources(instance: &str, secrets: Vec<SecretFolder>) -> Sources {
    let manifest = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let manifests = vec![
        manifest("instance.yaml", instance),
        manifest("partners.yaml", PARTNER),
        manifest("secrets.yaml", SECRETS),
    ];
    Sources { manifests, secrets, revision: None }
}

fn with_tls(send: &str) -> String {
    format!("{INSTANCE}    tls: {{certificateSecretRef: {{name: server-tls}}}}\n{send}")
}

const OWN_CLIENT: &str = "  send: {tls: {certificateSecretRef: {name: client-tls}}}\n";

fn parsed(scope: Scope, sources: &Sources) -> Configuration {
    parse_for(scope, sources).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn messages(scope: Scope, sources: &Sources) -> Vec<String> {
    parse_for(scope, sources).unwrap_err().iter().map(ToString::to_string).collect()
}

/// Whether the certificates for callers and for calls are there.
fn given(configuration: &Configuration) -> [bool; 2] {
    let instance = &configuration.instance;
    [
        instance.receive.tls.as_ref().unwrap().certificate.is_some(),
        instance.send.tls.as_ref().unwrap().certificate.is_some(),
    ]
}

#[test]
fn each_daemon_is_given_the_certificates_that_it_uses_and_no_other() {
    let instance = with_tls(OWN_CLIENT);
    let everything = sources(&instance, vec![tls_folder("server-tls"), tls_folder("client-tls")]);
    for (scope, expected) in [
        (Scope::Everything, [true, true]),
        (Scope::TlsReceiver, [true, false]),
        (Scope::SendQueue, [false, true]),
        (Scope::WithoutKeys, [false, false]),
    ] {
        assert_eq!(given(&parsed(scope, &everything)), expected, "{scope:?}");
    }
}

#[test]
fn a_daemon_starts_without_the_secrets_that_it_does_not_use() {
    let instance = with_tls(OWN_CLIENT);
    for (scope, mounted) in [
        (Scope::TlsReceiver, vec![tls_folder("server-tls")]),
        (Scope::SendQueue, vec![tls_folder("client-tls")]),
        (Scope::WithoutKeys, vec![]),
    ] {
        parsed(scope, &sources(&instance, mounted));
    }
}

#[test]
fn the_account_at_a_box_is_for_the_daemon_of_its_controller_alone() {
    let controllers = "    capi: {controllers: [\
         {number: 1, remote: {host: a, secretRef: {name: box-a}}}, \
         {number: 2, remote: {host: b, secretRef: {name: box-b}}}]}\n";
    let instance = format!("{INSTANCE}{controllers}");
    let account = |name| folder(name, [("username", "seon"), ("password", "long")]);
    let given = |scope, mounted: &[&'static str]| {
        let secrets = mounted.iter().map(|name| account(name)).collect();
        let configuration = parsed(scope, &sources(&instance, secrets));
        let controllers = configuration.instance.receive.capi.clone();
        controllers
            .iter()
            .map(|controller| match &controller.access {
                CapiAccess::Remote(remote) => remote.account.is_some(),
                CapiAccess::Device(_) => panic!("a box"),
            })
            .collect::<Vec<_>>()
    };
    let second = Scope::CapiReceiver(2.try_into().unwrap());
    assert_eq!(given(Scope::Everything, &["box-a", "box-b"]), [true, true]);
    assert_eq!(given(second, &["box-b"]), [false, true]);
    assert_eq!(given(Scope::SendQueue, &[]), [false, false]);
    assert_eq!(given(Scope::WithoutKeys, &[]), [false, false]);
    let said = messages(second, &sources(&instance, vec![account("box-a")]));
    let [missing] = said.as_slice() else { panic!("{said:?}") };
    assert!(missing.contains("there is no Secret box-b in these files"), "{missing}");
}

#[test]
fn the_secret_of_a_certificate_that_is_used_must_be_there() {
    let instance = with_tls(OWN_CLIENT);
    let missing = |field: &str, name: &str, place: &str| {
        format!(
            "instance.yaml:{place}: spec.{field}.certificateSecretRef.name: there is no Secret \
             {name} in these files; add one with stringData: {{tls.crt: …, tls.key: …}}"
        )
    };
    let server = missing("receive.tls", "server-tls", "12:34");
    let client = missing("send.tls", "client-tls", "13:39");
    let without = sources(&instance, vec![]);
    assert_eq!(messages(Scope::TlsReceiver, &without), [server.as_str()]);
    assert_eq!(messages(Scope::SendQueue, &without), [client.as_str()]);
    assert_eq!(messages(Scope::Everything, &without), [server, client]);
}

#[test]
fn without_a_certificate_of_its_own_the_send_queue_shows_the_receivers() {
    let instance = with_tls("");
    let mounted = sources(&instance, vec![tls_folder("server-tls")]);
    for (scope, expected) in [
        (Scope::Everything, [true, true]),
        (Scope::TlsReceiver, [true, false]),
        (Scope::SendQueue, [false, true]),
    ] {
        assert_eq!(given(&parsed(scope, &mounted)), expected, "{scope:?}");
    }
    let both = parsed(Scope::Everything, &mounted).instance;
    assert_eq!(both.receive.tls.unwrap().certificate, both.send.tls.unwrap().certificate);
    for scope in [Scope::Everything, Scope::SendQueue, Scope::TlsReceiver] {
        assert_eq!(messages(scope, &sources(&instance, vec![])).len(), 1, "{scope:?}");
    }
}

#[test]
fn a_partner_by_tls_is_no_error_for_who_is_given_no_certificate() {
    let partner = PARTNER.replace("tcp: {host", "tls: {host")
        + "  certificates:\n  - {purpose: [Tls], secretRef: {name: bolt-tls}}\n";
    let mut sources = sources(&with_tls(""), vec![tls_folder("bolt-tls")]);
    sources.manifests[1].1 = partner;
    parsed(Scope::WithoutKeys, &sources);
}

#[test]
fn a_folder_holds_passwords_and_the_database_too() {
    let instance = INSTANCE.replace("name: acme-oftp", "name: acme-own")
        + "  database: {secretRef: {name: acme-db, key: uri}}\n";
    let own = folder("acme-own", [("password", "OWNPW")]);
    let database = folder("acme-db", [("uri", "postgres://seon:pw@db:5432/seon")]);
    let configuration = parsed(Scope::WithoutKeys, &sources(&instance, vec![own, database]));
    assert_eq!(configuration.instance.database.to_string(), "PostgreSQL at db:5432/seon");
}

#[test]
fn a_folder_and_a_manifest_of_one_name_are_one_secret_and_the_folders_value_counts() {
    let instance = INSTANCE.to_owned() + "  database: {secretRef: {name: acme-oftp, key: uri}}\n";
    let uri = ("uri", "postgres://seon:pw@db:5432/seon");
    let beside = sources(&instance, vec![folder("acme-oftp", [uri])]);
    let own = |sources| parsed(Scope::Everything, sources).instance.identity.password;
    assert_eq!(own(&beside), "ACMEPW".parse().unwrap());
    let before = sources(&instance, vec![folder("acme-oftp", [uri, ("password", "NEWPW")])]);
    assert_eq!(own(&before), "NEWPW".parse().unwrap());
}

#[test]
fn what_is_wrong_in_a_folder_is_named_by_its_path_and_key() {
    let key = ("tls.key", "no key");
    let instance = with_tls("");
    let broken = sources(&instance, vec![folder("server-tls", [key, ("tls.crt", "none")])]);
    assert_eq!(
        messages(Scope::TlsReceiver, &broken),
        [
            "/etc/seon/secrets/server-tls: tls.crt: holds no certificate; give PEM, beginning with \
             -----BEGIN CERTIFICATE-----",
            "/etc/seon/secrets/server-tls: tls.key: holds no private key; give PEM, beginning with \
             -----BEGIN PRIVATE KEY-----",
        ]
    );
    let short = sources(&instance, vec![folder("server-tls", [key])]);
    let said = messages(Scope::TlsReceiver, &short);
    assert!(said[0].contains("Secret server-tls has no key tls.crt"), "{said:?}");
}

#[test]
fn the_revision_is_carried_along() {
    let mut sources = sources(INSTANCE, vec![]);
    assert_eq!(parsed(Scope::Everything, &sources).revision, None);
    sources.revision = Some("4f1c".to_owned());
    assert_eq!(parsed(Scope::Everything, &sources).revision.as_deref(), Some("4f1c"));
}
