//! Secrets that change while they are in use.

use cluster::Nodes;
use domain::Daemon;
use e2e::{Company, Line, Pair, Stage, eventually};
use k8s_openapi::api::core::v1::Pod;

pub(crate) async fn a_new_password_is_in_use_without_a_restart(stage: &Stage) {
    let pair = Pair::ready(stage).await;
    let load = pair.under_load().await;
    let before = (pair.acme.incarnations().await, pair.bolt.incarnations().await);
    let revision = revision(&pair.acme).await;
    pair.acme.set_password("bolt", "RENEWED").await;
    eventually("acme has another configuration", async || {
        let instance = pair.acme.instance().await?;
        let now = instance.status.and_then(|status| status.revision);
        if now == revision { Err(format!("{now:?}")) } else { Ok(()) }
    })
    .await;
    pair.acme.is_ready().await;
    eventually("bolt is refused with the old password", async || {
        let journal = pair.acme.journal().await;
        journal.of("session_refused").next().is_some()
    })
    .await;
    pair.bolt.set_password("bolt", "RENEWED").await;
    load.flows().await;
    pair.is_ready().await;
    assert_eq!((pair.acme.incarnations().await, pair.bolt.incarnations().await), before);
    load.judge(&pair).await;
}

pub(crate) async fn a_renewed_certificate_is_served_without_a_restart(stage: &Stage) {
    let nodes = cluster::nodes!(stage);
    let pair = Pair::ready_with(stage, Line::Tls, Line::Tls, |_, _| {}).await;
    let load = pair.under_load().await;
    let before = pair.bolt.incarnations().await;
    let renewed = pair.bolt.renew_certificate(&pair.authority).await;
    let body: String = renewed.certificate_pem.lines().collect();
    eventually("bolt serves the new certificate", async || {
        let served = served(nodes, &pair.bolt).await?;
        if served.lines().collect::<String>().contains(&body) { Ok(()) } else { Err(served) }
    })
    .await;
    // Those that were under way with the old one go on, and new ones come about.
    load.flows().await;
    pair.is_ready().await;
    assert_eq!(pair.bolt.incarnations().await, before);
    let outcome = load.judge(&pair).await;
    assert_eq!(outcome.acme.of("file_interrupted").count(), 0);
}

async fn revision(company: &Company<'_>) -> Option<String> {
    company.instance().await.unwrap().status.and_then(|status| status.revision)
}

/// What the active receiver shows to whoever connects.
async fn served(nodes: &Nodes, company: &Company<'_>) -> Result<String, String> {
    let active = company.active(Daemon::SeonrdTcpipTls).await;
    let pod = company.api::<Pod>().get(&active.pod).await.map_err(|error| error.to_string())?;
    let address = pod.status.and_then(|status| status.pod_ip).ok_or("no address")?;
    let mut openssl = nodes.command("openssl");
    openssl.args(["s_client", "-showcerts", "-connect", &format!("{address}:6619")]);
    let output = openssl.stdin(std::process::Stdio::null()).output();
    let output = output.map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
