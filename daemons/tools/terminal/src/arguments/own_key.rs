//! Keys of ours, and the requests for their certificates.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use commands::own_key::{KeyKind, OwnPurpose, Subject};

/// What is done about a key of ours.
#[derive(Clone, Debug, Subcommand)]
pub enum OwnKeyOrder {
    /// Makes a key, and the request for its certificate that an authority answers.
    Request(KeyRequest),
    /// Puts an authority's answer into a Secret, with the key that its request was made for.
    Import(KeyImport),
}

/// What both need.
#[derive(Clone, Debug, Args)]
pub struct OwnKey {
    /// The Secret's name, which is the files' too, as acme-files-2027.
    pub name: String,
    /// What for, as in manifests; several with commas.
    #[arg(long = "for", value_name = "PURPOSES", required = true, value_delimiter = ',', value_parser = uses())]
    pub uses: Vec<OwnPurpose>,
    /// The folder of the files.
    #[arg(short, long, value_name = "FOLDER", default_value = ".")]
    pub directory: PathBuf,
}

/// A request.
#[derive(Clone, Debug, Args)]
pub struct KeyRequest {
    /// Which key.
    #[command(flatten)]
    pub key: OwnKey,
    /// Whose, as "CN=acme files,O=Acme AG,C=DE".
    #[arg(long, value_name = "SUBJECT")]
    pub subject: Subject,
    /// A name or address by which partners call us (subject alternative name); once for each.
    #[arg(long = "host", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// The kind of key; p256 is for Tls only.
    #[arg(long = "key", value_name = "KIND", default_value = "rsa3072", value_parser = kinds())]
    pub kind: KeyKind,
}

/// An answer.
#[derive(Clone, Debug, Args)]
pub struct KeyImport {
    /// Which key.
    #[command(flatten)]
    pub key: OwnKey,
    /// What the authority answered, one file or several: PEM, DER or PKCS#7 (.p7b).
    #[arg(value_name = "ANSWER", required = true)]
    pub answers: Vec<PathBuf>,
    /// The namespace that the Secret's manifest names; none without it.
    #[arg(long, value_name = "NAMESPACE")]
    pub secret_namespace: Option<String>,
}

fn uses() -> impl TypedValueParser<Value = OwnPurpose> {
    chosen(OwnPurpose::ALL.map(|usage| (usage.name(), usage)))
}

fn kinds() -> impl TypedValueParser<Value = KeyKind> {
    chosen(KeyKind::ALL.map(|kind| (kind.name(), kind)))
}

fn chosen<T: Copy + Send + Sync + 'static, const N: usize>(
    all: [(&'static str, T); N],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all.map(|(name, _)| name)).try_map(move |given| {
        let found = all.iter().find(|(name, _)| *name == given);
        found.map(|(_, value)| *value).ok_or("not one of these")
    })
}
