//! A partner's folders: how files that came are named there, and from where files go.

#![expect(unreachable_pub, reason = "KubeSchema derives from a private twin of each struct")]

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::instance::{ODETTE_ID_MESSAGE, ODETTE_ID_RULE};

/// How received files are named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FileRule {
    /// A pattern for the dataset name (SFIDDSN): `*` stands for any characters, `?` for one.
    #[schemars(length(min = 1, max = 64))]
    #[serde(rename = "match")]
    pub pattern: String,
    /// The file's name in the partner's folder under incoming, with {dataset}, {date}, {time},
    /// {counter}, {originator}, {destination} and {partner} for what they say, such as
    /// "{date}-{dataset}.dat".
    #[schemars(length(min = 1, max = 200))]
    #[x_kube(validation = Rule::new(
        "!self.contains('/') && !self.startsWith('.')").message(
        "a file name, not a path: without / and not beginning with a full stop"))]
    pub rename: String,
}

/// A hot folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "has(self.recordLength) == (self.format in ['Fixed', 'Variable'])").message(
    "recordLength belongs to the formats Fixed and Variable, and they need it"))]
pub struct Folder {
    /// The folder, on the data directory's file system: outgoing/ and the partner's name in the data
    /// directory, or a folder below it, such as outgoing/bolt/plans. Others only where the instance
    /// allows them (`send.allowedFolders`).
    #[schemars(length(min = 1, max = 4096))]
    pub directory: String,
    /// A pattern for file names: `*` stands for any characters, `?` for one.
    #[serde(rename = "match", default = "any_file")]
    #[schemars(length(min = 1, max = 255))]
    pub pattern: String,
    /// The virtual file's format (SFIDFMT).
    #[serde(default)]
    pub format: FolderFormat,
    /// The record length (SFIDLRECL), in octets: of every record for Fixed, of the longest for
    /// Variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 99_999))]
    pub record_length: Option<i32>,
    /// What is more urgent has the higher number.
    #[serde(default)]
    #[schemars(range(min = -100, max = 100))]
    pub priority: i32,
    /// For how long a file must not have changed before it is taken, such as 5s. On a network file
    /// system longer than attributes are cached there.
    #[serde(default = "settle")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(
        "self.matches('^([0-9]{1,9}(h|m|s|ms))+$') && duration(self) >= duration('1s') && duration(self) <= duration('1h')").message(
        "give 1s to 1h (usual: 5s)"))]
    pub settle: String,
    /// The ending of the empty file that whoever writes makes beside each file that is finished, such
    /// as .done for PLAN.DAT.done: a file is taken when its marker is there, at once, and never without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 32))]
    pub marker: Option<String>,
    /// How its files are named on the wire (SFIDDSN): a fixed name such as DELFOR, or a template with
    /// {file}, {stem}, {extension}, {date} and {time} (UTC), such as "{stem}". Default: {file}, the
    /// file's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub dataset_name: Option<String>,
    /// Who sends its files (SFIDORIG): our Odette ID or one of our stations. Default: our Odette ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 25))]
    #[x_kube(validation = Rule::new(ODETTE_ID_RULE).message(ODETTE_ID_MESSAGE))]
    pub originator: Option<String>,
    /// For whom its files are (SFIDDEST), such as a station behind the partner. Default: the partner's
    /// Odette ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 25))]
    #[x_kube(validation = Rule::new(ODETTE_ID_RULE).message(ODETTE_ID_MESSAGE))]
    pub destination: Option<String>,
}

/// The format of a virtual file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FolderFormat {
    /// A stream of octets: any file.
    #[default]
    Unstructured,
    /// A stream of characters in lines.
    Text,
    /// Records of one length.
    Fixed,
    /// Records of several lengths, each line of the file one record.
    Variable,
}

fn settle() -> String {
    "5s".into()
}

fn any_file() -> String {
    "*".into()
}
