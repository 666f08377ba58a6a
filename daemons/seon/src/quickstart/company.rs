//! The two companies of the quick start: their folders and what stands in them.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use std::io::Write;

use super::certificate::Identity;

/// How a company is called by the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
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
    /// Where it listens on TCP.
    pub(crate) tcp: u16,
    /// Where it listens on TLS.
    pub(crate) tls: u16,
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
    aws_lc_rs::rand::fill(&mut random)?;
    Ok(random.iter().map(|octet| char::from(LETTERS[usize::from(octet % 32)])).collect())
}

impl Company {
    /// Makes the folder and writes its YAML: the instance, its one partner, their Secrets.
    pub(crate) fn write(&self, partner: &Self, line: Line) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let write = |name: &str, text: &str| write_new(&self.directory.join(name), text);
        write("instance.yaml", &self.instance())?;
        write(&format!("{}.yaml", partner.name), &self.partner(partner, line))?;
        write("secrets.yaml", &self.secrets(partner))
    }

    fn instance(&self) -> String {
        let Self { name, odette_id, tcp, tls, .. } = self;
        format!(
            "apiVersion: seon.dev/v1alpha1
kind: SeonInstance
metadata: {{name: {name}}}
spec:
  identity:
    odetteId: {odette_id}
    passwordSecretRef: {{name: {name}-oftp, key: password}}
  receive:
    tcpip: {{address: 127.0.0.1, port: {tcp}}}
    tls: {{address: 127.0.0.1, port: {tls}, certificateSecretRef: {{name: {name}-tls}}}}
"
        )
    }

    fn partner(&self, partner: &Self, line: Line) -> String {
        let Self { name: own, .. } = self;
        let Self { name, odette_id, tcp, tls, .. } = partner;
        let transport = match line {
            Line::Tls => format!("tls: {{host: 127.0.0.1, port: {tls}}}"),
            Line::Tcp => format!("tcp: {{host: 127.0.0.1, port: {tcp}}}"),
        };
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
