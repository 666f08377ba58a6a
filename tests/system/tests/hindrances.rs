//! What cannot be done now says why, and holds up nothing that could be done.

use std::fs;

use serde_json::Value;
use support::{sha256, wait_until_blocking};
use system::{Company, FileKeys, Line, PATIENCE, Pair, Up, incoming};

fn up(pair: &Pair) -> [Up; 2] {
    let up = [pair.acme.up(), pair.bolt.up()];
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    up
}

/// Changes one of a company's manifests.
fn rewrite(company: &Company, manifest: &str, from: &str, to: &str) {
    let manifest = company.directory.join(manifest);
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&manifest, text.replace(from, to)).unwrap();
}

/// The purpose of a key or certificate, and the same for one that is not active yet.
fn purpose_and_later(purpose: &str) -> [String; 2] {
    let now = format!("{{purpose: [{purpose}], ");
    let later = format!("{now}activeFrom: \"2099-01-01T00:00:00Z\", ");
    [now, later]
}

/// A received file, once it has a name and a hindrance.
fn hindered(company: &Company, name: &str) -> Value {
    wait_until_blocking(&format!("{name} says why it waits"), PATIENCE, || {
        let files = company.ok(["received", "-o", "json"]);
        let files: Vec<Value> = serde_json::from_str(&files).unwrap();
        files.into_iter().find(|file| {
            file["dataset_name"] == name && file["hindrance"]["code"] == "E-POLICY-CERTIFICATE"
        })
    })
}

#[test]
fn an_entry_that_waits_for_a_certificate_says_so_and_one_that_needs_none_goes() {
    let mut pair = Pair::secured();
    for company in [&mut pair.acme, &mut pair.bolt] {
        let extra = company.partner_extra.replace("encrypt: Required", "encrypt: Allowed");
        company.partner_extra = extra;
    }
    pair.write(Line::Tls, Line::Tcp);
    let [now, later] = purpose_and_later("Encrypt");
    rewrite(&pair.acme, "partner.yaml", &now, &later);
    let _up = up(&pair);
    let waits = pair.acme.enqueue("bolt", &pair.acme.file("EARLY.DAT", 1000), &["--encrypt"]);
    let row = wait_until_blocking("it says why it waits", PATIENCE, || {
        let row = pair.acme.entry(waits);
        row["hindrance"].is_object().then_some(row)
    });
    assert_eq!(row["hindrance"]["code"], "E-POLICY-CERTIFICATE");
    assert_eq!(row["state"], "preparing", "no person is asked");
    let shown = pair.acme.ok(["queue"]);
    assert!(shown.contains("waits: E-POLICY-CERTIFICATE the file is to be encrypted"), "{shown}");
    let goes = pair.acme.enqueue("bolt", &pair.acme.file("SIGNED.DAT", 1000), &[]);
    pair.acme.wait_for_state(goes, "acknowledged", PATIENCE);

    rewrite(&pair.acme, "partner.yaml", &later, &now);
    pair.acme.ok(["config", "reload"]);
    pair.acme.wait_for_state(waits, "acknowledged", PATIENCE);
    assert!(pair.acme.entry(waits).get("hindrance").is_none());
}

#[test]
fn a_bad_file_whose_nerp_cannot_be_signed_yet_holds_up_no_later_one_and_both_say_why_they_wait() {
    let mut pair = Pair::secured();
    let right = pair.acme.file_keys.clone();
    pair.acme.file_keys.as_mut().unwrap().sign = FileKeys::of("stranger").sign;
    pair.acme.write(&pair.bolt, Line::Tcp);
    pair.acme.file_keys = right;
    pair.bolt.write(&pair.acme, Line::Tcp);
    let [now, later] = purpose_and_later("SignReceipt");
    rewrite(&pair.bolt, "instance.yaml", &now, &later);
    let _up = up(&pair);
    let forged = pair.acme.enqueue("bolt", &pair.acme.file("FORGED.DAT", 1000), &[]);
    assert_eq!(hindered(&pair.bolt, "FORGED.DAT")["state"], "unwrapping");

    pair.acme.write(&pair.bolt, Line::Tcp);
    pair.acme.ok(["config", "reload"]);
    let file = pair.acme.file("GOOD.DAT", 1000);
    let good = pair.acme.enqueue("bolt", &file, &[]);
    let row = hindered(&pair.bolt, "GOOD.DAT");
    assert_eq!(row["state"], "delivering", "it lies in its place");
    assert!(row["hindrance"]["text"].as_str().unwrap().contains("SignReceipt"), "{row}");
    assert_eq!(incoming(&pair.bolt).into_values().collect::<Vec<_>>(), [sha256(&file)]);

    rewrite(&pair.bolt, "instance.yaml", &later, &now);
    pair.bolt.ok(["config", "reload"]);
    pair.acme.wait_for_state(forged, "rejected", PATIENCE);
    pair.acme.wait_for_state(good, "acknowledged", PATIENCE);
}
