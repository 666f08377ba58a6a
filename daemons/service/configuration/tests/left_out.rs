//! A partner that is not good is left out, and the others work.

#![allow(clippy::unwrap_used, clippy::panic, reason = "what fails here is a test")]

mod common;

use common::{INSTANCE, PARTNER, SECRETS};
use configuration::{Configuration, Scope, SecretFolder, Sources, parse_for, read_for};

const CRANE: &str = "\
apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {name: crane}
spec:
  instanceRef: {name: acme}
  identity:
    odetteId: O0013000003CRANE
    passwordSecretRef: {name: crane-oftp, key: password}
---
apiVersion: v1
kind: Secret
metadata: {name: crane-oftp}
stringData: {password: CRANEPW}
";

/// What is good of an instance with bolt, whose manifest this is, and with crane.
fn with(bolt: &str) -> Sources {
    let files = [("a.yaml", INSTANCE), ("b.yaml", bolt), ("c.yaml", CRANE), ("d.yaml", SECRETS)];
    let manifests = files.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
    Sources { manifests, ..Sources::default() }
}

fn read(sources: &Sources) -> Configuration {
    read_for(Scope::Everything, sources).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn partners(configuration: &Configuration) -> Vec<&str> {
    configuration.partners().map(|partner| partner.name.as_str()).collect()
}

/// Who is left out of it, and the places of what is wrong.
fn left_out(configuration: &Configuration) -> Vec<(Option<&str>, Vec<String>)> {
    let left_out = configuration.left_out().iter();
    left_out
        .map(|it| {
            let errors = it.errors.iter().map(|error| format!("{} {}", error.file, error.field));
            (it.partner.as_deref(), errors.collect())
        })
        .collect()
}

#[test]
fn a_partner_with_a_bad_value_is_left_out_and_the_others_are_there() {
    let sources = with(&PARTNER.replace("O0013000002BOLT", "bolt!"));
    assert!(parse_for(Scope::Everything, &sources).is_err(), "who judges it hears of it");
    let read = read(&sources);
    assert_eq!(partners(&read), ["crane"]);
    assert_eq!(left_out(&read), [(Some("bolt"), vec!["b.yaml spec.identity.odetteId".to_owned()])]);
}

#[test]
fn a_partner_whose_secret_is_bad_or_not_there_is_left_out() {
    let certificate = "  certificates:\n  - {purpose: [Tls], secretRef: {name: bolt-tls}}\n";
    let bolt = format!("{PARTNER}{certificate}");
    let mut sources = with(&bolt);
    let not_there = read(&sources);
    assert_eq!(partners(&not_there), ["crane"]);
    let request = include_bytes!("certificates/request.pem").to_vec();
    let folder = SecretFolder::new("secrets/bolt-tls", "bolt-tls", [("tls.crt".into(), request)]);
    sources.secrets.push(folder);
    let bad = read(&sources);
    assert_eq!(partners(&bad), ["crane"]);
    assert_eq!(left_out(&bad), [(Some("bolt"), vec!["secrets/bolt-tls tls.crt".to_owned()])]);
}

#[test]
fn a_file_that_is_no_yaml_takes_nobody_with_it() {
    let read = read(&with("apiVersion: [seon.dev"));
    assert_eq!(partners(&read), ["crane"]);
    assert_eq!(left_out(&read), [(None, vec!["b.yaml ".to_owned()])]);
}

#[test]
fn of_two_partners_with_one_odette_id_the_first_works() {
    let twin = format!("{PARTNER}---\n{}", CRANE.replace("O0013000003CRANE", "O0013000002BOLT"));
    let mut sources = with(&twin);
    sources.manifests.remove(2);
    let read = read(&sources);
    assert_eq!(partners(&read), ["bolt"]);
    assert_eq!(left_out(&read)[0].0, Some("crane"));
}

#[test]
fn what_the_instance_needs_is_an_error_with_all_that_is_wrong() {
    let mut sources = with(&PARTNER.replace("O0013000002BOLT", "bolt!"));
    sources.manifests[0].1 = INSTANCE.replace("3305", "33050000");
    let errors = read_for(Scope::Everything, &sources).unwrap_err();
    let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["spec.receive.tcpip.port", "spec.identity.odetteId"]);
    // A Secret that the instance needs too is not a partner's alone.
    let mut shared = with(&PARTNER.replace("bolt-oftp", "acme-oftp"));
    shared.manifests[3].1 = SECRETS.replace("ACMEPW", "MUCH TOO LONG");
    assert!(read_for(Scope::Everything, &shared).is_err());
}
