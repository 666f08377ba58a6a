//! What is secret is in nothing that a company leaves behind, however much it logs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here is a test"
)]

use std::fs;
use std::path::Path;

use support::Identity;
use system::{Company, Line, PATIENCE, Pair, Up};

/// A secret, and the forms in which it could show itself.
struct Secret {
    what: String,
    forms: Vec<Vec<u8>>,
}

impl Secret {
    fn password(company: &Company) -> Self {
        let password = company.password.as_bytes().to_vec();
        let hexadecimal = format!("{password:02x?}").replace(['[', ']', ',', ' '], "");
        let list = format!("{password:?}").replace(['[', ']'], "");
        let forms = vec![password, hexadecimal.into_bytes(), list.into_bytes()];
        Self { what: format!("the password of {}", company.name), forms }
    }

    fn key(what: String, identity: &Identity) -> Self {
        // As it stands in a PEM file, and what only the key's owner has of it.
        let line = identity.key_pem.lines().rev().nth(2).unwrap().as_bytes().to_vec();
        Self { what, forms: vec![line, identity.private_octets()] }
    }

    fn all(company: &Company) -> Vec<Self> {
        let keys = company.file_keys.as_ref().unwrap();
        let purposes = [
            ("signs files", &keys.sign),
            ("decrypts files", &keys.decrypt),
            ("signs receipts", &keys.receipts),
            ("authenticates", &keys.authenticate),
            ("speaks TLS", &company.identity),
        ];
        let keys = purposes
            .map(|(what, key)| Self::key(format!("the key of {} that {what}", company.name), key));
        keys.into_iter().chain([Self::password(company)]).collect()
    }

    /// Fails if any of its forms is there.
    fn assert_not_in(&self, place: &str, octets: &[u8]) {
        for form in &self.forms {
            assert_eq!(find(octets, form), None, "{} is in {place}", self.what);
        }
    }
}

fn find(octets: &[u8], form: &[u8]) -> Option<usize> {
    octets.windows(form.len()).position(|octets| octets == form)
}

#[test]
fn no_password_and_no_key_is_in_a_log_a_database_a_report_or_a_file_beside_its_secret() {
    let mut pair = Pair::secured();
    for company in [&mut pair.acme, &mut pair.bolt] {
        // Nothing that other words have in them.
        company.password = format!("Q7{}Z", company.name.to_uppercase());
        company.instance_extra.push_str("  debug: {level: Trace}\n");
    }
    pair.write(Line::Tls, Line::Tcp);
    let up = [pair.acme.up(), pair.bolt.up()];
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    let sent = pair.acme.enqueue("bolt", &pair.acme.file("THERE", 300_000), &[]);
    let back = pair.bolt.enqueue("acme", &pair.bolt.file("BACK", 1000), &[]);
    pair.acme.wait_until_acknowledged(&[sent], PATIENCE);
    pair.bolt.wait_until_acknowledged(&[back], PATIENCE);
    // A wrong password is refused by name, and is somebody's right one elsewhere.
    rewrite(&pair.acme.directory.join("secrets.yaml"), &pair.acme.password, "Q7WRONGZ");
    pair.acme.reload();
    pair.acme.enqueue("bolt", &pair.acme.file("REFUSED", 1000), &[]);
    pair.bolt.wait_for_code("E-SESSION-PASSWORD");

    let secrets: Vec<_> = [&pair.acme, &pair.bolt].into_iter().flat_map(Secret::all).collect();
    for (company, Up(up)) in [&pair.acme, &pair.bolt].into_iter().zip(&up) {
        let name = company.name;
        let mut places = vec![(format!("the log of {name}"), up.output().join("\n").into_bytes())];
        let asked =
            ["check", "ps", "queue --all", "journal", "received", "receipts", "certificates"];
        for words in asked {
            for form in ["table", "json"] {
                let output = company.seon(words.split(' ').chain(["-o", form]));
                let said = [output.stdout, output.stderr].concat();
                places.push((format!("what seon {words} -o {form} says at {name}"), said));
            }
        }
        add_files(&company.data(), &mut places);
        // What is no secret is there to be found.
        for kind in [&format!("the log of {name}"), "what seon journal -o json", "seon.db"] {
            let mut of_kind = places.iter().filter(|(place, _)| place.contains(kind));
            assert!(of_kind.any(|(_, octets)| find(octets, b"THERE").is_some()), "{kind}");
        }
        for secret in &secrets {
            for (place, octets) in &places {
                secret.assert_not_in(place, octets);
            }
        }
    }
    for daemon in pair.acme.daemons() {
        let limits = fs::read_to_string(format!("/proc/{}/limits", daemon["pid"])).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("1"), "{core}");
    }
}

/// Every file of a company's data: its database, its spool, what came and what is to go.
fn add_files(folder: &Path, places: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            add_files(&path, places);
        } else if kind.is_file()
            && let Ok(octets) = fs::read(&path)
        {
            places.push((path.display().to_string(), octets));
        }
    }
}

fn rewrite(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from));
    fs::write(path, text.replace(from, to)).unwrap();
}
