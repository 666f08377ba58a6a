//! Partners that are reached by ISDN, by a router's line and by an adapter in a node. The exchange is
//! a simulated one.

use std::fs;

use domain::Daemon;
use e2e::{Adapter, Exchange, Line, Pair, Stage, eventually};
use k8s_openapi::api::core::v1::Node;
use kube::api::Api;
use serde_json::json;

const ACME: &str = "0221100";
const BOLT: &str = "0221200";
/// Where the adapters' driver has its device. Each node sees a device of its own there.
const DEVICE: &str = "/var/lib/isdn/capi20";
const RESOURCE: &str = "seon.dev/capi-controller-1";

fn capi(controller: u8) -> Daemon {
    Daemon::SeonrdCapi(controller.try_into().unwrap())
}

pub(crate) async fn two_companies_exchange_files_by_the_line_of_a_router(stage: &Stage) {
    let nodes = cluster::nodes!(stage);
    let _exchange = Exchange::beside(nodes, &[(ACME, 2662), (BOLT, 2663)]);
    let of_router = |port: u16| json!({"number": 1, "remote": {"host": "10.99.0.1", "port": port}});
    let pair = Pair::ready_with(stage, Line::Isdn(BOLT), Line::Isdn(ACME), |acme, bolt| {
        for (objects, port) in [(acme, 2662), (bolt, 2663)] {
            let capi = json!({"controllers": [of_router(port)]});
            objects.instance.spec.receive.capi = serde_json::from_value(capi).unwrap();
        }
    })
    .await;
    let load = pair.at_rest().await;
    load.flows().await;
    let active = pair.acme.active(capi(1)).await;
    pair.acme.delete_by_force(&active.pod).await;
    pair.acme.taken_over(capi(1), &active).await;
    load.flows().await;
    pair.is_ready().await;
    for company in pair.companies() {
        let receive = company.instance().await.unwrap().status.unwrap().receive;
        assert_eq!(receive.as_deref(), Some("capi"));
    }
    let outcome = load.judge(&pair).await;
    assert!(outcome.bolt.of("session_started").count() > 0);
}

pub(crate) async fn a_daemon_follows_the_adapter_from_node_to_node(stage: &Stage) {
    let nodes = cluster::nodes!(stage);
    if let Some(reason) = capi_sim::device::obstacle() {
        support::skip!(fuse, "{reason}");
    }
    // Each node has an adapter, and a line at the same exchange as one of bolt's.
    let one = Adapter { node: "node-1", device: DEVICE, controller: 2 };
    let two = Adapter { node: "node-2", device: DEVICE, controller: 1 };
    let exchanges = [
        Exchange::on_node(nodes, one, &[BOLT, ACME]).await,
        Exchange::on_node(nodes, two, &[ACME, BOLT]).await,
    ];
    let place = |node: &str| [one, two].into_iter().position(|one| one.node == node).unwrap();
    // As Node Feature Discovery labels nodes with an adapter.
    for node in [one.node, two.node] {
        let label = "feature.node.kubernetes.io/pci-0204.present=true";
        stage.cluster.kubectl(&["label", "node", node, label]).await.unwrap();
    }
    stage.upgrade_with(&["isdn.enabled=true", &format!("isdn.device={DEVICE}")]).await;
    has_controllers(stage, one.node, "1").await;
    has_controllers(stage, two.node, "1").await;

    let device = json!({"controllers": [{"number": 1, "device": {"path": DEVICE}}]});
    let remote = |number: u8| {
        let host = format!("10.99.0.1{number}");
        json!({"number": number, "remote": {"host": host}})
    };
    let remotes = json!({"controllers": [remote(1), remote(2)]});
    let pair = Pair::ready_with(stage, Line::Isdn(BOLT), Line::Isdn(ACME), |acme, bolt| {
        acme.instance.spec.receive.capi = serde_json::from_value(device).unwrap();
        bolt.instance.spec.receive.capi = serde_json::from_value(remotes).unwrap();
    })
    .await;
    let load = pair.at_rest().await;
    load.flows().await;
    let active = pair.acme.active(capi(1)).await;
    let process = nodes.processes(pair.acme.namespace(), &active.pod).await[0].as_raw_nonzero();
    let environment = fs::read_to_string(format!("/proc/{process}/environ")).unwrap();
    for wanted in ["SEON_CAPI_CONTROLLER=1".to_owned(), format!("SEON_CAPI_DEVICE={DEVICE}")] {
        assert!(environment.split('\0').any(|variable| variable == wanted), "{environment}");
    }
    assert!(fs::exists(format!("/proc/{process}/root{DEVICE}")).unwrap());

    let (from, to) = if place(&active.node) == 0 { (one, two) } else { (two, one) };
    exchanges[place(from.node)].unplug(from.controller);
    has_controllers(stage, from.node, "0").await;
    let after = pair.acme.taken_over(capi(1), &active).await;
    assert_eq!(after.node, to.node);
    let lost = ["get", "events", "--field-selector=reason=ControllerLost", "--output=name"];
    let namespace = ["--namespace", pair.acme.namespace()];
    let events = stage.cluster.kubectl(&[&lost[..], &namespace].concat()).await.unwrap();
    assert_eq!(events.lines().count(), 1, "{events}");
    load.flows().await;
    pair.is_ready().await;

    // Plugged in again, it is there when the other one's node is lost.
    exchanges[place(from.node)].plug(from.controller);
    has_controllers(stage, from.node, "1").await;
    nodes.power_off(to.node).await;
    assert_eq!(pair.acme.taken_over(capi(1), &after).await.node, from.node);
    load.flows().await;
    nodes.start_node(to.node).await;
    load.judge(&pair).await;

    stage.upgrade_with(&[]).await;
    has_controllers(stage, from.node, "0").await;
}

async fn has_controllers(stage: &Stage, name: &str, wanted: &str) {
    let nodes = Api::<Node>::all(stage.client.clone());
    eventually(&format!("{name} has {wanted} controllers to give"), async || {
        let node = nodes.get(name).await.map_err(|error| error.to_string())?;
        let allocatable = node.status.unwrap_or_default().allocatable.unwrap_or_default();
        match allocatable.get(RESOURCE) {
            Some(quantity) if quantity.0 == wanted => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}
