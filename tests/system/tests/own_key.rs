//! A key of ours from its request to the Secret that daemons take, with OpenSSL as the authority.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::Value;
use support::{TemporaryDirectory, guarded_command, seon_binary, skip};
use system::{Company, Line, Pair};

const SUBJECT: &str = r"CN=acme files,OU=EDI\, East,O=Acme AG,C=DE";

fn seon(folder: &Path, words: &[&str]) -> Output {
    guarded_command(seon_binary()).args(words).current_dir(folder).output().unwrap()
}

fn ok(folder: &Path, words: &[&str]) -> String {
    let output = seon(folder, words);
    let [text, errors] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    assert!(output.status.success(), "{words:?}: {text}{errors}");
    text.into_owned()
}

fn refused(folder: &Path, words: &[&str], code: &str) -> String {
    let output = seon(folder, words);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && errors.contains(code), "{words:?}: {errors}");
    errors
}

/// Runs `openssl` on files of the folder.
fn openssl(folder: &Path, words: &str) -> String {
    let output =
        guarded_command("openssl").args(words.split(' ')).current_dir(folder).output().unwrap();
    let [text, errors] = [&output.stdout, &output.stderr].map(|it| String::from_utf8_lossy(it));
    assert!(output.status.success(), "openssl {words}: {text}{errors}");
    text.into_owned()
}

/// A root `root.pem`, and an authority below it that issues, `issuing.pem`.
fn authorities(folder: &Path) {
    let new = "req -x509 -newkey rsa:2048 -nodes -days 30";
    openssl(folder, &format!("{new} -subj /CN=root -keyout root.key -out root.pem"));
    openssl(
        folder,
        &format!(
            "{new} -subj /CN=issuing -CA root.pem -CAkey root.key -keyout issuing.key -out issuing.pem"
        ),
    );
}

/// The issuing authority's answer to a request, `answer.pem`.
fn sign(folder: &Path, name: &str, days: &str) {
    openssl(
        folder,
        &format!(
            "x509 -req -in {name}.csr.pem -CA issuing.pem -CAkey issuing.key -copy_extensions copyall \
             -days {days} -out answer.pem"
        ),
    );
}

#[test]
fn a_request_asks_openssl_for_what_a_strict_partner_wants_and_every_form_of_answer_is_taken() {
    if guarded_command("openssl").arg("version").output().is_err() {
        skip!(openssl, "openssl is not installed");
    }
    let directory = TemporaryDirectory::new();
    let folder = directory.path();
    authorities(folder);
    let request = ["certificates", "request", "acme-files", "--for", "Sign,SignReceipt"];
    let said = ok(folder, &[&request[..], &["--subject", SUBJECT]].concat());
    assert!(said.contains("acme-files.key.pem") && said.contains("certificates import"), "{said}");
    let mode = fs::metadata(folder.join("acme-files.key.pem")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = openssl(folder, "req -in acme-files.csr.pem -verify -noout -text -nameopt RFC2253");
    for wanted in ["Digital Signature", "E-mail Protection", "(3072 bit)", SUBJECT] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }

    sign(folder, "acme-files", "20");
    openssl(folder, "x509 -in answer.pem -outform DER -out answer.der");
    let bundle = "crl2pkcs7 -nocrl -certfile root.pem -certfile issuing.pem -certfile answer.pem";
    openssl(folder, &format!("{bundle} -out answer.p7b"));
    openssl(folder, &format!("{bundle} -outform DER -out answer.p7c"));
    let import =
        ["certificates", "import", "acme-files", "--for", "Sign,SignReceipt", "-o", "json"];
    let mut secrets = Vec::new();
    for answer in [
        &["answer.pem", "root.pem", "issuing.pem"][..],
        &["issuing.pem", "answer.der"],
        &["answer.p7b"],
        &["answer.p7c"],
    ] {
        let imported: Value =
            serde_json::from_str(&ok(folder, &[&import[..], answer].concat())).unwrap();
        assert_eq!(
            imported["chain"],
            Value::from(["CN=acme files,OU=EDI\\, East,O=Acme AG,C=DE", "CN=issuing"].as_slice()),
            "{answer:?}"
        );
        assert_eq!(imported["notes"], Value::Array(Vec::new()), "{answer:?}");
        let secret = folder.join("acme-files.secret.yaml");
        assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
        secrets.push(fs::read_to_string(&secret).unwrap());
        // The next import would write over it.
        refused(folder, &[&import[..], answer].concat(), "E-KEY-EXISTS");
        fs::remove_file(secret).unwrap();
        fs::remove_file(folder.join("acme-files.crt.pem")).unwrap();
    }
    assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    daemons_take(&secrets[0]);
}

/// An instance whose files are signed by the key in this Secret.
fn daemons_take(secret: &str) {
    let mut pair = Pair::new();
    pair.write(Line::Tcp, Line::Tcp);
    let Company { directory, .. } = &mut pair.acme;
    fs::write(directory.join("files.yaml"), secret).unwrap();
    let instance = directory.join("instance.yaml");
    let manifest = fs::read_to_string(&instance).unwrap();
    let certificates =
        "  certificates: [{purpose: [Sign, SignReceipt], secretRef: {name: acme-files}}]\n";
    fs::write(&instance, format!("{}\n{certificates}", manifest.trim_end())).unwrap();
    let found: Value = serde_json::from_str(&pair.acme.ok(["certificates", "-o", "json"])).unwrap();
    let own = &found["certificates"][0];
    assert_eq!((&own["owner"], &own["source"]), (&"acme".into(), &"acme-files".into()), "{found}");
    assert_eq!(own["purposes"], Value::from(["Sign", "SignReceipt"].as_slice()), "{found}");
}

#[test]
fn a_key_for_tls_asks_for_the_names_by_which_partners_call() {
    let directory = TemporaryDirectory::new();
    let folder = directory.path();
    let request = ["certificates", "request", "acme-tls", "--for", "Tls", "--subject", "CN=acme"];
    refused(folder, &request, "E-KEY-HOST");
    refused(folder, &[&request[..], &["--host", "no host"]].concat(), "E-KEY-HOST");
    let hosts = ["--host", "oftp.acme.example", "--host", "192.0.2.10", "--key", "p256"];
    ok(folder, &[&request[..], &hosts].concat());
    let text = openssl(folder, "req -in acme-tls.csr.pem -verify -noout -text");
    for wanted in
        ["DNS:oftp.acme.example", "192.0.2.10", "TLS Web Client", "TLS Web Server", "prime256v1"]
    {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    let key = fs::read(folder.join("acme-tls.key.pem")).unwrap();
    refused(folder, &[&request[..], &hosts].concat(), "E-KEY-EXISTS");
    assert_eq!(fs::read(folder.join("acme-tls.key.pem")).unwrap(), key, "nothing is written over");
}

#[test]
fn what_cannot_be_used_is_refused_and_leaves_nothing() {
    let directory = TemporaryDirectory::new();
    let folder = directory.path();
    authorities(folder);
    let named = |name| ["certificates", "request", name, "--subject", "CN=acme", "--for"];
    refused(folder, &[&named("a")[..], &["Sign", "--key", "p256"]].concat(), "E-KEY-KIND");
    refused(folder, &[&named("../a")[..], &["Sign"]].concat(), "E-KEY-NAME");
    let words = ["certificates", "request", "a", "--for", "Sign", "--subject", "acme"];
    refused(folder, &words, "is not a subject");
    ok(folder, &[&named("one")[..], &["Sign"]].concat());
    ok(folder, &[&named("other")[..], &["Decrypt"]].concat());
    sign(folder, "other", "20");
    let import = |name, answer| ["certificates", "import", name, "--for", "Sign", answer];
    let said = refused(folder, &import("one", "answer.pem"), "E-KEY-OTHER");
    assert!(said.contains("CN=acme") && said.contains("one.key.pem"), "{said}");
    refused(folder, &import("none", "answer.pem"), "E-IO");
    refused(folder, &import("one", "one.csr.pem"), "E-KEY-ANSWER");
    fs::copy(folder.join("one.csr.pem"), folder.join("bad.key.pem")).unwrap();
    refused(folder, &import("bad", "answer.pem"), "E-KEY-UNREADABLE");
    // A key for decryption that is put in place for signing: it is said, and it can be meant.
    let said = ok(folder, &import("other", "answer.pem"));
    assert!(said.contains("is not for signing files") && said.contains("Strict"), "{said}");
    let left = |end: &str| {
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        files.filter(|file| file.to_str().unwrap().ends_with(end)).count()
    };
    assert_eq!(
        (left(".secret.yaml"), left(".crt.pem")),
        (1, 1),
        "of what was refused nothing is left"
    );
}
