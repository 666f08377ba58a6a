//! Lists of revoked certificates, and how it stands with each.

use configuration::ListUrl;
use jiff::Timestamp;
use pki::{OnUnknown, Published};
use runtime::revocation::Lists;
use serde::Serialize;
use store::{ListRecord, Store, StoreError};

use crate::{Error, Instance, Place};

/// A list of revoked certificates.
#[derive(Debug, Serialize)]
pub struct ListView {
    /// Where it is published.
    pub url: String,
    /// Who made it (RFC 4514), of the one that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// How many certificates are on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<usize>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made: Option<Timestamp>,
    /// Until when what it does not name is good, if it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// When it came here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fetched: Option<Timestamp>,
    /// When it was looked for last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tried: Option<Timestamp>,
    /// Whether certificates are judged by it.
    pub counts: bool,
    /// Why it could not be fetched the last time: the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The same in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The lists of an instance, by URL: those that its configuration leads to, fetched or not.
pub async fn lists(place: &Place) -> Result<Vec<ListView>, Error> {
    let mut instance = Instance::load(place)?;
    let store = instance.store().await?;
    let views = look(&mut instance, &store).await;
    store.close().await;
    Ok(views?)
}

/// The same, and from then on the instance's certificates are judged by them.
pub(crate) async fn look(
    instance: &mut Instance,
    store: &Store,
) -> Result<Vec<ListView>, StoreError> {
    let mut lists = Lists::default();
    lists.read(store).await?;
    let lists = lists.all();
    instance.configuration = instance.configuration.knowing(&lists);
    let records = store.revocation_lists().await?;
    let urls = instance.configuration.list_urls();
    Ok(urls.iter().map(|url| view(instance, url, &records, &lists)).collect())
}

fn view(
    instance: &Instance,
    url: &ListUrl,
    records: &[ListRecord],
    lists: &[std::sync::Arc<Published>],
) -> ListView {
    let record = records.iter().find(|record| record.url == url.as_str());
    let list = lists.iter().find(|one| one.url == url.as_str()).map(|one| &one.list);
    let revocation = instance.configuration.partners().next().map(|it| it.revocation.clone());
    let revocation = revocation.unwrap_or_default();
    let error = record.and_then(|record| record.error.clone());
    let (code, text) = error.unzip();
    ListView {
        url: url.to_string(),
        issuer: list.map(|list| list.issuer().to_owned()),
        entries: list.map(pki::RevocationList::entries),
        made: list.map(pki::RevocationList::this_update),
        until: list.and_then(|list| revocation.until(list)),
        fetched: record.and_then(|record| record.fetched_at),
        tried: record.map(|record| record.tried_at),
        counts: revocation.known().counts(url.as_str()),
        code,
        text,
    }
}

/// Whether what is not known is refused.
pub(crate) fn refuses_unknown(instance: &Instance) -> bool {
    instance.configuration.instance.revocation.on_unknown == OnUnknown::Refuse
}
