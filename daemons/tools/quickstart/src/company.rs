//! The two companies of the quick start: their folders and what stands in them.

use std::fmt;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use std::io::Write;

use store::Transport;

use super::certificate::{FileKeys, Identity};

/// Where a company is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// On this machine, by the network.
    Network {
        /// Where it listens on TCP.
        tcp: u16,
        /// Where it listens on TLS.
        tls: u16,
        /// How the other calls it.
        by: Protocol,
    },
    /// On the simulated exchange.
    Isdn {
        /// Its number there.
        number: &'static str,
        /// Its controller, as the exchange counts.
        controller: u8,
        /// Where the exchange offers its controllers by remote CAPI.
        remote: SocketAddr,
    },
}

/// How a company is called by the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// By TLS, both certificates pinned.
    Tls,
    /// By plain TCP.
    Tcp,
}

/// One company.
pub(crate) struct Company {
    /// Its instance's name.
    pub(crate) name: &'static str,
    /// Its Odette ID.
    pub(crate) odette_id: &'static str,
    /// What it says to its partner.
    pub(crate) password: String,
    /// Its key and certificate.
    pub(crate) identity: Identity,
    /// Its keys for files and receipts.
    pub(crate) file_keys: FileKeys,
    /// Whether its files are compressed before they are encrypted.
    pub(crate) compresses: bool,
    /// Where it is reached.
    pub(crate) reach: Reach,
    /// Its folder.
    pub(crate) directory: PathBuf,
}

/// Ports that nobody listens on now. All are held at once, so no two are the same.
pub(crate) fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let held = (0..N)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<io::Result<Vec<_>>>()?;
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&held) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

/// A password of eight characters that OFTP may carry (SSIDPSWD), fresh for every quick start.
pub(crate) fn password() -> Result<String, aws_lc_rs::error::Unspecified> {
    const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut random = [0_u8; 8];
    #[expect(clippy::disallowed_methods, reason = "a secret is made, once, for somebody to try")]
    aws_lc_rs::rand::fill(&mut random)?;
    Ok(random.iter().map(|octet| char::from(LETTERS[usize::from(octet % 32)])).collect())
}

impl Reach {
    /// What carries the calls to it, as the journal says it.
    pub(crate) fn transport(&self) -> Transport {
        match self {
            Self::Network { by: Protocol::Tls, .. } => Transport::Tls,
            Self::Network { by: Protocol::Tcp, .. } => Transport::Tcp,
            Self::Isdn { .. } => Transport::Isdn,
        }
    }
}

/// For a person.
impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network { tcp, tls, .. } => {
                write!(f, "TCP 127.0.0.1:{tcp}, TLS 127.0.0.1:{tls}")
            }
            Self::Isdn { number, controller, .. } => {
                write!(f, "ISDN {number}, controller {controller}")
            }
        }
    }
}

impl Company {
    /// Where its instance is.
    pub(crate) fn place(&self) -> commands::Place {
        commands::Place::at(&self.directory)
    }

    /// Makes the folder and writes its YAML: the instance, its one partner, their Secrets.
    pub(crate) fn write(&self, partner: &Self) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let write = |name: &str, text: &str| write_new(&self.directory.join(name), text);
        write("instance.yaml", &self.instance())?;
        write(&format!("{}.yaml", partner.name), &self.partner(partner))?;
        write("secrets.yaml", &self.secrets(partner))?;
        write("file-keys.yaml", &self.file_keys(partner))
    }

    /// Our keys with their certificates, and the partner's certificates.
    fn file_keys(&self, partner: &Self) -> String {
        let ours = self.file_keys.each().map(|(end, _, _, key)| {
            let kind = "type: kubernetes.io/tls\n";
            let key = format!("  tls.key: |\n{}", indented(&key.key));
            (self.name, end, kind, key)
        });
        let theirs =
            partner.file_keys.each().map(|(end, ..)| (partner.name, end, "", String::new()));
        let certificates = [&self.file_keys, &partner.file_keys]
            .into_iter()
            .flat_map(|keys| keys.each().map(|(.., key)| indented(&key.certificate)));
        let secrets = ours.into_iter().chain(theirs).zip(certificates);
        let secret = |((name, end, kind, key), certificate)| {
            format!(
                "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}-{end}}}\n{kind}stringData:\n\
                 \x20 tls.crt: |\n{certificate}{key}"
            )
        };
        secrets.map(secret).collect()
    }

    fn instance(&self) -> String {
        let Self { name, odette_id, .. } = self;
        let receive = match self.reach {
            Reach::Network { tcp, tls, .. } => format!(
                "    tcpip: {{address: 127.0.0.1, port: {tcp}}}
    tls: {{address: 127.0.0.1, port: {tls}, certificateSecretRef: {{name: {name}-tls}}}}"
            ),
            Reach::Isdn { controller, remote, .. } => format!(
                "    capi:
      controllers:
      - number: {controller}
        remote: {{host: {}, port: {}}}",
                remote.ip(),
                remote.port()
            ),
        };
        let certificates: String = self
            .file_keys
            .each()
            .map(|(end, purpose, ..)| {
                format!("  - {{purpose: [{purpose}], secretRef: {{name: {name}-{end}}}}}\n")
            })
            .concat();
        format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {{name: {name}}}
spec:
  identity:
    odetteId: {odette_id}
    passwordSecretRef: {{name: {name}-oftp, key: password}}
  certificates:
{certificates}  receive:
{receive}
"
        )
    }

    fn partner(&self, partner: &Self) -> String {
        let Self { name: own, .. } = self;
        let Self { name, odette_id, .. } = partner;
        let transport = match partner.reach {
            Reach::Network { tls, by: Protocol::Tls, .. } => {
                format!("tls: {{host: 127.0.0.1, port: {tls}}}")
            }
            Reach::Network { tcp, by: Protocol::Tcp, .. } => {
                format!("tcp: {{host: 127.0.0.1, port: {tcp}}}")
            }
            Reach::Isdn { number, .. } => format!("isdn: {{number: \"{number}\"}}"),
        };
        let certificates: String = partner
            .file_keys
            .each()
            .map(|(end, _, purpose, _)| {
                format!("  - {{purpose: [{purpose}], secretRef: {{name: {name}-{end}}}}}\n")
            })
            .concat();
        let compress = if self.compresses { "Required" } else { "Allowed" };
        format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonPartner
metadata: {{name: {name}}}
spec:
  instanceRef: {{name: {own}}}
  identity:
    odetteId: {odette_id}
    passwordSecretRef: {{name: {name}-oftp, key: password}}
  transports:
  - {transport}
  certificates:
  - {{purpose: [Tls], secretRef: {{name: {name}-certificate}}}}
{certificates}  security:
    outbound: {{sign: Required, encrypt: Required, compress: {compress}}}
    inbound: {{sign: Required, encrypt: Required}}
    receipts: {{signed: Required}}
    authentication: Required
"
        )
    }

    fn secrets(&self, partner: &Self) -> String {
        let Self { name: own, password, identity, .. } = self;
        let name = partner.name;
        format!(
            r#"apiVersion: v1
kind: Secret
metadata: {{name: {own}-oftp}}
stringData: {{password: "{password}"}}
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
metadata: {{name: {name}-oftp}}
stringData: {{password: "{}"}}
---
apiVersion: v1
kind: Secret
metadata: {{name: {name}-certificate}}
stringData:
  tls.crt: |
{}"#,
            indented(&identity.certificate),
            indented(&identity.key),
            partner.password,
            indented(&partner.identity.certificate),
        )
    }
}

/// Keys and passwords are among these files: readable by their owner only.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |text, line| text + "    " + line + "\n")
}
