//! Partners that are not who they say, or do not speak as we do.

use support::Identity;
use system::{Line, Pair};

use super::{running, wait_for_error};

/// Acme calls bolt with something wrong; the codes at acme's entry and in bolt's journal.
fn refused(line: Line, wrong: impl FnOnce(&mut Pair)) -> (String, String, String) {
    let mut pair = Pair::new();
    pair.acme.instance_extra = String::from(super::EAGER);
    // Bolt learns what is right, acme believes what is wrong.
    pair.bolt.write(&pair.acme, Line::Nothing);
    wrong(&mut pair);
    pair.acme.write(&pair.bolt, line);
    let (_acme, _bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    let entry = pair.acme.enqueue("bolt", &pair.acme.file("WANTED.DAT", 1000), &[]);
    let row = wait_for_error(&pair.acme, entry);
    assert_eq!(row["state"], "ready", "it is tried again, not lost: {row}");
    let ours = row["error_code"].as_str().unwrap().to_owned();
    let record = pair.acme.wait_for_code(&ours);
    assert_eq!(record["partner"], "bolt", "acme's journal names the partner: {record}");
    if ours.starts_with("E-SESSION-") {
        let failed = pair.acme.journal_of("call_failed");
        assert!(failed.iter().any(|record| record["code"] == ours.as_str()), "{failed:?}");
        assert!(pair.acme.journal_of("connect_failed").is_empty(), "there was a connection");
    }
    let text = row["error_text"].as_str().unwrap().to_owned();
    let theirs = pair.bolt.journal_of("session_refused").pop();
    let theirs = theirs.map(|record| record["code"].as_str().unwrap().to_owned());
    (ours, text, theirs.unwrap_or_default())
}

#[test]
fn a_wrong_password_is_esid_04_for_the_caller_and_in_both_journals() {
    let (ours, text, theirs) = refused(Line::Tcp, |pair| pair.acme.password = "WRONG".to_owned());
    assert_eq!(ours, "E-SESSION-ESID-04");
    assert!(text.contains("ownPasswordSecretRef"), "the sentence names the cure: {text}");
    assert_eq!(theirs, "E-SESSION-PASSWORD");
}

#[test]
fn a_called_partner_with_a_wrong_password_gets_no_file() {
    let (ours, text, _) = refused(Line::Tcp, |pair| pair.bolt.password = "OTHER".to_owned());
    assert_eq!(ours, "E-SESSION-PASSWORD");
    assert!(text.contains("passwordSecretRef"), "the sentence names the cure: {text}");
}

#[test]
fn a_caller_that_nobody_knows_is_esid_03() {
    let (ours, text, theirs) = refused(Line::Tcp, |pair| pair.acme.odette_id = "O0013000009NOBODY");
    assert_eq!(ours, "E-SESSION-ESID-03");
    assert!(text.contains("odetteId"), "the sentence names the cure: {text}");
    assert_eq!(theirs, "E-SESSION-UNKNOWN-PARTNER");
}

#[test]
fn a_level_below_the_wanted_one_is_esid_10_and_never_spoken() {
    let (pair, _acme, _bolt) = running(Line::Tcp, Line::Nothing, |pair| {
        pair.acme.partner_extra = "  protocol: {highestLevel: \"1.3\"}\n".to_owned();
        pair.bolt.partner_extra = "  protocol: {level: \"2.0\"}\n".to_owned();
    });
    let entry = pair.acme.enqueue("bolt", &pair.acme.file("OLD.DAT", 1000), &[]);
    let row = wait_for_error(&pair.acme, entry);
    assert_eq!(row["error_code"], "E-SESSION-ESID-10", "{row}");
    pair.bolt.wait_for_code("E-SESSION-REFUSED-10");
    assert!(pair.bolt.journal_of("session_started").is_empty(), "no session came about");
}

#[test]
fn a_called_partner_that_answers_below_the_wanted_level_gets_no_file() {
    let (pair, _acme, _bolt) = running(Line::Tcp, Line::Nothing, |pair| {
        pair.acme.partner_extra = "  protocol: {level: \"2.0\"}\n".to_owned();
        pair.bolt.partner_extra = "  protocol: {highestLevel: \"1.3\"}\n".to_owned();
    });
    let entry = pair.acme.enqueue("bolt", &pair.acme.file("OLD.DAT", 1000), &[]);
    let row = wait_for_error(&pair.acme, entry);
    assert_eq!(row["error_code"], "E-SESSION-REFUSED-10", "{row}");
    assert!(pair.bolt.journal_of("file_received").is_empty(), "nothing was sent");
}

#[test]
fn a_certificate_that_nobody_knows_is_refused_by_the_receiver() {
    let (ours, text, _) = refused(Line::Tls, |pair| {
        pair.acme.identity = Identity::self_signed("127.0.0.1");
    });
    assert_eq!(ours, "E-TLS-REFUSED-BY-PARTNER", "{text}");
}

#[test]
fn a_called_partner_with_an_unknown_certificate_gets_no_file() {
    let (ours, text, _) = refused(Line::Tls, |pair| {
        pair.bolt.identity = Identity::self_signed("127.0.0.1");
    });
    assert_eq!(ours, "E-TLS-CERTIFICATE-UNKNOWN", "{text}");
}

#[test]
fn a_called_partner_with_an_expired_certificate_gets_no_file_until_it_has_a_new_one() {
    let mut pair = Pair::new();
    pair.acme.instance_extra = String::from(super::EAGER);
    pair.bolt.identity = Identity::self_signed_expired("127.0.0.1");
    pair.write(Line::Tls, Line::Nothing);
    let (_acme, _bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    let file = pair.acme.file("LATE.DAT", 1000);
    let entry = pair.acme.enqueue("bolt", &file, &[]);
    let row = wait_for_error(&pair.acme, entry);
    assert_eq!(row["error_code"], "E-TLS-CERTIFICATE-EXPIRED", "{row}");

    pair.bolt.identity = Identity::self_signed("127.0.0.1");
    pair.write(Line::Tls, Line::Nothing);
    pair.acme.reload();
    pair.bolt.reload();
    pair.acme.wait_for_state(entry, "acknowledged", super::RECOVERY);
    system::assert_each_arrived_once(&pair.acme, &pair.bolt, &[support::sha256(&file)]);
}

#[test]
fn an_expired_certificate_of_a_caller_is_refused_by_the_receiver_and_named_in_its_log() {
    let mut pair = Pair::new();
    pair.acme.instance_extra = String::from(super::EAGER);
    pair.acme.identity = Identity::self_signed_expired("127.0.0.1");
    pair.write(Line::Tls, Line::Nothing);
    let (_acme, bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    let entry = pair.acme.enqueue("bolt", &pair.acme.file("LATE.DAT", 1000), &[]);
    let row = wait_for_error(&pair.acme, entry);
    assert_eq!(row["error_code"], "E-TLS-REFUSED-BY-PARTNER", "{row}");
    let log = |line: &str| line.contains("E-TLS-CERTIFICATE-EXPIRED");
    bolt.0.wait_for_line(system::PATIENCE, log);
}
