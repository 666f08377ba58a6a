//! The plugin on the ioctls of a file that stands in for `/dev/capi20`.

use std::sync::Arc;

use capi_device_plugin::api::Mount;
use capi_device_plugin::device::DeviceNode;
use capi_device_plugin::settings::Settings;
use capi_sim::{Exchange, Port};
use capi_sys::message::Controller;
use support::TemporaryDirectory;

use crate::Plugin;
use crate::fake::Kubelet;

#[tokio::test]
async fn controllers_behind_a_file_are_listed_watched_and_mounted_into_containers() {
    if let Some(reason) = capi_sim::device::obstacle() {
        support::skip!(fuse, "{reason}");
    }
    let ports = ["4411", "4422"].map(|number| Port::with_iso_8208([number.parse().unwrap()]));
    let exchange = Exchange::new(ports);
    let machine = TemporaryDirectory::new();
    let path = machine.join("capi20");
    let file = exchange.device(&path).unwrap();

    let folder = TemporaryDirectory::new();
    let kubelet = Kubelet::start(folder.path());
    let node = path.to_str().unwrap().to_owned();
    let settings = Settings { node: node.clone(), ..Settings::default() };
    let _plugin = Plugin::start_with(folder, Arc::new(DeviceNode::at(&path)), settings);
    kubelet.wait_for_devices(&["capi20-ctl1 Healthy", "capi20-ctl2 Healthy"]).await;
    let given = kubelet.allocate(&["capi20-ctl2"]).await.unwrap();
    assert_eq!(given.envs["SEON_CAPI_CONTROLLER"], "2");
    assert_eq!(given.envs["SEON_CAPI_DEVICE"], node);
    let mount = Mount { container_path: node.clone(), host_path: node, read_only: false };
    assert_eq!((given.mounts, given.devices), (vec![mount], vec![]));

    let second = Controller::new(2).unwrap();
    exchange.vanish(second);
    kubelet.wait_for_devices(&["capi20-ctl1 Healthy", "capi20-ctl2 Unhealthy"]).await;
    let refused = kubelet.allocate(&["capi20-ctl2"]).await.unwrap_err();
    assert!(refused.message().contains("0x2002"), "{refused}");
    exchange.vanish(Controller::new(1).unwrap());
    kubelet.wait_for_devices(&["capi20-ctl1 Unhealthy", "capi20-ctl2 Unhealthy"]).await;
    exchange.bring_back(second);
    kubelet.wait_for_devices(&["capi20-ctl1 Unhealthy", "capi20-ctl2 Healthy"]).await;

    drop(file);
    kubelet.wait_for_devices(&[]).await;
    let _file = exchange.device(&path).unwrap();
    kubelet.wait_for_devices(&["capi20-ctl1 Unhealthy", "capi20-ctl2 Healthy"]).await;
}
