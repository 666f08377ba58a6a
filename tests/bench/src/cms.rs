//! Files signed, compressed and encrypted, and back: beside `openssl` and `pigz` in a pipe, which do
//! the same to the same octets.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use support::{Identity, Process, TemporaryDirectory, guarded_command};

use crate::Arguments;
use crate::codec::median;
use crate::company::secret;
use crate::content::Content;
use crate::files;
use crate::logon;
use crate::machine::program;
use crate::poll;
use crate::report::{Figure, Goal, Line, Peer};
use crate::transfer::secured_and_plain;

const LIMIT: Duration = Duration::from_mins(30);

/// What a package of any size may take of the memory.
const MOST_MEMORY: f64 = 32.0;

pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Line>> {
    let place = TemporaryDirectory::new();
    let run = Run {
        companies: Companies::make(&place, &arguments.seon)?,
        peer: Pipe::find(),
        octets: if arguments.quick { 64 << 20 } else { 1 << 30 },
        rounds: arguments.tuning.rounds.unwrap_or(1),
        place,
    };
    let mut lines = Vec::new();
    for content in Content::ALL {
        lines.extend(run.both_ways(content).await?);
    }
    lines.push(run.whole_way(arguments).await?);
    lines.push(signed_receipts(arguments).await?);
    lines.push(logon::authenticated_sessions(arguments).await?);
    lines.push(logon::tls_handshakes(arguments).await?);
    lines.extend(run.memory(if arguments.quick { 256 << 20 } else { 10 << 30 }).await?);
    Ok(lines)
}

struct Run {
    companies: Companies,
    peer: Result<Pipe, String>,
    octets: u64,
    rounds: usize,
    place: TemporaryDirectory,
}

/// Rates, and octets of the packages.
#[derive(Default)]
struct Rounds {
    wrapped: Vec<f64>,
    unwrapped: Vec<f64>,
    octets: u64,
}

impl Run {
    async fn both_ways(&self, content: Content) -> anyhow::Result<[Line; 2]> {
        let source = self.place.join("source");
        content.write(&source, self.octets)?;
        let [package, again] = ["package", "again"].map(|name| self.place.join(name));
        let (mut ours, mut theirs) = (Rounds::default(), Rounds::default());
        for _ in 0..self.rounds {
            let took = self.companies.wrap(&source, &package, SECURED).await?.seconds;
            ours.wrapped.push(self.rate(took));
            ours.octets = fs::metadata(&package)?.len();
            let took = self.companies.unwrap(&package, &again).await?.seconds;
            ours.unwrapped.push(self.rate(took));
            ensure!(is_same(&source, &again)?, "what was unwrapped is not what was wrapped");
            if let Ok(pipe) = &self.peer {
                let keys = &self.companies;
                theirs.wrapped.push(self.rate(timed(|| pipe.wrap(keys, &source, &package))?));
                theirs.octets = fs::metadata(&package)?.len();
                theirs.unwrapped.push(self.rate(timed(|| pipe.unwrap(keys, &package, &again))?));
                ensure!(is_same(&source, &again)?, "what openssl gave is not what it was given");
            }
        }
        for path in [source, package, again] {
            let _ = fs::remove_file(path);
        }
        let note = format!(
            "{} octets, `seon cms` file to file, suite 04 (SHA-256, AES-256-CBC), RSA 2048; the package \
             has {:.1}% of them",
            self.octets,
            self.share(ours.octets)
        );
        let name = |way: &str| format!("cms: {way}, {}", content.name());
        let wrap = Line::measured(name("sign + compress + encrypt"), rate(median(ours.wrapped)));
        let unwrap = Line::measured(name("and back"), rate(median(ours.unwrapped)));
        Ok(match &self.peer {
            Ok(_) => [
                wrap.beside(Peer::new("openssl | pigz", rate(median(theirs.wrapped))))
                    .goal(Goal::RatioAtLeast(1.5))
                    .note(note)
                    .note(format!(
                        "openssl cms -sign | pigz -z -p 1 | openssl cms -encrypt, the same file right \
                         afterwards; {:.1}% of its octets",
                        self.share(theirs.octets)
                    )),
                unwrap
                    .beside(Peer::new("openssl | pigz", rate(median(theirs.unwrapped))))
                    .goal(Goal::RatioAtLeast(1.0))
                    .note("openssl cms -decrypt | pigz -d -z | openssl cms -verify, its own package"),
            ],
            Err(reason) => [
                wrap.note(note).note(format!("SKIPPED the comparison with openssl: {reason}")),
                unwrap,
            ],
        })
    }

    /// From the queue to the signed receipt.
    async fn whole_way(&self, arguments: &Arguments) -> anyhow::Result<Line> {
        let source = self.place.join("source");
        Content::Cad.write(&source, self.octets)?;
        let [secured, plain] = secured_and_plain(arguments, &source).await?;
        fs::remove_file(&source)?;
        Ok(Line::measured("cms: file to file, signed receipt", rate(self.rate(secured)))
            .beside(Peer::new("not secured", rate(self.rate(plain))))
            .note(format!(
                "{} octets, CAD-like; from the entry in acme's queue to the receipt in acme's database, \
                 one session by TCP on one machine",
                self.octets
            )))
    }

    /// Of a file that is too large for any memory, and of OpenSSL's at a part of it.
    async fn memory(&self, octets: u64) -> anyhow::Result<Vec<Line>> {
        let [source, package, again] =
            ["source", "package", "again"].map(|name| self.place.join(name));
        let names = ["cms: memory while it wraps", "cms: memory while it unwraps"];
        if let Err(reason) = has_room(self.place.path(), 3 * octets) {
            return Ok(names.map(|name| Line::skipped(name, reason.clone())).into());
        }
        Content::Random.write(&source, octets)?;
        let wrapped = self.companies.wrap(&source, &package, "--compress=no").await?;
        fs::remove_file(&source)?;
        let unwrapped = self.companies.unwrap(&package, &again).await?;
        let _ = (fs::remove_file(&package), fs::remove_file(&again));
        let note =
            format!("{octets} octets, signed and encrypted; the most that was resident (VmHWM)");
        let line = |name, ran: &Ran| {
            Line::measured(name, Figure::new(ran.mebibytes, "MiB")).goal(Goal::Below(MOST_MEMORY))
        };
        let [wraps, unwraps] = names;
        let (wraps, unwraps) = (line(wraps, &wrapped).note(note), line(unwraps, &unwrapped));
        let Ok(pipe) = &self.peer else { return Ok(vec![wraps, unwraps]) };
        // OpenSSL holds what it decrypts: no machine has room for all of it.
        let part = octets / 10;
        Content::Random.write(&source, part)?;
        self.companies.wrap(&source, &package, "--compress=no").await?;
        let ran = pipe.decrypt(&self.companies, &package).await?;
        let unwraps = unwraps
            .beside(Peer::new("openssl cms -decrypt", Figure::new(ran.mebibytes, "MiB")))
            .note(format!("openssl of a tenth: {part} octets"));
        Ok(vec![wraps, unwraps])
    }

    /// MB/s.
    #[expect(clippy::cast_precision_loss, reason = "a rate is rounded anyway")]
    fn rate(&self, seconds: f64) -> f64 {
        self.octets as f64 / seconds / 1e6
    }

    #[expect(clippy::cast_precision_loss, reason = "a share is rounded anyway")]
    fn share(&self, octets: u64) -> f64 {
        octets as f64 / self.octets as f64 * 100.0
    }
}

/// What the keys cost, where the files themselves cost little.
async fn signed_receipts(arguments: &Arguments) -> anyhow::Result<Line> {
    let count = if arguments.quick { 300 } else { 5000 };
    let [secured, plain] = files::secured_and_plain(arguments, count).await?;
    let rate = |value| Figure::new(value, "receipts/s");
    Ok(Line::measured("cms: small files, signed receipts", rate(secured))
        .beside(Peer::new("not secured", rate(plain)))
        .note(format!(
            "{count} files of 10 kB, each packaged, unwrapped and answered by a signed receipt, over one \
             session on SQLite: from its start to the last receipt in acme's database. Of each file: two \
             signatures, one decryption and two verifications with RSA 2048"
        )))
}

fn rate(value: f64) -> Figure {
    Figure::new(value, "MB/s")
}

fn timed(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64())
}

fn is_same(one: &Path, other: &Path) -> anyhow::Result<bool> {
    Ok(Command::new("cmp").arg("--silent").args([one, other]).status()?.success())
}

fn has_room(place: &Path, octets: u64) -> Result<(), String> {
    let free = || -> anyhow::Result<u64> {
        let said =
            Command::new("df").args(["--output=avail", "--block-size=1"]).arg(place).output()?;
        let text = String::from_utf8_lossy(&said.stdout).into_owned();
        Ok(text.lines().nth(1).context("df says nothing")?.trim().parse()?)
    };
    match free() {
        Ok(free) if free > octets => Ok(()),
        Ok(free) => {
            Err(format!("{octets} octets are needed in {}, and {free} are free", place.display()))
        }
        Err(error) => Err(format!("{error:#}")),
    }
}

/// How a command of ours went.
struct Ran {
    seconds: f64,
    mebibytes: f64,
}

/// Runs a command to its end, looking at its memory.
async fn run(command: Command) -> anyhow::Result<Ran> {
    let started = Instant::now();
    let mut process = Process::spawn(command);
    let status = format!("/proc/{}/status", process.pid());
    let mut most = 0;
    poll::until("it has ended", LIMIT, Duration::from_millis(2), async || {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibi_octets = line.and_then(|line| line.split_whitespace().next()?.parse::<u32>().ok());
        most = most.max(kibi_octets.unwrap_or_default());
        Ok((!process.is_running()).then_some(()))
    })
    .await?;
    let seconds = started.elapsed().as_secs_f64();
    let ended = process.wait(LIMIT);
    ensure!(ended.success(), "{}", process.output().join("\n"));
    Ok(Ran { seconds, mebibytes: f64::from(most) / 1024.0 })
}

/// What acme's policy asks for; the other ways are asked for.
const SECURED: &str = "--compress";

/// The manifests of both, and the same keys as files for OpenSSL.
struct Companies {
    seon: PathBuf,
    place: PathBuf,
}

impl Companies {
    fn make(place: &TemporaryDirectory, seon: &Path) -> anyhow::Result<Self> {
        let seon = seon.canonicalize().with_context(|| format!("find {}", seon.display()))?;
        let place = place.path().to_owned();
        let [sign, decrypt] = ["acme files", "bolt decryption"].map(Identity::rsa);
        sign.write(&place, "sign");
        decrypt.write(&place, "decrypt");
        for (own, other, ours, theirs) in [
            ("acme", "bolt", ("Sign", &sign), ("Encrypt", &decrypt)),
            ("bolt", "acme", ("Decrypt", &decrypt), ("VerifySignature", &sign)),
        ] {
            let folder = place.join(own);
            fs::create_dir(&folder)?;
            fs::write(folder.join("company.yaml"), manifests([own, other], ours, theirs))?;
        }
        Ok(Self { seon, place })
    }

    async fn wrap(&self, file: &Path, to: &Path, how: &str) -> anyhow::Result<Ran> {
        run(self.command("acme", &["wrap", "--partner", "bolt", how], file, to)).await
    }

    async fn unwrap(&self, file: &Path, to: &Path) -> anyhow::Result<Ran> {
        run(self.command("bolt", &["unwrap", "--partner", "acme"], file, to)).await
    }

    fn command(&self, own: &str, words: &[&str], file: &Path, to: &Path) -> Command {
        let mut command = guarded_command(&self.seon);
        command.arg("-c").arg(self.place.join(own)).arg("cms").args(words);
        command.arg(file).arg("--to").arg(to);
        command
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }
}

fn manifests(
    [own, other]: [&str; 2],
    (our_purpose, our_key): (&str, &Identity),
    (their_purpose, their_key): (&str, &Identity),
) -> String {
    let odette_id = |name: &str| format!("O0013000001{}", name.to_uppercase());
    let (outbound, inbound) = match our_purpose {
        "Sign" => ("{sign: Required, encrypt: Required, compress: Allowed}", "{}"),
        _ => ("{}", "{sign: Required, encrypt: Required}"),
    };
    format!(
        "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {{name: {own}}}
spec:
  identity: {{odetteId: {}, passwordSecretRef: {{name: oftp, key: password}}}}
  certificates:
  - {{purpose: [{our_purpose}], secretRef: {{name: ours}}}}
---
apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {{name: {other}}}
spec:
  instanceRef: {{name: {own}}}
  identity: {{odetteId: {}, passwordSecretRef: {{name: oftp, key: password}}}}
  certificates:
  - {{purpose: [{their_purpose}], secretRef: {{name: theirs}}}}
  security:
    outbound: {outbound}
    inbound: {inbound}
---
apiVersion: v1
kind: Secret
metadata: {{name: oftp}}
stringData: {{password: BENCHPW}}
---
{}---
{}",
        odette_id(own),
        odette_id(other),
        secret("ours", our_key, true),
        secret("theirs", their_key, false),
    )
}

/// OpenSSL and pigz, each with a pipe to the next.
struct Pipe {
    openssl: PathBuf,
    pigz: PathBuf,
}

impl Pipe {
    fn find() -> Result<Self, String> {
        let openssl =
            program("openssl").ok_or("openssl is not installed (apt-get install openssl)")?;
        let pigz = program("pigz").ok_or("pigz is not installed (apt-get install pigz)")?;
        Ok(Self { openssl, pigz })
    }

    fn wrap(&self, keys: &Companies, file: &Path, to: &Path) -> anyhow::Result<()> {
        let mut sign = self.cms(&["-sign", "-binary", "-nodetach", "-stream", "-nocerts"]);
        sign.args(["-md", "sha256", "-outform", "DER", "-signer"]).arg(keys.file("sign.crt"));
        sign.arg("-inkey").arg(keys.file("sign.key")).arg("-in").arg(file);
        let mut compress = guarded_command(&self.pigz);
        compress.args(["-z", "-p", "1", "-c"]);
        let mut encrypt = self.cms(&["-encrypt", "-binary", "-stream", "-aes-256-cbc"]);
        encrypt.args(["-outform", "DER", "-out"]).arg(to).arg(keys.file("decrypt.crt"));
        piped([sign, compress, encrypt])?;
        Ok(File::open(to)?.sync_all()?)
    }

    fn unwrap(&self, keys: &Companies, package: &Path, to: &Path) -> anyhow::Result<()> {
        let mut decompress = guarded_command(&self.pigz);
        decompress.args(["-d", "-z", "-c"]);
        let mut verify = self.cms(&["-verify", "-binary", "-inform", "DER", "-noverify"]);
        verify.arg("-certfile").arg(keys.file("sign.crt")).arg("-out").arg(to);
        piped([self.decrypting(keys, package), decompress, verify])?;
        Ok(File::open(to)?.sync_all()?)
    }

    /// Its memory while it decrypts to nowhere.
    async fn decrypt(&self, keys: &Companies, package: &Path) -> anyhow::Result<Ran> {
        let mut command = self.decrypting(keys, package);
        command.args(["-out", "/dev/null"]);
        run(command).await
    }

    fn decrypting(&self, keys: &Companies, package: &Path) -> Command {
        let mut decrypt = self.cms(&["-decrypt", "-binary", "-inform", "DER", "-in"]);
        decrypt.arg(package).arg("-inkey").arg(keys.file("decrypt.key"));
        decrypt.arg("-recip").arg(keys.file("decrypt.crt"));
        decrypt
    }

    fn cms(&self, words: &[&str]) -> Command {
        let mut command = guarded_command(&self.openssl);
        command.arg("cms").args(words);
        command
    }
}

/// Runs commands, the output of each into the next one.
fn piped<const N: usize>(commands: [Command; N]) -> anyhow::Result<()> {
    let mut children = Vec::new();
    let mut from = Stdio::null();
    for (number, mut command) in commands.into_iter().enumerate() {
        command.stdin(from).stderr(Stdio::piped());
        command.stdout(if number + 1 < N { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().with_context(|| format!("run {command:?}"))?;
        from = child.stdout.take().map_or_else(Stdio::null, Stdio::from);
        children.push(child);
    }
    for child in children {
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("openssl | pigz: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
    }
    Ok(())
}
