//! `seon received reject`: the partner hears by NERP, as long as nobody can have told it otherwise.

use serde_json::Value;
use store::OperatorRequest;
use support::{sha256, wait_until_blocking};
use system::{
    Company, DatabaseProxy, Line, Loss, PATIENCE, Pair, Up, exit_code, held_receipts, incoming,
    request,
};

fn up(pair: &Pair) -> [Up; 2] {
    let up = [pair.acme.up(), pair.bolt.up()];
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    up
}

/// A file of acme's that bolt has delivered, and whose EERP it holds back.
fn delivered(pair: &Pair, name: &str) -> (u64, String) {
    let before = held_receipts(&pair.bolt).len();
    let entry = pair.acme.enqueue("bolt", &pair.acme.file(name, 10_000), &[]);
    wait_until_blocking("its receipt is held", PATIENCE, || {
        held_receipts(&pair.bolt).len() > before
    });
    (entry, received(&pair.bolt)[name]["id"].to_string())
}

/// The received files by their names.
fn received(company: &Company) -> Value {
    let files: Vec<Value> = serde_json::from_str(&company.ok(["received", "-o", "json"])).unwrap();
    files
        .into_iter()
        .map(|file| (file["dataset_name"].as_str().unwrap().to_owned(), file))
        .collect()
}

const MANUAL: &str = "  receipts: {timing: Manual}\n";

#[test]
fn a_delivered_file_that_is_rejected_stays_in_its_place_and_its_partner_hears_why() {
    for mut pair in [Pair::new(), Pair::secured()] {
        pair.bolt.partner_extra.push_str(MANUAL);
        pair.write(Line::Tls, Line::Tcp);
        let is_secured = pair.bolt.file_keys.is_some();
        let _up = up(&pair);
        let (entry, id) = delivered(&pair, "EMPTY.DAT");
        let text = "the drawing is empty";
        let said = pair.bolt.ok(["received", "reject", &id, "--reason", "34", "--text", text]);
        let what = "rejected by NERP 34; what lies at incoming/acme/EMPTY.DAT stays there";
        assert!(said.contains(what), "{said}");

        // Nobody has to release what somebody has just said.
        pair.acme.wait_for_state(entry, "rejected", PATIENCE);
        let row = pair.acme.entry(entry);
        assert_eq!(row["error_code"], "E-FILE-NERP-34");
        assert!(row["error_text"].as_str().unwrap().contains(text), "{row}");
        let signer = row["receipt_signer"].as_str().unwrap_or_default();
        assert_eq!(signer.contains("bolt receipts"), is_secured, "{row}");

        let file = &received(&pair.bolt)["EMPTY.DAT"];
        assert_eq!(
            (&file["state"], &file["error_code"]),
            (&"failed".into(), &"E-FILE-REJECTED".into())
        );
        assert!(file["error_text"].as_str().unwrap().contains(text), "{file}");
        assert_eq!(incoming(&pair.bolt).len(), 1, "it is somebody's already");
        assert_eq!(pair.bolt.journal_of("file_rejected").len(), 1);

        let again = pair.bolt.seon(["received", "reject", &id, "--reason", "34"]);
        let said = String::from_utf8(again.stdout).unwrap();
        assert!(said.contains("E-REQUEST-STATE"), "{said}");
    }
}

#[test]
fn once_its_eerp_has_gone_out_a_file_is_not_rejected_any_more() {
    let (pair, _acme, _bolt) = Pair::running();
    let entry = pair.acme.enqueue("bolt", &pair.acme.file("GOOD.DAT", 10_000), &[]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    let id = received(&pair.bolt)["GOOD.DAT"]["id"].to_string();
    let refused = pair.bolt.seon(["received", "reject", &id, "--reason", "34"]);
    let said = String::from_utf8(refused.stdout.clone()).unwrap();
    assert!(said.contains("E-REQUEST-STATE") && said.contains("its EERP has gone out"), "{said}");
    assert_eq!(exit_code(&refused), 1);
    assert_eq!(received(&pair.bolt)["GOOD.DAT"]["state"], "delivered");
    let unknown = pair.bolt.seon(["received", "reject", &id, "--reason", "77"]);
    assert_eq!(exit_code(&unknown), 64, "the protocol knows no such reason");
}

#[test]
fn a_rejection_that_was_asked_while_nobody_ran_is_done_at_the_next_start() {
    let mut pair = Pair::new();
    pair.bolt.partner_extra.push_str(MANUAL);
    pair.write(Line::Tls, Line::Tcp);
    let [_acme, bolt] = up(&pair);
    let (entry, id) = delivered(&pair, "EMPTY.DAT");
    bolt.stop();
    let nobody = pair.bolt.seon(["received", "reject", &id, "--reason", "34"]);
    assert_ne!(exit_code(&nobody), 0);
    let _bolt = pair.bolt.up();
    pair.acme.wait_for_state(entry, "rejected", PATIENCE);
}

#[test]
fn whatever_is_lost_of_its_commit_a_file_is_rejected_once() {
    let server = support::postgres!();
    let proxy = DatabaseProxy::to(server.port());
    let database = server.database();
    let mut pair = Pair::secured();
    pair.bolt.partner_extra.push_str(MANUAL);
    pair.bolt.database = Some(proxy.instead_of(&database.uri(), server.port()));
    pair.write(Line::Tls, Line::Tcp);
    let _up = up(&pair);
    for (number, loss) in [Loss::Answer, Loss::Commit].into_iter().enumerate() {
        let name = format!("EMPTY.{number}");
        let (entry, id) = delivered(&pair, &name);
        proxy.lose("reject_file", loss);
        let said = pair.bolt.ok(["received", "reject", &id, "--reason", "35"]);
        assert!(said.contains("rejected by NERP 35"), "{said}");
        assert_eq!(proxy.waiting(), [] as [&str; 0], "it was lost");
        pair.acme.wait_for_state(entry, "rejected", PATIENCE);
        assert_eq!(pair.bolt.journal_of("file_rejected").len(), number + 1);
    }
    // And what nobody rejected is acknowledged as ever.
    let (entry, _) = delivered(&pair, "GOOD.DAT");
    let good = sha256(&pair.acme.directory.join("GOOD.DAT"));
    assert!(incoming(&pair.bolt).values().any(|hash| *hash == good));
    for receipt in held_receipts(&pair.bolt) {
        request(&pair.bolt, OperatorRequest::ReleaseReceipt(receipt.id));
    }
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
}
