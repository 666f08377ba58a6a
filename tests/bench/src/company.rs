//! Two companies on this machine, as the quick start makes them: acme sends, bolt receives.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use oftp::{DatasetName, Description, FileIdentity, Format, UserData};
use serde::Deserialize;
use spool::{Payload, Payloads, Spool, TakeIn};
use store::{DatabaseUri, EntryId, NewEntry, QueueEntry, Store};
use support::{Identity, Process, TemporaryDirectory, free_port, guarded_command};

use crate::machine::processor_time;
use crate::poll;

/// How long daemons may take to be active, and to end.
const START: Duration = Duration::from_secs(30);
const END: Duration = Duration::from_secs(90);

/// How acme calls bolt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Tls,
}

impl Transport {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

/// What the companies' manifests say.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) transport: Transport,
    /// SSIDSDEB.
    pub(crate) buffer: u32,
    /// SSIDCRED.
    pub(crate) credit: u16,
    /// SSIDCMPR.
    pub(crate) compression: bool,
    /// acme's sessions with bolt at once.
    pub(crate) channels: u32,
    /// Sessions that bolt takes at once.
    pub(crate) sessions: u32,
    /// PostgreSQL databases, acme's and bolt's; SQLite without.
    pub(crate) databases: Option<[String; 2]>,
    /// acme's hot folders for partners that nobody calls.
    pub(crate) folders: usize,
    /// Files are signed, compressed and encrypted, and their receipts signed.
    pub(crate) secured: bool,
    /// Sessions are authenticated by certificates.
    pub(crate) authenticated: bool,
}

impl Default for Settings {
    /// What a partner has that was given no settings.
    fn default() -> Self {
        Self {
            transport: Transport::Tcp,
            buffer: 32_768,
            credit: 64,
            compression: true,
            channels: 1,
            sessions: 500,
            databases: None,
            folders: 0,
            secured: false,
            authenticated: false,
        }
    }
}

/// Both companies; their folder goes with them.
pub(crate) struct Pair {
    // Ended before their files go.
    pub(crate) acme: Company,
    pub(crate) bolt: Company,
    /// What acme and bolt are known by in TLS.
    pub(crate) identities: [Identity; 2],
    /// What authenticates sessions, acme's and bolt's, if anything does.
    pub(crate) authenticating: Option<[Identity; 2]>,
    _place: TemporaryDirectory,
}

/// A company.
pub(crate) struct Company {
    name: &'static str,
    seon: PathBuf,
    directory: PathBuf,
    data: PathBuf,
    pub(crate) store: Store,
    pub(crate) tcp_port: u16,
    pub(crate) tls_port: u16,
    process: Option<Process>,
}

/// Its Odette ID and password, one word for both.
const WORDS: [(&str, &str); 2] = [("acme", "O0013000001ACME"), ("bolt", "O0013000002BOLT")];
pub(crate) const PASSWORD: &str = "BENCHPW";

/// What `seon ps` says of a daemon, as far as it is needed here.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Daemon {
    #[serde(rename = "daemon")]
    pub(crate) name: String,
    state: String,
    pub(crate) pid: Option<u32>,
    listeners: Vec<serde_json::Value>,
    sessions: Vec<serde_json::Value>,
}

impl Pair {
    /// Writes both companies' manifests and makes their databases; nothing runs yet.
    pub(crate) async fn make(seon: &Path, settings: &Settings) -> anyhow::Result<Self> {
        let place = TemporaryDirectory::new();
        let ports: [Ports; 2] =
            std::array::from_fn(|_| Ports { tcp: free_port(), tls: free_port() });
        let identities = [Identity::self_signed("127.0.0.1"), Identity::self_signed("127.0.0.1")];
        let keys = settings.secured.then(FileKeys::make);
        let authenticating = settings
            .authenticated
            .then(|| ['a', 'b'].map(|one| Identity::rsa(&format!("{one} sessions"))));
        let mut companies = Vec::new();
        for (ours, theirs) in [(0, 1), (1, 0)] {
            let directory = place.join(WORDS[ours].0);
            fs::create_dir(&directory)?;
            let manifests = Manifests {
                settings,
                ours,
                theirs,
                ports: &ports,
                identities: &identities,
                keys: keys.as_ref(),
                authenticating: authenticating.as_ref(),
            };
            fs::write(directory.join("company.yaml"), manifests.text())?;
            let database = settings.databases.as_ref().map(|databases| databases[ours].as_str());
            companies
                .push(Company::make(seon, WORDS[ours].0, directory, ports[ours], database).await?);
        }
        let mut companies = companies.into_iter();
        let both = companies.next().zip(companies.next());
        let (acme, bolt) = both.context("two companies")?;
        Ok(Self { acme, bolt, identities, authenticating, _place: place })
    }

    /// Starts both and waits until all their daemons work.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        self.bolt.start().await?;
        self.acme.start().await
    }

    /// Ends both in good order.
    pub(crate) fn end(mut self) {
        self.acme.end();
        self.bolt.end();
    }
}

#[derive(Clone, Copy)]
struct Ports {
    tcp: u16,
    tls: u16,
}

impl Company {
    async fn make(
        seon: &Path,
        name: &'static str,
        directory: PathBuf,
        ports: Ports,
        database: Option<&str>,
    ) -> anyhow::Result<Self> {
        let data = directory.join("data");
        Spool::open(&data)?;
        let uri = match database {
            Some(uri) => uri.parse()?,
            None => DatabaseUri::sqlite(data.join("seon.db")),
        };
        let store = Store::open(&uri, "bench").await?;
        store.migrate().await?;
        let seon = seon.canonicalize().with_context(|| format!("find {}", seon.display()))?;
        let Ports { tcp: tcp_port, tls: tls_port } = ports;
        Ok(Self { name, seon, directory, data, store, tcp_port, tls_port, process: None })
    }

    /// Starts its daemons and waits until they work.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        let mut command = guarded_command(&self.seon);
        command.arg("up").arg(&self.directory);
        let process = self.process.insert(Process::spawn(command));
        let (name, seon, directory) = (self.name, &self.seon, &self.directory);
        let ready =
            poll::until("daemons are active", START, Duration::from_millis(100), async || {
                ensure!(process.is_running(), "seon up ended: {}", process.output().join("\n"));
                let daemons = ps(seon, directory)?;
                Ok((daemons.len() == 4 && daemons.iter().all(Daemon::is_ready)).then_some(()))
            });
        let said = ready.await;
        let log = || self.process.as_ref().map(|process| process.output().join("\n"));
        said.with_context(|| format!("{name}: {}", log().unwrap_or_default()))
    }

    pub(crate) fn daemons(&self) -> anyhow::Result<Vec<Daemon>> {
        ps(&self.seon, &self.directory)
    }

    /// Processor time of all its processes until now, in seconds.
    pub(crate) fn processor_time(&self) -> anyhow::Result<f64> {
        let up = self.process.as_ref().map(Process::pid);
        let daemons = self.daemons()?.into_iter().filter_map(|daemon| daemon.pid);
        up.into_iter().chain(daemons).map(processor_time).sum()
    }

    /// SIGTERM, and waits for the end.
    fn end(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.terminate();
            process.wait(END);
        }
    }

    /// What its daemons wrote to their log.
    pub(crate) fn log(&self) -> Vec<String> {
        self.process.as_ref().map(Process::output).unwrap_or_default()
    }

    /// A file of no daemon.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn spool(&self) -> anyhow::Result<Spool> {
        Ok(Spool::open(&self.data)?)
    }

    /// Where a file from acme is delivered.
    pub(crate) fn incoming(&self, name: &str) -> PathBuf {
        self.data.join("incoming").join("acme").join(name)
    }

    /// Queues a file for bolt, secured or not; the payload is another name of the file, so that both have the same
    /// pages in the cache.
    pub(crate) async fn enqueue(
        &self,
        file: &Path,
        name: &str,
        secured: bool,
    ) -> anyhow::Result<EntryId> {
        let payload = self.spool()?.take_in(file, TakeIn::Move).await?;
        let entry = entry(name, &payload)?;
        let entry = if secured { self::secured(entry)? } else { entry };
        Ok(self.store.intake().enqueue(&entry).await?)
    }

    pub(crate) async fn entry(&self, id: EntryId) -> anyhow::Result<QueueEntry> {
        let entry = self.store.entry(id).await?;
        entry.with_context(|| format!("there is no entry {id} any more"))
    }
}

/// A file for bolt.
pub(crate) fn entry(name: &str, payload: &Payload) -> anyhow::Result<NewEntry> {
    Ok(NewEntry {
        partner: "bolt".parse()?,
        identity: FileIdentity {
            dataset_name: name.parse::<DatasetName>()?,
            stamp: "202601010000000001".parse()?,
            originator: WORDS[0].1.parse()?,
            destination: WORDS[1].1.parse()?,
        },
        step: domain::virtual_file::StampStep::Counter,
        format: Format::Unstructured,
        description: Description::default(),
        user_data: UserData::default(),
        payload: payload.name.clone(),
        octets: payload.octets,
        original_octets: payload.octets,
        packaging: domain::Packaging::NONE,
        priority: 0,
        passive: false,
        receipt_expected: true,
        not_before: None,
        held: false,
        comment: None,
    })
}

/// The same, signed, compressed and encrypted, with a signed receipt.
pub(crate) fn secured(entry: NewEntry) -> anyhow::Result<NewEntry> {
    Ok(NewEntry { packaging: "03 04 1 1 Y".parse()?, ..entry })
}

fn ps(seon: &Path, directory: &Path) -> anyhow::Result<Vec<Daemon>> {
    let mut command = guarded_command(seon);
    command.arg("-c").arg(directory).args(["-o", "json", "ps"]);
    let output = command.output().context("run seon ps")?;
    ensure!(output.status.success(), "seon ps: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("read what seon ps says")
}

impl Daemon {
    /// Its live sessions.
    pub(crate) fn sessions(&self) -> usize {
        self.sessions.len()
    }

    fn is_ready(&self) -> bool {
        let receives = self.name.starts_with("seonrd_");
        self.state == "active" && (!receives || !self.listeners.is_empty())
    }
}

struct Manifests<'a> {
    settings: &'a Settings,
    ours: usize,
    theirs: usize,
    ports: &'a [Ports; 2],
    identities: &'a [Identity; 2],
    keys: Option<&'a FileKeys>,
    authenticating: Option<&'a [Identity; 2]>,
}

/// What acme's manifest says of bolt, and bolt's of acme.
const SENDS_SECURED: &str = "  security:
    outbound: {sign: Required, encrypt: Required, compress: Required}
    receipts: {signed: Required}
";
const TAKES_SECURED: &str = "  security:
    inbound: {sign: Required, encrypt: Required}
";

const AUTHENTICATED: &str = "  security: {authentication: Required}\n";

/// The keys for files: what signs, what decrypts and what signs receipts.
struct FileKeys([(&'static str, [&'static str; 2], Identity); 3]);

impl FileKeys {
    /// Acme's sign files, bolt's decrypt them and sign receipts; each with our purpose and the partner's.
    fn make() -> Self {
        Self([
            ("acme", ["Sign", "VerifySignature"], Identity::rsa("acme files")),
            ("bolt", ["Decrypt", "Encrypt"], Identity::rsa("bolt decryption")),
            ("bolt", ["SignReceipt", "VerifyReceipt"], Identity::rsa("bolt receipts")),
        ])
    }

    /// Those of a company: as its own, or as its partner's.
    fn certificates(&self, of: &str, as_partner: bool) -> String {
        let those = self.0.iter().filter(|(owner, ..)| *owner == of);
        those.fold(String::new(), |text, (_, purposes, _)| {
            let purpose = purposes[usize::from(as_partner)];
            let name = purposes[0].to_lowercase();
            text + &format!("  - {{purpose: [{purpose}], secretRef: {{name: {name}}}}}\n")
        })
    }

    fn secrets(&self, own: &str) -> String {
        self.0.iter().fold(String::new(), |text, (owner, purposes, identity)| {
            text + "---\n" + &secret(&purposes[0].to_lowercase(), identity, *owner == own)
        })
    }
}

impl Manifests<'_> {
    fn text(&self) -> String {
        let usual = [self.instance(), self.partner(), self.secrets()];
        usual.into_iter().chain(self.partners_with_folders()).collect::<Vec<_>>().join("---\n")
    }

    fn instance(&self) -> String {
        let (name, odette_id) = WORDS[self.ours];
        let Ports { tcp, tls } = self.ports[self.ours];
        let sessions = self.settings.sessions;
        let database = match self.settings.databases {
            Some(_) => format!("  database: {{secretRef: {{name: {name}-database, key: uri}}}}\n"),
            None => String::new(),
        };
        let keys = self.keys.map_or_else(String::new, |keys| keys.certificates(name, false));
        let certificates = [keys, self.authenticates("sessions")].concat();
        let certificates = match certificates.as_str() {
            "" => String::new(),
            some => format!("  certificates:\n{some}"),
        };
        format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {{name: {name}}}
spec:
  identity:
    odetteId: {odette_id}
    passwordSecretRef: {{name: oftp, key: password}}
  receive:
    tcpip: {{address: 127.0.0.1, port: {tcp}, maxSessions: {sessions}}}
    tls: {{address: 127.0.0.1, port: {tls}, certificateSecretRef: {{name: {name}-tls}}}}
{certificates}{database}"
        )
    }

    fn partner(&self) -> String {
        let (name, odette_id) = WORDS[self.theirs];
        let (own, _) = WORDS[self.ours];
        let Ports { tcp, tls } = self.ports[self.theirs];
        let transport = match self.settings.transport {
            Transport::Tcp => format!("tcp: {{host: 127.0.0.1, port: {tcp}}}"),
            Transport::Tls => format!("tls: {{host: 127.0.0.1, port: {tls}}}"),
        };
        let Settings { buffer, credit, channels, .. } = self.settings;
        let keys = self.keys.map_or_else(String::new, |keys| keys.certificates(name, true));
        let certificates = [keys, self.authenticates("partner-sessions")].concat();
        let security = match self.keys {
            None if self.settings.authenticated => AUTHENTICATED,
            None => "",
            Some(_) if self.ours == 0 => SENDS_SECURED,
            Some(_) => TAKES_SECURED,
        };
        let compression = if self.settings.compression { "Allowed" } else { "Forbidden" };
        format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {{name: {name}}}
spec:
  instanceRef: {{name: {own}}}
  identity:
    odetteId: {odette_id}
    passwordSecretRef: {{name: oftp, key: password}}
  transports:
  - {transport}
  certificates:
  - {{purpose: [Tls], secretRef: {{name: {name}-certificate}}}}
{certificates}  protocol: {{buffer: {buffer}, credit: {credit}, compression: {compression}}}
  channels: {channels}
{security}"
        )
    }

    /// The entry of a certificate that authenticates sessions, if they are.
    fn authenticates(&self, secret: &str) -> String {
        self.authenticating.map_or_else(String::new, |_| {
            format!("  - {{purpose: [Authenticate], secretRef: {{name: {secret}}}}}\n")
        })
    }

    fn secrets_of_sessions(&self) -> String {
        self.authenticating.map_or_else(String::new, |keys| {
            let [own, theirs] = [
                secret("sessions", &keys[self.ours], true),
                secret("partner-sessions", &keys[self.theirs], false),
            ];
            format!("---\n{own}---\n{theirs}")
        })
    }

    /// Partners that nobody calls, each with as many hot folders as one may have.
    fn partners_with_folders(&self) -> Vec<String> {
        const EACH: usize = 64;
        let wanted = if self.ours == 0 { self.settings.folders } else { 0 };
        let (own, _) = WORDS[self.ours];
        let partner = |first: usize| {
            let folders = (first..wanted.min(first + EACH)).fold(String::new(), |text, number| {
                text + &format!(
                    "  - {{directory: outgoing/many{first}/{number}, format: Unstructured}}\n"
                )
            });
            format!(
                "apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {{name: many{first}}}
spec:
  instanceRef: {{name: {own}}}
  identity:
    odetteId: O0013{first:06}MANY
    passwordSecretRef: {{name: oftp, key: password}}
  folders:
{folders}"
            )
        };
        (0..wanted).step_by(EACH).map(partner).collect()
    }

    fn secrets(&self) -> String {
        let (own, _) = WORDS[self.ours];
        let (theirs, _) = WORDS[self.theirs];
        let identity = &self.identities[self.ours];
        let database = self.settings.databases.as_ref().map_or_else(String::new, |databases| {
            format!(
                "---
apiVersion: v1
kind: Secret
metadata: {{name: {own}-database}}
stringData: {{uri: \"{}\"}}
",
                databases[self.ours]
            )
        });
        format!(
            "apiVersion: v1
kind: Secret
metadata: {{name: oftp}}
stringData: {{password: {PASSWORD}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: {own}-tls}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
{}  tls.key: |
{}---
apiVersion: v1
kind: Secret
metadata: {{name: {theirs}-certificate}}
stringData:
  tls.crt: |
{}{database}{}{}",
            indented(&identity.certificate_pem),
            indented(&identity.key_pem),
            indented(&self.identities[self.theirs].certificate_pem),
            self.keys.map_or_else(String::new, |keys| keys.secrets(own)),
            self.secrets_of_sessions(),
        )
    }
}

/// A Secret with a certificate, and with its key if it is ours.
pub(crate) fn secret(name: &str, identity: &Identity, is_ours: bool) -> String {
    let certificate = indented(&identity.certificate_pem);
    let key = if is_ours {
        format!("  tls.key: |\n{}", indented(&identity.key_pem))
    } else {
        String::new()
    };
    format!(
        "apiVersion: v1
kind: Secret
metadata: {{name: {name}}}
stringData:
  tls.crt: |
{certificate}{key}"
    )
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |text, line| text + "    " + line + "\n")
}
