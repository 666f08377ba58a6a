//! How long what is over is kept.

#![expect(unreachable_pub, reason = "KubeSchema derives from a private twin of each struct")]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// For how long the database keeps what is over. Delivered files themselves are never removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// How long a journal record is kept, such as 8760h (a year).
    #[serde(default = "journal_kept")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(
        "self.matches('^([0-9]{1,9}(h|m|s|ms))+$') && duration(self) >= duration('24h') && duration(self) <= duration('87600h')").message(
        "give 24h to 87600h (usual: 8760h)"))]
    pub journal: String,
    /// How long finished queue entries, delivered files with their receipts, and ended sessions
    /// are kept, such as 2160h (90 days). For as long a file that comes again is known as a
    /// duplicate, and a receipt as one of ours.
    #[serde(default = "finished_kept")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(
        "self.matches('^([0-9]{1,9}(h|m|s|ms))+$') && duration(self) >= duration('24h') && duration(self) <= duration('87600h')").message(
        "give 24h to 87600h (usual: 2160h)"))]
    pub finished: String,
    /// What is kept of files that broke off half-way, so that they can be restarted.
    #[serde(default)]
    pub partial: PartialRetention,
}

/// What is kept of files that broke off half-way, so that they can be restarted. What is beyond goes,
/// the oldest first, and such a file comes again from its start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartialRetention {
    /// How long one is kept that its partner does not continue, such as 168h (a week).
    #[serde(default = "partial_kept")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(
        "self.matches('^([0-9]{1,9}(h|m|s|ms))+$') && duration(self) >= duration('1h') && duration(self) <= duration('8760h')").message(
        "give 1h to 8760h (usual: 168h)"))]
    pub age: String,
    /// How many of each partner are kept.
    #[serde(default = "partial_files")]
    #[schemars(range(min = 1, max = 100_000))]
    pub files: i32,
    /// How much of them of each partner is kept, in mebibytes.
    #[serde(default = "partial_mebibytes")]
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub mebibytes: i32,
}

impl Default for PartialRetention {
    fn default() -> Self {
        Self { age: partial_kept(), files: partial_files(), mebibytes: partial_mebibytes() }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            journal: journal_kept(),
            finished: finished_kept(),
            partial: PartialRetention::default(),
        }
    }
}

fn journal_kept() -> String {
    "8760h".into()
}

fn finished_kept() -> String {
    "2160h".into()
}

fn partial_kept() -> String {
    "168h".into()
}

fn partial_files() -> i32 {
    100
}

fn partial_mebibytes() -> i32 {
    100 * 1024
}
