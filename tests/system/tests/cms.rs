//! Packages handled by hand: no session, no daemon, no database. The `openssl` command is the other
//! side, both ways.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::Value;
use support::{Identity, Process, seon_binary, write_pseudo_random};
use system::{Company, FileKeys, Line, Pair, exit_code};

/// Two companies with keys, whose policy is this of each other.
fn pair(policy: &str) -> Pair {
    let mut pair = Pair::secured();
    for company in [&mut pair.acme, &mut pair.bolt] {
        policy.clone_into(&mut company.partner_extra);
    }
    pair.write(Line::Nothing, Line::Nothing);
    pair
}

/// A file that compresses, but not to nothing.
fn file(company: &Company, name: &str, octets: u64) -> PathBuf {
    let path = company.directory.join(name);
    write_pseudo_random(&path, octets, 14);
    let content: Vec<u8> = fs::read(&path).unwrap().into_iter().map(|it| it & 0x1f).collect();
    fs::write(&path, content).unwrap();
    path
}

fn cms(company: &Company, words: &[&str], from: &Path, to: &Path) -> Output {
    let paths = ["--to", to.to_str().unwrap(), from.to_str().unwrap(), "-o", "json"];
    company.seon([&["cms"], words, &paths].concat())
}

fn made(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn wrap(company: &Company, partner: &str, more: &[&str], from: &Path, to: &Path) -> Value {
    made(&cms(company, &[&["wrap", "--partner", partner], more].concat(), from, to))
}

fn unwrap(company: &Company, partner: &str, from: &Path, to: &Path) -> Output {
    cms(company, &["unwrap", "--partner", partner], from, to)
}

/// What `seon cms show` says, and its exit code.
fn show(company: &Company, package: &Path) -> (Value, i32) {
    let output = company.seon(["cms", "show", "-o", "json", package.to_str().unwrap()]);
    let code = exit_code(&output);
    (serde_json::from_slice(&output.stdout).unwrap(), code)
}

/// Nothing was written, neither under its name nor beside it, and this is why.
fn assert_refused(output: &Output, code: &str, to: &Path) {
    assert_eq!(exit_code(output), 1, "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.starts_with(code), "{told}");
    assert!(!to.exists());
    let beside = fs::read_dir(to.parent().unwrap()).unwrap().flatten();
    let left: Vec<_> = beside
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".seon-"))
        .collect();
    assert_eq!(left, [""; 0]);
}

/// The `openssl` command in a folder with both companies' keys.
struct OpenSsl(PathBuf);

impl OpenSsl {
    /// `None` if it is not installed.
    fn new(pair: &Pair) -> Option<Self> {
        Command::new("openssl").arg("version").output().ok()?;
        let folder = pair.acme.directory.join("openssl");
        fs::create_dir(&folder).unwrap();
        for (name, company) in [("acme", &pair.acme), ("bolt", &pair.bolt)] {
            let FileKeys { sign, decrypt, .. } = company.file_keys.as_ref().unwrap();
            for (purpose, key) in [("sign", sign), ("decrypt", decrypt)] {
                fs::write(folder.join(format!("{name}-{purpose}.crt")), &key.certificate_pem)
                    .unwrap();
                fs::write(folder.join(format!("{name}-{purpose}.key")), &key.key_pem).unwrap();
            }
        }
        Some(Self(folder))
    }

    /// `openssl cms` from a file to another one of its folder.
    fn cms(&self, words: &str, from: &Path, to: &str) -> PathBuf {
        let to = self.0.join(to);
        let output = Command::new("openssl")
            .arg("cms")
            .args(words.split_whitespace())
            .args(["-binary".as_ref(), "-in".as_ref(), from, "-out".as_ref(), to.as_path()])
            .current_dir(&self.0)
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl cms {words}: {errors}");
        to
    }
}

/// OpenSSL's command, or the end of the test.
macro_rules! openssl {
    ($pair:expr) => {
        match OpenSsl::new($pair) {
            Some(openssl) => openssl,
            None => support::skip!(openssl, "openssl is not installed"),
        }
    };
}

const NO_POLICY: &str = "";
const SIGNED_AND_ENCRYPTED: &str = "  security:
    outbound: {sign: Required, encrypt: Required}
    inbound: {sign: Required, encrypt: Required}
";

#[test]
fn openssl_opens_what_is_wrapped_for_a_partner_by_its_policy() {
    let pair = pair(SIGNED_AND_ENCRYPTED);
    let openssl = openssl!(&pair);
    let original = file(&pair.acme, "ORDER", 700_000);
    let package = pair.acme.directory.join("ORDER.p7m");
    let answer = wrap(&pair.acme, "bolt", &[], &original, &package);
    assert_eq!(answer["octets"], fs::metadata(&package).unwrap().len());
    assert_eq!(answer["security"]["suite"], "04");
    let signed = openssl.cms(
        "-decrypt -inform DER -recip bolt-decrypt.crt -inkey bolt-decrypt.key",
        &package,
        "signed",
    );
    let verify = "-verify -noverify -inform DER -certfile acme-sign.crt";
    let content = openssl.cms(verify, &signed, "content");
    assert!(fs::read(content).unwrap() == fs::read(original).unwrap());
    assert!(!pair.acme.data().exists(), "no database, no spool");
}

#[test]
fn what_openssl_signed_and_encrypted_is_opened_with_the_name_of_the_signer() {
    let pair = pair(SIGNED_AND_ENCRYPTED);
    let openssl = openssl!(&pair);
    let original = file(&pair.acme, "ORDER", 700_000);
    let sign = "-sign -nodetach -outform DER -stream -signer acme-sign.crt -inkey acme-sign.key";
    let inner = openssl.cms(sign, &original, "inner");
    let encrypt = "-encrypt -outform DER -stream -aes256 -recip bolt-decrypt.crt";
    let package = openssl.cms(encrypt, &inner, "package");
    let to = pair.bolt.directory.join("ORDER");
    let answer = made(&unwrap(&pair.bolt, "acme", &package, &to));
    assert!(fs::read(&to).unwrap() == fs::read(&original).unwrap());
    assert_eq!((&answer["octets"], &answer["security"]["suite"]), (&700_000.into(), &"04".into()));
    assert!(answer["signer"].as_str().unwrap().contains("acme files"), "{answer}");

    let (shown, code) = show(&pair.bolt, &package);
    assert_eq!(code, 0);
    assert_eq!((&shown["content"], &shown["sound"]), (&700_000.into(), &true.into()));
    let [outer, inner] = shown["layers"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    assert_eq!((&outer["layer"], &outer["cipher"]), (&"encrypted".into(), &"AES-256".into()));
    assert_eq!(outer["key"]["secret"], "bolt-decrypt");
    let signer = &inner["signers"][0];
    assert_eq!((&signer["digest"], &signer["fault"]), (&"SHA-256".into(), &Value::Null));
    assert_eq!(signer["certificate"]["partner"], "acme");
    assert_eq!(signer["certificate"]["secret"], "acme-sign");
    assert!(shown["certificates"][0].as_str().unwrap().contains("acme files"), "{shown}");
}

#[test]
fn what_one_company_wraps_the_other_unwraps_in_each_shape() {
    let pair = pair(NO_POLICY);
    let original = file(&pair.acme, "ORDER", 300_000);
    let package = pair.acme.directory.join("ORDER.p7m");
    let to = pair.bolt.directory.join("ORDER");
    for (words, layers) in [
        ("--sign", vec!["signed"]),
        ("--encrypt --suite 06", vec!["encrypted"]),
        ("--compress", vec!["compressed"]),
        ("--sign --compress --encrypt --suite 07", vec!["encrypted", "compressed", "signed"]),
    ] {
        wrap(&pair.acme, "bolt", &words.split(' ').collect::<Vec<_>>(), &original, &package);
        made(&unwrap(&pair.bolt, "acme", &package, &to));
        assert!(fs::read(&to).unwrap() == fs::read(&original).unwrap(), "{words}");
        let (shown, code) = show(&pair.bolt, &package);
        let shown: Vec<_> =
            shown["layers"].as_array().unwrap().iter().map(|it| it["layer"].clone()).collect();
        assert_eq!((shown, code), (layers.into_iter().map(Value::from).collect(), 0), "{words}");
    }
}

#[test]
fn what_the_policy_does_not_let_be_done_is_refused_and_so_is_doing_nothing() {
    let pair = pair(SIGNED_AND_ENCRYPTED);
    let original = file(&pair.acme, "ORDER", 1000);
    let to = pair.acme.directory.join("ORDER.p7m");
    let unsigned = ["wrap", "--partner", "bolt", "--sign=no"];
    assert_refused(&cms(&pair.acme, &unsigned, &original, &to), "E-POLICY-REQUIRED", &to);
    let weak = ["wrap", "--partner", "bolt", "--suite", "01"];
    assert_refused(&cms(&pair.acme, &weak, &original, &to), "E-POLICY-SUITE", &to);
    let nobody = cms(&pair.acme, &["wrap", "--partner", "nobody"], &original, &to);
    assert_eq!((exit_code(&nobody), to.exists()), (64, false));
    let pair = self::pair(NO_POLICY);
    let original = file(&pair.acme, "ORDER", 1000);
    let nothing = cms(&pair.acme, &["wrap", "--partner", "bolt"], &original, &to);
    assert_eq!((exit_code(&nothing), to.exists()), (64, false), "{nothing:?}");
}

#[test]
fn what_was_tampered_with_or_cut_off_is_never_there_under_its_name() {
    let pair = pair(NO_POLICY);
    let original = file(&pair.acme, "ORDER", 900_000);
    let package = pair.acme.directory.join("ORDER.p7m");
    let to = pair.bolt.directory.join("ORDER");
    for (words, changed, cut) in [
        ("--sign", "E-CMS-SIGNATURE", "E-CMS-STRUCTURE"),
        ("--compress", "E-CMS-DECOMPRESS", "E-CMS-STRUCTURE"),
        ("--encrypt --compress", "E-CMS-DECRYPT", "E-CMS-STRUCTURE"),
    ] {
        wrap(&pair.acme, "bolt", &words.split(' ').collect::<Vec<_>>(), &original, &package);
        let whole = fs::read(&package).unwrap();
        let mut octets = whole.clone();
        octets[whole.len() / 2] ^= 1;
        fs::write(&package, &octets).unwrap();
        assert_refused(&unwrap(&pair.bolt, "acme", &package, &to), changed, &to);
        fs::write(&package, &whole[..whole.len() / 2]).unwrap();
        assert_refused(&unwrap(&pair.bolt, "acme", &package, &to), cut, &to);
        assert_eq!(show(&pair.bolt, &package).1, 1, "{words}");
    }
}

#[test]
fn a_command_that_is_killed_half_way_leaves_what_was_there() {
    let pair = pair(NO_POLICY);
    let original = file(&pair.acme, "ORDER", 900_000);
    let package = pair.acme.directory.join("ORDER.p7m");
    wrap(&pair.acme, "bolt", &["--sign"], &original, &package);
    let pipe = pair.bolt.directory.join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let to = pair.bolt.directory.join("ORDER");
    fs::write(&to, "before").unwrap();
    let folder = pair.bolt.directory.to_str().unwrap();
    let words = ["-c", folder, "cms", "unwrap", "--partner", "acme"];
    let paths = [pipe.to_str().unwrap(), "--to", to.to_str().unwrap()];
    let mut command = Process::start(seon_binary(), words.iter().chain(&paths));
    // More than a pipe holds: this ends when most of it was read.
    let mut half = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    half.write_all(&fs::read(&package).unwrap()[..800_000]).unwrap();
    command.kill();
    assert_eq!(fs::read(&to).unwrap(), b"before");
}

#[test]
fn a_package_that_is_less_than_the_policy_asks_or_signed_by_a_stranger_is_not_opened() {
    let mut pair = pair(NO_POLICY);
    let original = file(&pair.acme, "ORDER", 1000);
    let package = pair.acme.directory.join("ORDER.p7m");
    let to = pair.bolt.directory.join("ORDER");
    pair.bolt.partner_extra = SIGNED_AND_ENCRYPTED.to_owned();
    pair.bolt.write(&pair.acme, Line::Nothing);
    for (words, code) in [
        ("--sign", "E-FILE-UNENCRYPTED"),
        ("--encrypt", "E-FILE-UNSIGNED"),
        ("--compress", "E-FILE-UNENCRYPTED"),
    ] {
        wrap(&pair.acme, "bolt", &[words], &original, &package);
        assert_refused(&unwrap(&pair.bolt, "acme", &package, &to), code, &to);
    }
    fs::write(&package, "no package at all").unwrap();
    assert_refused(&unwrap(&pair.bolt, "acme", &package, &to), "E-CMS-STRUCTURE", &to);

    pair.acme.file_keys.as_mut().unwrap().sign = FileKeys::of("stranger").sign;
    pair.acme.write(&pair.bolt, Line::Nothing);
    let all = ["--sign", "--encrypt", "--compress"];
    wrap(&pair.acme, "bolt", &all, &original, &package);
    assert_refused(&unwrap(&pair.bolt, "acme", &package, &to), "E-CMS-SIGNER", &to);
    let (shown, code) = show(&pair.bolt, &package);
    assert_eq!((code, &shown["fault"]["code"]), (0, &"E-CMS-SIGNER".into()), "{shown}");
    let layers: Vec<_> =
        shown["layers"].as_array().unwrap().iter().map(|layer| &layer["layer"]).collect();
    assert_eq!(layers, ["encrypted", "compressed", "signed"]);
    let signer = &shown["layers"][2]["signers"][0];
    assert!(signer["fault"].as_str().unwrap().contains("stranger files"), "{signer}");
    assert_eq!((&signer["certificate"], &shown["content"]), (&Value::Null, &1000.into()));
}

#[test]
fn a_package_that_is_signed_by_an_expired_certificate_is_not_opened_and_its_date_is_told() {
    let mut pair = pair(NO_POLICY);
    pair.acme.file_keys.as_mut().unwrap().sign = Identity::rsa_expired("acme files of before");
    pair.acme.write(&pair.bolt, Line::Nothing);
    pair.bolt.write(&pair.acme, Line::Nothing);
    let openssl = openssl!(&pair);
    let original = file(&pair.acme, "ORDER", 1000);
    let sign = "-sign -nodetach -md sha256 -outform DER -signer acme-sign.crt -inkey acme-sign.key";
    let package = openssl.cms(sign, &original, "signed");
    let to = pair.bolt.directory.join("ORDER");
    let refused = unwrap(&pair.bolt, "acme", &package, &to);
    assert_refused(&refused, "E-CMS-SIGNER", &to);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert!(told.contains("acme files of before") && told.contains("expired"), "{told}");
}

#[test]
fn without_its_keys_a_package_is_shown_as_far_as_it_can_be_read() {
    let pair = pair(NO_POLICY);
    let original = file(&pair.acme, "ORDER", 1000);
    let package = pair.acme.directory.join("ORDER.p7m");
    wrap(&pair.acme, "bolt", &["--sign", "--encrypt"], &original, &package);
    // Whoever made it cannot read it.
    let (shown, code) = show(&pair.acme, &package);
    assert_eq!((code, &shown["fault"]["code"]), (0, &"E-CMS-RECIPIENT".into()), "{shown}");
    let layer = &shown["layers"][0];
    assert!(layer["recipients"][0].as_str().unwrap().contains("bolt decryption"), "{shown}");
    assert_eq!((&layer["key"], &shown["content"]), (&Value::Null, &Value::Null));
    // Where only the keys are missing, as in the pods of other daemons, signatures are verified.
    for manifest in fs::read_dir(&pair.bolt.directory).unwrap().map(|it| it.unwrap().path()) {
        if manifest.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(&manifest).unwrap();
            let without = text.replace("metadata: {name: bolt-decrypt}", "metadata: {name: other}");
            fs::write(&manifest, without).unwrap();
        }
    }
    let signed = pair.acme.directory.join("SIGNED.p7m");
    wrap(&pair.acme, "bolt", &["--sign"], &original, &signed);
    let (shown, code) = show(&pair.bolt, &signed);
    assert_eq!((code, &shown["fault"]), (0, &Value::Null), "{shown}");
    assert_eq!(shown["layers"][0]["signers"][0]["certificate"]["partner"], "acme");
    assert!(shown["without_keys"].as_str().unwrap().contains("bolt-decrypt"), "{shown}");
    // Who has no instance at all reads no more, and is told so.
    wrap(&pair.acme, "bolt", &["--sign"], &original, &package);
    let nowhere = pair.acme.directory.join("nowhere");
    fs::create_dir(&nowhere).unwrap();
    let path = package.to_str().unwrap();
    let text = pair.acme.ok(["-c", nowhere.to_str().unwrap(), "cms", "show", path]);
    assert!(text.contains("signed\n  by "), "{text}");
    assert!(text.contains("read without keys: ") && text.contains("E-CMS-SIGNER"), "{text}");
}

#[test]
fn what_a_daemon_received_is_listed_with_its_signer_its_place_and_what_is_wrong_with_it() {
    let mut pair = Pair::secured();
    pair.write(Line::Tcp, Line::Tcp);
    let _up = [pair.acme.up(), pair.bolt.up()];
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    let good = pair.acme.enqueue("bolt", &file(&pair.acme, "GOOD", 5000), &[]);
    pair.acme.wait_for_state(good, "acknowledged", system::PATIENCE);
    pair.acme.file_keys.as_mut().unwrap().sign = FileKeys::of("stranger").sign;
    pair.acme.write(&pair.bolt, Line::Tcp);
    pair.acme.reload();
    let forged = file(&pair.acme, "FORGED", 5000);
    support::wait_until_blocking("one is signed by the new key", system::PATIENCE, || {
        let entry = pair.acme.enqueue("bolt", &forged, &[]);
        let is_over = || {
            let state = pair.acme.state(entry);
            ["acknowledged", "rejected"].contains(&state.as_str()).then_some(state)
        };
        support::wait_until_blocking("it is answered", system::PATIENCE, is_over) == "rejected"
    });
    let received = |more: &[&str]| -> Vec<Value> {
        let words = [&["received", "-o", "json"], more].concat();
        serde_json::from_str(&pair.bolt.ok(words)).unwrap()
    };
    let all = received(&["--partner", "acme"]);
    assert_eq!((&all[0]["dataset_name"], &all[0]["state"]), (&"GOOD".into(), &"delivered".into()));
    assert!(all[0]["signer"].as_str().unwrap().contains("acme files"), "{all:?}");
    assert_eq!(
        (&all[0]["original_octets"], &all[0]["security"]["encrypted"]),
        (&5000.into(), &true.into())
    );
    assert_eq!(fs::metadata(all[0]["target"].as_str().unwrap()).unwrap().len(), 5000);
    let failed = received(&["--state", "failed"]);
    assert_eq!((failed.len(), &failed[0]["error_code"]), (1, &"E-CMS-SIGNER".into()));
    assert!(failed[0]["error_text"].as_str().unwrap().contains("stranger files"), "{failed:?}");
    assert_eq!(failed[0].get("target"), None);
    let table = pair.bolt.ok(["received"]);
    assert!(table.contains("SECURITY") && table.contains("E-CMS-SIGNER"), "{table}");
}
