//! Files signed, compressed and encrypted from company to company, with signed receipts: what
//! arrives is what was sent, and what was tampered with, is for others or is less than was asked
//! for never does.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use store::OperatorRequest;
use support::{sha256, wait_until_blocking, write_pseudo_random};
use system::{
    Break, Company, FileKeys, Line, PATIENCE, Pair, Proxy, SECURED, Up, Way,
    assert_each_arrived_once, held_receipts, incoming, kill, request, sql,
};

const RECOVERY: Duration = Duration::from_mins(3);

fn up(pair: &Pair) -> [Up; 2] {
    let up = [pair.acme.up(), pair.bolt.up()];
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    up
}

fn send(pair: &Pair, file: &Path, more: &[&str]) -> u64 {
    pair.acme.enqueue("bolt", file, more)
}

fn code_of(company: &Company, entry: u64) -> String {
    company.entry(entry)["error_code"].as_str().unwrap_or_default().to_owned()
}

/// What bolt made of acme's files, by the journal.
fn failures(company: &Company) -> Vec<String> {
    let failed = company.journal_of("file_failed").into_iter();
    failed.map(|record| record["code"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn files_of_every_size_and_format_arrive_as_they_were_and_their_receipts_are_signed() {
    let pair = Pair::secured();
    pair.write(Line::Tls, Line::Tcp);
    let _up = up(&pair);
    let mut hashes = Vec::new();
    let mut entries = Vec::new();
    for (number, octets) in [0, 1, 15, 16, 4096, 262_144, 3_000_000].into_iter().enumerate() {
        let file = pair.acme.file(&format!("SIZE.{number}"), octets);
        hashes.push(sha256(&file));
        entries.push(send(&pair, &file, &[]));
    }
    let records = pair.acme.file("RECORDS", 80 * 1000);
    hashes.push(sha256(&records));
    entries.push(send(&pair, &records, &["--format", "F", "--record-length", "80"]));
    pair.acme.wait_until_acknowledged(&entries, PATIENCE);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &hashes);
    for entry in &entries {
        let row = pair.acme.entry(*entry);
        assert!(row["receipt_signer"].as_str().unwrap().contains("bolt receipts"), "{row}");
        let done = ["signed", "encrypted", "compressed", "signed_receipt"];
        assert!(done.iter().all(|what| row["security"][what] == true), "{row}");
        assert_eq!(row["security"]["suite"], "04");
    }
    let back = pair.bolt.file("BACK.DAT", 100_000);
    let entry = pair.bolt.enqueue("acme", &back, &[]);
    pair.bolt.wait_for_state(entry, "acknowledged", PATIENCE);
    assert_each_arrived_once(&pair.bolt, &pair.acme, &[sha256(&back)]);
    for company in [&pair.acme, &pair.bolt] {
        company.ok(["check"]);
    }
}

#[test]
fn a_signed_receipt_is_kept_and_proves_what_the_partner_has_to_anybody_without_a_database() {
    let pair = Pair::secured();
    pair.write(Line::Tls, Line::Tcp);
    let _up = up(&pair);
    let entry = send(&pair, &pair.acme.file("PROVED.DAT", 20_000), &[]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    let id = entry.to_string();
    let said = pair.acme.ok(["receipts", "verify", &id]);
    assert!(said.starts_with("√ bolt has received PROVED.DAT\n"), "{said}");
    assert!(said.contains("signed by    CN=bolt receipts"), "{said}");

    let exported = pair.acme.ok(["receipts", "export", &id]);
    let file = pair.acme.directory.join("proof.json");
    fs::write(&file, &exported).unwrap();
    // By somebody who has nothing but the file.
    let verify = |file: &Path| {
        let mut command = std::process::Command::new(support::seon_binary());
        command.args(["receipts", "verify", "--file"]).arg(file);
        command.env_clear().current_dir("/").output().unwrap()
    };
    let by_stranger = verify(&file);
    assert_eq!(String::from_utf8(by_stranger.stdout).unwrap(), said);
    // And by OpenSSL: the signature is good, and over the file's name and the hash.
    let proof: Value = serde_json::from_str(&exported).unwrap();
    let part = |name: &str| {
        let path = pair.acme.directory.join(name);
        fs::write(&path, proof[name].as_str().unwrap()).unwrap();
        path
    };
    let mut openssl = std::process::Command::new("openssl");
    openssl.args(["cms", "-verify", "-inform", "PEM", "-noverify", "-nointern", "-binary", "-in"]);
    openssl.arg(part("signature")).arg("-certfile").arg(part("certificate"));
    let signed = openssl.output().unwrap();
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    let hash = proof["hash"].as_str().unwrap();
    assert!(signed.stdout.starts_with(b"PROVED.DAT "));
    let hashed = domain::FileHash::try_from(signed.stdout[signed.stdout.len() - 32..].to_vec());
    assert_eq!(hashed.unwrap().to_string(), hash);
    // Of another file it proves nothing.
    for (from, to, code) in [
        ("PROVED.DAT", "OTHER.DAT", "E-RECEIPT-SIGNATURE"),
        (hash, &"0a".repeat(32), "E-RECEIPT-HASH"),
        ("seon receipt 1", "seon receipt 2", "E-USAGE"),
    ] {
        fs::write(&file, exported.replace(from, to)).unwrap();
        let refused = verify(&file);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(code), "{said}");
    }
}

#[test]
fn a_receipt_over_another_hash_of_the_file_counts_where_that_is_tolerated_and_is_said_to_be_one() {
    let mut pair = Pair::secured();
    let receipts = "receipts: {signed: Required";
    pair.acme.partner_extra = SECURED.replace(receipts, &format!("{receipts}, hash: Tolerant"));
    pair.bolt.partner_extra.push_str("  receipts: {timing: Manual}\n");
    pair.write(Line::Tls, Line::Tcp);
    let _up = up(&pair);
    let entry = send(&pair, &pair.acme.file("ORIGINAL.DAT", 20_000), &[]);
    pair.acme.wait_for_state(entry, "sent", PATIENCE);
    // Bolt hashes what was transmitted; to acme that is now the hash of the original.
    let other = "0a".repeat(32);
    sql(
        &pair.acme,
        &format!(
            "update queue_entry set other_hashes = 'original=' || hash || ';', hash = '{other}'
             where other_hashes like 'transmitted-sha1=%;original=%;original-sha1=%;'"
        ),
    );
    let receipt = wait_until_blocking("the receipt is held", PATIENCE, || {
        held_receipts(&pair.bolt).into_iter().next()
    });
    let outcome = request(&pair.bolt, OperatorRequest::ReleaseReceipt(receipt.id));
    assert_eq!(outcome.code, None, "{}", outcome.text);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    let said = pair.acme.ok(["receipts", "verify", &entry.to_string()]);
    assert!(said.contains("the hash of the original file, in place of that hash"), "{said}");
    assert!(said.contains(&other), "{said}");
    let records = pair.acme.journal_of("receipt_received");
    let told = records[0]["text"].as_str().unwrap();
    assert!(told.contains("warning: what is signed is the hash of the original file"), "{told}");
    // Exported, it says the same to anybody.
    let file = pair.acme.directory.join("proof.json");
    fs::write(&file, pair.acme.ok(["receipts", "export", &entry.to_string()])).unwrap();
    let again = pair.acme.ok(["receipts", "verify", "--file", file.to_str().unwrap()]);
    assert_eq!(again, said);
}

/// What lies in the spool to be sent: payloads, and the packages that were made of them.
fn to_be_sent(company: &Company) -> BTreeSet<PathBuf> {
    let folder = fs::read_dir(company.data().join("spool/out")).unwrap();
    folder.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_is_transmitted_is_unreadable_and_was_compressed_before() {
    let pair = Pair::secured();
    let proxy = Proxy::to(pair.bolt.tcp);
    pair.write(Line::TcpBy(proxy.port), Line::Nothing);
    let _up = up(&pair);
    let text = "BEGIN-OF-A-SECRET-DRAWING ".repeat(10_000);
    let file = pair.acme.directory.join("DRAWING");
    fs::write(&file, &text).unwrap();
    // The wire stands still with the end of the package on it.
    proxy.plan(Break::Stall(Way::ToCalled, b'T'));
    let entry = send(&pair, &file, &["--move"]);
    wait_until_blocking("the package under way", PATIENCE, || proxy.stalled() > 0);
    let contents = to_be_sent(&pair.acme).into_iter().map(|path| fs::read(path).unwrap());
    let (packages, payloads): (Vec<_>, Vec<_>) =
        contents.partition(|octets| !octets.windows(9).any(|window| window == b"BEGIN-OF-"));
    assert_eq!((packages.len(), payloads.len()), (1, 1));
    assert!(packages[0].len() < text.len() / 10, "{} octets", packages[0].len());
    assert_eq!(pair.acme.entry(entry)["octets"], packages[0].len());
    proxy.open();
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    let empty = || to_be_sent(&pair.acme).is_empty();
    wait_until_blocking("nothing more is to be sent", PATIENCE, empty);
}

#[test]
fn a_package_goes_on_with_the_same_octets_after_the_line_broke() {
    let pair = Pair::secured();
    let proxy = Proxy::to(pair.bolt.tcp);
    pair.write(Line::TcpBy(proxy.port), Line::Tcp);
    let [acme, bolt] = up(&pair);
    let file = pair.acme.file("BROKEN.DAT", 8_000_000);
    proxy.plan(Break::After(Way::ToCalled, 5_000_000));
    let entry = send(&pair, &file, &[]);
    wait_until_blocking("the line broke", PATIENCE, || proxy.planned() == 0);
    let lies_there = to_be_sent(&pair.acme);
    assert_eq!(lies_there.len(), 2, "payload and package");
    // And after a start of the sender in between.
    acme.stop();
    let _acme = pair.acme.up();
    pair.acme.wait_until_ready();
    assert_eq!(to_be_sent(&pair.acme), lies_there);
    pair.acme.wait_for_state(entry, "acknowledged", RECOVERY);
    assert!(bolt.resumed_a_file(), "it began again");
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&file)]);
}

#[test]
fn a_signature_of_a_stranger_is_answered_by_nerp_31_and_the_file_never_lies_in_its_place() {
    let mut pair = Pair::secured();
    pair.write(Line::Tcp, Line::Tcp);
    // Acme signs with another key than bolt knows.
    let keys = pair.acme.file_keys.as_mut().unwrap();
    keys.sign = FileKeys::of("stranger").sign;
    pair.acme.write(&pair.bolt, Line::Tcp);
    let _up = up(&pair);
    let entry = send(&pair, &pair.acme.file("FORGED.DAT", 10_000), &[]);
    pair.acme.wait_for_state(entry, "rejected", PATIENCE);
    assert_eq!(code_of(&pair.acme, entry), "E-FILE-NERP-31");
    assert_eq!(failures(&pair.bolt), ["E-CMS-SIGNER"]);
    assert!(incoming(&pair.bolt).is_empty());
}

#[test]
fn a_file_encrypted_for_somebody_else_is_answered_by_nerp_33_and_the_next_one_is_delivered() {
    let mut pair = Pair::secured();
    let right = pair.bolt.file_keys.clone();
    pair.bolt.file_keys.as_mut().unwrap().decrypt = FileKeys::of("stranger").decrypt;
    pair.acme.write(&pair.bolt, Line::Tcp);
    pair.bolt.file_keys = right;
    pair.bolt.write(&pair.acme, Line::Tcp);
    let _up = up(&pair);
    let entry = send(&pair, &pair.acme.file("WRONG.DAT", 10_000), &[]);
    pair.acme.wait_for_state(entry, "rejected", PATIENCE);
    assert_eq!(code_of(&pair.acme, entry), "E-FILE-NERP-33");
    assert_eq!(failures(&pair.bolt), ["E-CMS-RECIPIENT"]);
    // The right certificate comes, without a restart.
    pair.acme.write(&pair.bolt, Line::Tcp);
    pair.acme.reload();
    let file = pair.acme.file("RIGHT.DAT", 10_000);
    let entry = wait_until_blocking("the new certificate is used", PATIENCE, || {
        let entry = send(&pair, &file, &[]);
        let is_over = || {
            let state = pair.acme.state(entry);
            ["acknowledged", "rejected"].contains(&state.as_str()).then_some(state)
        };
        (wait_until_blocking("it is answered", PATIENCE, is_over) == "acknowledged")
            .then_some(entry)
    });
    assert!(pair.acme.entry(entry)["receipt_signer"].is_string());
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&file)]);
}

#[test]
fn a_file_of_which_nothing_has_left_is_packaged_anew_once_it_is_released() {
    let mut pair = Pair::secured();
    let right = pair.bolt.file_keys.clone();
    pair.bolt.file_keys.as_mut().unwrap().decrypt = FileKeys::of("stranger").decrypt;
    pair.write(Line::Tcp, Line::Nothing);
    let acme = pair.acme.up();
    pair.acme.wait_until_ready();
    let file = pair.acme.file("RENEWED.DAT", 10_000);
    let entry = send(&pair, &file, &[]);
    pair.acme.wait_for_state(entry, "ready", PATIENCE);
    acme.stop();
    // The partner's new certificate comes before the partner does.
    pair.bolt.file_keys = right;
    pair.write(Line::Tcp, Line::Nothing);
    let _acme = pair.acme.up();
    pair.acme.wait_until_ready();
    for change in ["hold", "release"] {
        pair.acme.ok(["queue", change, &entry.to_string()]);
    }
    let _bolt = pair.bolt.up();
    pair.acme.wait_for_state(entry, "acknowledged", RECOVERY);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&file)]);
}

#[test]
fn a_plain_file_that_waits_is_not_sent_once_its_partner_requires_encryption() {
    let mut pair = Pair::secured();
    pair.acme.partner_extra = String::new();
    // Bolt would take it.
    pair.bolt.partner_extra = String::from("  security: {authentication: Prepared}\n");
    pair.write(Line::Tcp, Line::Nothing);
    let acme = pair.acme.up();
    pair.acme.wait_until_ready();
    let entry = send(&pair, &pair.acme.file("PLAIN.DAT", 1000), &[]);
    pair.acme.wait_for_state(entry, "ready", PATIENCE);
    acme.stop();
    pair.acme.partner_extra = SECURED.to_owned();
    pair.acme.write(&pair.bolt, Line::Tcp);
    let _up = up(&pair);
    pair.acme.wait_for_state(entry, "blocked", RECOVERY);
    assert_eq!(code_of(&pair.acme, entry), "E-POLICY-REQUIRED");
    assert!(incoming(&pair.bolt).is_empty());
}

#[test]
fn a_receipt_signed_by_a_stranger_leaves_its_entry_waiting_and_says_why() {
    let mut pair = Pair::secured();
    pair.write(Line::Tcp, Line::Tcp);
    pair.bolt.file_keys.as_mut().unwrap().receipts = FileKeys::of("stranger").receipts;
    pair.bolt.write(&pair.acme, Line::Tcp);
    let _up = up(&pair);
    let file = pair.acme.file("UNPROVEN.DAT", 10_000);
    let entry = send(&pair, &file, &[]);
    let record = pair.acme.wait_for_code("E-RECEIPT-SIGNATURE");
    assert_eq!(record["entry"], entry);
    let row = pair.acme.entry(entry);
    assert_eq!((&row["state"], &row["finished_at"]), (&"sent".into(), &Value::Null));
    assert_eq!(row["error_code"], "E-RECEIPT-SIGNATURE");
    assert_eq!(incoming(&pair.bolt).into_values().collect::<Vec<_>>(), [sha256(&file)]);
    pair.acme.ok(["queue", "close", &entry.to_string()]);
}

#[test]
fn a_partner_that_asks_for_encryption_refuses_a_plain_file_as_sfna_17() {
    let mut pair = Pair::secured();
    pair.acme.partner_extra = String::from("  security: {authentication: Required}\n");
    pair.write(Line::Tcp, Line::Tcp);
    let _up = up(&pair);
    let entry = send(&pair, &pair.acme.file("PLAIN.DAT", 1000), &[]);
    pair.acme.wait_for_state(entry, "blocked", PATIENCE);
    assert_eq!(code_of(&pair.acme, entry), "E-FILE-SFNA-17");
    assert!(incoming(&pair.bolt).is_empty());
    // Asked for, it goes as it should.
    let file = pair.acme.file("SECRET.DAT", 1000);
    let entry = send(&pair, &file, &["--sign", "--encrypt"]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&file)]);
    let row = pair.acme.entry(entry);
    assert_eq!(
        (&row["security"]["encrypted"], &row["security"]["compressed"]),
        (&true.into(), &false.into())
    );
}

#[test]
fn what_has_to_be_encrypted_is_never_sent_to_a_partner_that_speaks_an_older_level() {
    let mut pair = Pair::secured();
    pair.bolt.partner_extra = "  protocol: {highestLevel: \"1.4\"}\n".to_owned();
    let follows = SECURED.replace("authentication: Required", "authentication: Prepared");
    pair.acme.partner_extra = follows;
    pair.write(Line::Tcp, Line::Tcp);
    let _up = up(&pair);
    let entry = send(&pair, &pair.acme.file("SECRET.DAT", 1000), &[]);
    pair.acme.wait_for_state(entry, "blocked", PATIENCE);
    assert_eq!(code_of(&pair.acme, entry), "E-POLICY-LEVEL");
    assert!(incoming(&pair.bolt).is_empty());
    // What is asked for against the policy is not even queued.
    let refused = pair.acme.seon([
        "enqueue",
        "--partner",
        "bolt",
        "--encrypt=no",
        pair.acme.file("PLAIN.DAT", 1000).to_str().unwrap(),
    ]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("E-POLICY-REQUIRED"), "{refused:?}");
}

#[test]
fn daemons_that_are_killed_while_they_package_and_unwrap_begin_anew_and_the_file_arrives_once() {
    let mut pair = Pair::secured();
    // Fast enough to be sent, slow enough to be caught at it.
    for company in [&mut pair.acme, &mut pair.bolt] {
        company.partner_extra = SECURED.replace(", compress: Required", "");
    }
    pair.write(Line::Tcp, Line::Tcp);
    let _up = up(&pair);
    let file = pair.acme.directory.join("LARGE.DAT");
    write_pseudo_random(&file, 200 << 20, 42);
    let entry = send(&pair, &file, &["--move"]);
    wait_until_blocking("it is being packaged", PATIENCE, || {
        let state = pair.acme.state(entry);
        if state == "preparing" { Ok(()) } else { Err(state) }
    });
    kill(pair.acme.pid("seonsqd").unwrap());
    wait_until_blocking("it is ours and not unwrapped", RECOVERY, || {
        !pair.bolt.journal_of("file_received").is_empty()
    });
    kill(pair.bolt.pid("seonrd").unwrap());
    pair.acme.wait_for_state(entry, "acknowledged", RECOVERY);
    let arrived = incoming(&pair.bolt);
    assert_eq!(arrived.len(), 1, "{arrived:?}");
    let expected = pair.acme.directory.join("AGAIN.DAT");
    write_pseudo_random(&expected, 200 << 20, 42);
    assert_eq!(sha256(arrived.keys().next().unwrap()), sha256(&expected));
    // Plaintext that the killed one had begun does not wait for the hourly sweep.
    wait_until_blocking("nothing is left of it in the spool", PATIENCE, || {
        let left = parts(&pair.bolt);
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    });
}

/// What lies in the spool of what was received.
fn parts(company: &Company) -> Vec<PathBuf> {
    let epochs = fs::read_dir(company.data().join("spool/in")).unwrap();
    let parts = epochs.filter_map(|epoch| fs::read_dir(epoch.unwrap().path()).ok());
    parts.flatten().map(|part| part.unwrap().path()).collect()
}

#[test]
fn large_packages_of_one_partner_keep_neither_a_package_nor_a_plain_file_of_another_waiting() {
    let pair = Pair::secured();
    pair.write(Line::Nothing, Line::Nothing);
    // Other partners of acme's: one whose files are secured too, and one whose are not.
    let bolt = fs::read_to_string(pair.acme.directory.join("partner.yaml")).unwrap();
    for (name, odette_id, secured) in [("crest", "CREST", SECURED), ("dent", "DENT", "")] {
        let partner = bolt
            .replace("metadata: {name: bolt}", &format!("metadata: {{name: {name}}}"))
            .replace(pair.bolt.odette_id, &format!("O0013000003{odette_id}"))
            .replace(SECURED, secured);
        fs::write(pair.acme.directory.join(format!("{name}.yaml")), partner).unwrap();
    }
    // Zeros that lie nowhere: they take little room, and long to be packaged.
    for number in 0..40 {
        let file = pair.acme.directory.join(format!("LARGE.{number}"));
        fs::File::create(&file).unwrap().set_len(1 << 30).unwrap();
        send(&pair, &file, &["--move"]);
    }
    let _acme = pair.acme.up();
    pair.acme.wait_until_ready();
    wait_until_blocking("the large ones are packaged", PATIENCE, || {
        pair.acme.queue().iter().any(|row| row["state"] == "preparing")
    });
    let file = pair.acme.file("SMALL.DAT", 1000);
    for partner in ["crest", "dent"] {
        let entry = pair.acme.enqueue(partner, &file, &[]);
        pair.acme.wait_for_state(entry, "ready", PATIENCE);
    }
    let ready = pair.acme.queue().iter().filter(|row| row["state"] == "ready").count();
    assert!(ready < 42, "they were not behind the large ones");
}

/// Changes a partner's manifest, and has acme's daemons read it.
fn rewrite(company: &Company, change: impl FnOnce(String) -> String) {
    let manifest = company.directory.join("partner.yaml");
    fs::write(&manifest, change(fs::read_to_string(&manifest).unwrap())).unwrap();
}

#[test]
fn a_file_waits_for_a_certificate_that_is_not_active_yet_and_goes_once_it_is() {
    let pair = Pair::secured();
    pair.write(Line::Tls, Line::Tcp);
    let encrypt = "{purpose: [Encrypt], ";
    let later = "{purpose: [Encrypt], activeFrom: \"2099-01-01T00:00:00Z\", ";
    rewrite(&pair.acme, |manifest| manifest.replace(encrypt, later));
    let [acme, _bolt] = up(&pair);
    let entry = send(&pair, &pair.acme.file("EARLY.DAT", 1000), &[]);
    acme.0.wait_for_line(PATIENCE, |line| line.contains("E-POLICY-CERTIFICATE"));
    assert_eq!(pair.acme.state(entry), "preparing", "no person is asked");
    rewrite(&pair.acme, |manifest| manifest.replace(later, encrypt));
    pair.acme.ok(["config", "reload"]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
}

/// Waits until an entry is `ready` with a package that did not lie there before; what lies there then.
fn packaged(pair: &Pair, entry: u64, before: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    wait_until_blocking("it is packaged, and not as before", PATIENCE, || {
        let state = pair.acme.state(entry);
        let mut lies_there = to_be_sent(&pair.acme);
        // What is still being written has a hidden name.
        lies_there.retain(|path| !path.file_name().unwrap().to_str().unwrap().starts_with('.'));
        let is_new = lies_there.len() > 1 && !lies_there.is_subset(before);
        if state == "ready" && is_new { Ok(lies_there) } else { Err(state) }
    })
}

#[test]
fn a_package_of_which_nothing_has_left_is_made_anew_for_the_certificate_that_follows() {
    let mut pair = Pair::secured();
    pair.write(Line::Nothing, Line::Tcp);
    let acme = pair.acme.up();
    pair.acme.wait_until_ready();
    let file = pair.acme.file("WAITS.DAT", 1000);
    let entry = send(&pair, &file, &[]);
    let change_over = |pair: &mut Pair, keys: &str| {
        pair.bolt.file_keys.as_mut().unwrap().decrypt = FileKeys::of(keys).decrypt;
        pair.write(Line::Nothing, Line::Tcp);
    };
    let first = packaged(&pair, entry, &BTreeSet::new());
    change_over(&mut pair, "bolt second");
    pair.acme.ok(["config", "reload"]);
    let second = packaged(&pair, entry, &first);
    change_over(&mut pair, "bolt third");
    // This time acme finds it at its start.
    acme.stop();
    let _up = up(&pair);
    packaged(&pair, entry, &second);
    pair.bolt.ok(["partner", "call", "acme"]);
    pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
    assert_each_arrived_once(&pair.acme, &pair.bolt, &[sha256(&file)]);
}

/// Whether acme and bolt exchange files as these two set their sessions' authentication.
fn exchange(acme: &str, bolt: &str) -> (Pair, [Up; 2], u64) {
    let mut pair = Pair::secured();
    for (company, authentication) in [(&mut pair.acme, acme), (&mut pair.bolt, bolt)] {
        let wanted = format!("authentication: {authentication}");
        company.partner_extra = SECURED.replace("authentication: Required", &wanted);
        company.instance_extra = String::from(
            "  lease: {ttl: 3s}\n  send: {retry: {attempts: 20, first: 1s, longest: 1s}}\n",
        );
    }
    pair.write(Line::Tls, Line::Tcp);
    let up = up(&pair);
    let entry = send(&pair, &pair.acme.file("SESSION.DAT", 1000), &[]);
    (pair, up, entry)
}

fn is_authenticated(company: &Company) -> bool {
    let began = company.journal_of("session_started");
    let says =
        |record: &Value| record["text"].as_str().is_some_and(|it| it.contains("authenticated"));
    assert!(!began.is_empty());
    began.iter().all(says)
}

#[test]
fn sessions_that_both_sides_require_are_authenticated_and_so_they_are_where_one_follows() {
    for (acme, bolt, authenticated) in [
        ("Required", "Required", true),
        ("Prepared", "Required", true),
        ("Required", "Prepared", true),
        ("Prepared", "Prepared", false),
        ("Prepared", "Forbidden", false),
    ] {
        let (pair, _up, entry) = exchange(acme, bolt);
        pair.acme.wait_for_state(entry, "acknowledged", PATIENCE);
        for company in [&pair.acme, &pair.bolt] {
            assert_eq!(
                is_authenticated(company),
                authenticated,
                "{acme}, {bolt}: {}",
                company.name
            );
        }
        assert_eq!(pair.acme.entry(entry)["attempts"], 0, "{acme}, {bolt}");
    }
}

#[test]
fn a_session_that_only_one_side_wants_authenticated_is_esid_12_and_carries_nothing() {
    let (pair, _up, entry) = exchange("Required", "Forbidden");
    pair.acme.wait_for_code("E-SESSION-ESID-12");
    assert_ne!(pair.acme.state(entry), "acknowledged");
    assert!(incoming(&pair.bolt).is_empty());
}

#[test]
fn who_cannot_decrypt_the_challenge_is_esid_11_and_carries_nothing() {
    let mut pair = Pair::secured();
    let right = pair.acme.file_keys.clone();
    pair.acme.file_keys.as_mut().unwrap().authenticate = FileKeys::of("stranger").authenticate;
    // Bolt encrypts for another key than acme has.
    pair.bolt.write(&pair.acme, Line::Tcp);
    pair.acme.file_keys = right;
    pair.acme.write(&pair.bolt, Line::Tls);
    let _up = up(&pair);
    let entry = send(&pair, &pair.acme.file("SESSION.DAT", 1000), &[]);
    pair.acme.wait_for_code("E-SESSION-ESID-11");
    pair.bolt.wait_for_code("E-SESSION-REFUSED-11");
    assert_ne!(pair.acme.state(entry), "acknowledged");
    assert!(incoming(&pair.bolt).is_empty());
}
