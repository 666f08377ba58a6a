//! A partner's certificate that was revoked is refused wherever it is used, by a list that was fetched while
//! everything ran.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;
use support::{Authority, wait_until_blocking};
use system::{Company, FileKeys, Line, PATIENCE, Pair, Up, incoming, kill};

/// Publishes a list.
#[derive(Clone)]
struct Publisher {
    url: String,
    state: Arc<Mutex<Published>>,
}

#[derive(Default)]
struct Published {
    list: Vec<u8>,
    /// Callers that are answered by nothing, and kept.
    hangs: bool,
    hanging: Vec<TcpStream>,
    answered: usize,
}

impl Publisher {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/list.crl", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(Published::default()));
        let served = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &served);
            }
        });
        Self { url, state }
    }

    fn publish(&self, list: Vec<u8>) {
        self.state.lock().unwrap().list = list;
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<Published>) {
    let mut asked = Vec::new();
    let mut octets = [0; 1024];
    while !asked.ends_with(b"\r\n\r\n") {
        match stream.read(&mut octets) {
            Ok(read @ 1..) => asked.extend_from_slice(&octets[..read]),
            Ok(0) | Err(_) => return,
        }
    }
    let mut state = state.lock().unwrap();
    if state.hangs {
        state.hanging.push(stream);
        return;
    }
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", state.list.len());
    // Whoever asked may be gone.
    let _ = stream.write_all(&[head.as_bytes(), &state.list].concat());
    state.answered += 1;
}

/// Acme knows bolt by certificates of an authority that publishes a list.
struct Listed {
    pair: Pair,
    authority: Authority,
    publisher: Publisher,
}

impl Listed {
    fn new(mut pair: Pair) -> Self {
        let (authority, publisher) = (Authority::new("Authority"), Publisher::new());
        let issue = |name: &str| authority.listed(name, &publisher.url);
        pair.bolt.identity = issue("127.0.0.1");
        if pair.bolt.file_keys.is_some() {
            pair.bolt.file_keys = Some(FileKeys {
                sign: issue("bolt files"),
                decrypt: issue("bolt decryption"),
                receipts: issue("bolt receipts"),
                authenticate: issue("bolt sessions"),
            });
        }
        pair.acme.instance_extra.push_str("  revocation: {allowedAddresses: [127.0.0.0/8]}\n");
        publisher.publish(authority.list(1, &[]));
        Self { pair, authority, publisher }
    }

    /// Writes both companies' manifests, and the authority beside each certificate of bolt's.
    fn write(&self, acme_calls: Line, bolt_calls: Line) {
        self.pair.write(acme_calls, bolt_calls);
        let issuer =
            self.authority.pem().lines().map(|it| format!("    {it}\n")).collect::<Vec<_>>();
        let issuer = issuer.concat();
        for name in ["secrets.yaml", "file-keys.yaml"] {
            let file = self.pair.acme.directory.join(name);
            let Ok(text) = fs::read_to_string(&file) else { continue };
            let theirs = text.replace(
                "}\nstringData:\n  tls.crt: |\n",
                &format!("}}\nstringData:\n  ca.crt: |\n{issuer}  tls.crt: |\n"),
            );
            assert_ne!(theirs, text);
            fs::write(&file, theirs).unwrap();
        }
    }

    fn up(&self) -> [Up; 2] {
        let up = [self.pair.acme.up(), self.pair.bolt.up()];
        self.pair.acme.wait_until_ready();
        self.pair.bolt.wait_until_ready();
        up
    }

    /// Another list is there, and acme is told to look.
    fn revoke(&self, number: u64, list: Vec<u8>) {
        self.publisher.publish(list);
        self.pair.acme.reload();
        wait_for_list(&self.pair.acme, |list| list["counts"] == true && entries(list) == number);
    }
}

fn entries(list: &Value) -> u64 {
    list["entries"].as_u64().unwrap_or_default()
}

fn wait_for_list(company: &Company, is_there: impl Fn(&Value) -> bool) {
    wait_until_blocking("the list is there", PATIENCE, || {
        let lists = company.ok(["certificates", "--lists", "-o", "json"]);
        let lists: Value = serde_json::from_str(&lists).unwrap();
        lists.as_array().unwrap().iter().any(&is_there)
    });
}

#[test]
fn a_certificate_for_tls_that_was_revoked_is_refused_by_a_list_that_came_while_all_ran() {
    let listed = Listed::new(Pair::new());
    listed.write(Line::Tls, Line::Nothing);
    let _up = listed.up();
    let acme = &listed.pair.acme;
    wait_for_list(acme, |list| list["counts"] == true);
    let before = acme.enqueue("bolt", &acme.file("BEFORE.DAT", 1000), &[]);
    acme.wait_for_state(before, "acknowledged", PATIENCE);
    let said = acme.ok(["check"]);
    assert!(said.contains("revocation") && said.contains("names 0 certificates"), "{said}");
    let pid = acme.pid("seonsqd");

    listed.revoke(1, listed.authority.list(2, &[&listed.pair.bolt.identity]));
    wait_until_blocking("acme judges by it", PATIENCE, || {
        // Every daemon has it a moment after it is there; a call before that is rightly taken.
        let ping = acme.seon(["partner", "ping", "bolt"]);
        String::from_utf8_lossy(&ping.stderr).contains("E-TLS-CERTIFICATE-REVOKED")
            || String::from_utf8_lossy(&ping.stdout).contains("E-TLS-CERTIFICATE-REVOKED")
    });
    let after = acme.enqueue("bolt", &acme.file("AFTER.DAT", 1000), &[]);
    let row = acme.wait_for_code("E-TLS-CERTIFICATE-REVOKED");
    let text = row["text"].as_str().unwrap();
    for part in ["CN=Authority", "keyCompromise", &listed.publisher.url, "new certificate"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_ne!(acme.state(after), "acknowledged");
    assert_eq!(acme.pid("seonsqd"), pid, "nobody was started anew");
    let checked = acme.seon(["check"]);
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(!checked.status.success() && said.contains("was revoked"), "{said}");
    assert!(acme.ok(["certificates"]).contains("revoked"));
}

#[test]
fn files_and_receipts_that_are_signed_by_what_was_revoked_are_refused_with_the_reason() {
    let listed = Listed::new(Pair::secured());
    listed.write(Line::Tls, Line::Tcp);
    let _up = listed.up();
    let (acme, bolt) = (&listed.pair.acme, &listed.pair.bolt);
    let keys = bolt.file_keys.clone().unwrap();
    wait_for_list(acme, |list| list["counts"] == true);
    let before = bolt.enqueue("acme", &bolt.file("BEFORE.DAT", 1000), &[]);
    bolt.wait_for_state(before, "acknowledged", PATIENCE);
    let received = incoming(acme).len();

    listed.revoke(2, listed.authority.list(2, &[&keys.sign, &keys.receipts]));
    // Every daemon has it a moment after it is there.
    let mut number = 0;
    wait_until_blocking("a file is refused", PATIENCE, || {
        number += 1;
        let file = bolt.file(&format!("AFTER.{number}"), 1000);
        let entry = bolt.enqueue("acme", &file, &[]);
        wait_until_blocking("it is settled", PATIENCE, || {
            ["acknowledged", "rejected"].contains(&bolt.state(entry).as_str())
        });
        bolt.state(entry) == "rejected"
    });
    assert_eq!(incoming(acme).len(), received + number - 1, "what was refused is not delivered");
    let failed = acme.journal_of("file_failed");
    let failed = failed.last().unwrap();
    assert_eq!(failed["code"], "E-CMS-REVOKED", "{failed}");
    assert!(failed["text"].as_str().unwrap().contains("CN=bolt files"), "{failed}");

    // A receipt is looked at where it comes in, by whichever daemon that is.
    let sent = acme.enqueue("bolt", &acme.file("SENT.DAT", 1000), &[]);
    let refused = acme.wait_for_code("E-RECEIPT-REVOKED");
    assert!(refused["text"].as_str().unwrap().contains("CN=bolt receipts"), "{refused}");
    assert_eq!(acme.state(sent), "sent");
}

#[test]
fn a_list_whose_fetching_was_killed_is_fetched_by_the_next_tenure() {
    let listed = Listed::new(Pair::new());
    listed.publisher.state.lock().unwrap().hangs = true;
    listed.write(Line::Tls, Line::Nothing);
    let _up = listed.up();
    let acme = &listed.pair.acme;
    let hanging = || listed.publisher.state.lock().unwrap().hanging.len();
    wait_until_blocking("the list is being fetched", PATIENCE, || hanging() > 0);
    kill(acme.pid("seonsqd").unwrap());
    listed.publisher.state.lock().unwrap().hangs = false;
    wait_for_list(acme, |list| list["counts"] == true);
}
