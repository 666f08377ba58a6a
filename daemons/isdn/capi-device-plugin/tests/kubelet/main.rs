//! The plugin against a kubelet that comes and goes, and controllers that do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, its helpers too"
)]

mod fake;
mod ioctl;
mod program;

use std::fs;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use std::time::Duration;

use capi_device_plugin::api::{DevicePluginOptions, RegisterRequest};
use capi_device_plugin::controllers::{Controllers, Sight};
use capi_device_plugin::error::PluginError;
use capi_device_plugin::run::run;
use capi_device_plugin::settings::Settings;
use fake::{Kubelet, PATIENCE, Shelf, well};
use support::{TemporaryDirectory, wait_until};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::Code;

/// A plugin at work in a folder of its own.
struct Plugin {
    folder: TemporaryDirectory,
    stop: CancellationToken,
    running: JoinHandle<Result<(), PluginError>>,
}

impl Plugin {
    fn start(folder: TemporaryDirectory, controllers: Arc<dyn Controllers>) -> Self {
        Self::start_with(folder, controllers, Settings::default())
    }

    fn start_with(
        folder: TemporaryDirectory,
        controllers: Arc<dyn Controllers>,
        settings: Settings,
    ) -> Self {
        let settings = Settings {
            kubelet_folder: folder.path().to_owned(),
            health_interval: Duration::from_millis(100),
            kubelet_interval: Duration::from_millis(20),
            ..settings
        };
        let stop = CancellationToken::new();
        let token = stop.clone();
        let running = tokio::spawn(async move { run(&settings, controllers, &token).await });
        Self { folder, stop, running }
    }

    async fn ends(self) -> Result<(), PluginError> {
        tokio::time::timeout(PATIENCE, self.running).await.expect("it ends").unwrap()
    }
}

/// A kubelet and a plugin that it knows.
async fn registered(controllers: &Arc<Shelf>) -> (Kubelet, Plugin) {
    let folder = TemporaryDirectory::new();
    let kubelet = Kubelet::start(folder.path());
    let plugin = Plugin::start(folder, Arc::<Shelf>::clone(controllers));
    kubelet.wait_until_registered().await;
    (kubelet, plugin)
}

#[tokio::test]
async fn the_plugin_registers_its_resource_and_lists_each_controller() {
    let (kubelet, _plugin) = registered(&Shelf::with(&[1, 2])).await;
    let wanted = RegisterRequest {
        version: "v1beta1".to_owned(),
        endpoint: "seon-capi.sock".to_owned(),
        resource_name: "seon.dev/capi-controller".to_owned(),
        options: Some(DevicePluginOptions::default()),
    };
    assert_eq!(kubelet.registrations(), [wanted]);
    kubelet.wait_for_devices(&["capi20-ctl1 Healthy", "capi20-ctl2 Healthy"]).await;
}

#[tokio::test]
async fn by_number_each_controller_is_a_resource_of_its_own_from_its_first_sight_on() {
    let shelf = Shelf::with(&[2]);
    let folder = TemporaryDirectory::new();
    let kubelet = Kubelet::start(folder.path());
    let by_number = Settings { by_number: true, ..Settings::default() };
    let plugin = Plugin::start_with(folder, Arc::<Shelf>::clone(&shelf), by_number);
    let second = "seon.dev/capi-controller-2";
    kubelet.wait_for_devices_of(second, &["capi20-ctl2 Healthy"]).await;
    shelf.becomes(well(&[1, 2]));
    let first = "seon.dev/capi-controller-1";
    kubelet.wait_for_devices_of(first, &["capi20-ctl1 Healthy"]).await;
    let given = kubelet.allocate_of(second, &["capi20-ctl2"]).await.unwrap();
    assert_eq!(given.envs["SEON_CAPI_CONTROLLER"], "2");
    let refused = kubelet.allocate_of(first, &["capi20-ctl2"]).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    // Unplugged, it is offered on as one that is not well; without the node it is not listed.
    shelf.becomes(well(&[1]));
    kubelet.wait_for_devices_of(second, &["capi20-ctl2 Unhealthy"]).await;
    shelf.becomes(Sight::NoNode);
    kubelet.wait_for_devices_of(first, &[]).await;
    kubelet.wait_for_devices_of(second, &[]).await;
    shelf.becomes(well(&[1, 2]));
    kubelet.wait_for_devices_of(first, &["capi20-ctl1 Healthy"]).await;
    assert_eq!(kubelet.registrations().len(), 2, "each once");
    // A kubelet that begins anew learns of both.
    let next = Kubelet::start(plugin.folder.path());
    next.wait_for_devices_of(first, &["capi20-ctl1 Healthy"]).await;
    next.wait_for_devices_of(second, &["capi20-ctl2 Healthy"]).await;
    plugin.stop.cancel();
    plugin.ends().await.unwrap();
}

#[tokio::test]
async fn controllers_that_come_and_go_are_told_to_the_kubelet() {
    let shelf = Shelf::new(Sight::NoNode);
    let (kubelet, _plugin) = registered(&shelf).await;
    kubelet.wait_for_devices(&[]).await;
    shelf.becomes(well(&[1, 2]));
    kubelet.wait_for_devices(&["capi20-ctl1 Healthy", "capi20-ctl2 Healthy"]).await;
    shelf.becomes(well(&[2]));
    kubelet.wait_for_devices(&["capi20-ctl1 Unhealthy", "capi20-ctl2 Healthy"]).await;
    shelf.becomes(Sight::Controllers([(1, Ok(())), (2, Err("0x2002".to_owned()))].into()));
    kubelet.wait_for_devices(&["capi20-ctl1 Healthy", "capi20-ctl2 Unhealthy"]).await;
    shelf.becomes(Sight::Silent("no driver".to_owned()));
    kubelet.wait_for_devices(&["capi20-ctl1 Unhealthy", "capi20-ctl2 Unhealthy"]).await;
    shelf.becomes(Sight::NoNode);
    kubelet.wait_for_devices(&[]).await;
}

#[tokio::test]
async fn a_driver_that_hangs_makes_its_controllers_unhealthy_until_it_answers() {
    let shelf = Shelf::with(&[1]);
    let (kubelet, _plugin) = registered(&shelf).await;
    kubelet.wait_for_devices(&["capi20-ctl1 Healthy"]).await;
    shelf.hangs(true);
    kubelet.wait_for_devices(&["capi20-ctl1 Unhealthy"]).await;
    shelf.hangs(false);
    kubelet.wait_for_devices(&["capi20-ctl1 Healthy"]).await;
}

#[tokio::test]
async fn a_container_gets_the_node_and_the_number_of_its_controller() {
    let (kubelet, _plugin) = registered(&Shelf::with(&[1, 2])).await;
    let given = kubelet.allocate(&["capi20-ctl2"]).await.unwrap();
    assert_eq!(given.envs["SEON_CAPI_CONTROLLER"], "2");
    assert_eq!(given.devices[0].host_path, "/dev/capi20");
    let refused = kubelet.allocate(&["capi20-ctl3"]).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert!(refused.message().starts_with("E-DEVICE-UNKNOWN "), "{refused}");
    let refused = kubelet.allocate(&["capi20-ctl1", "capi20-ctl2"]).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_controller_that_does_not_answer_is_not_given_away() {
    let shelf = Shelf::new(Sight::Controllers([(1, Err("0x2002".to_owned()))].into()));
    let (kubelet, _plugin) = registered(&shelf).await;
    let refused = kubelet.allocate(&["capi20-ctl1"]).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("0x2002"), "{refused}");
}

#[tokio::test]
async fn a_kubelet_that_begins_anew_is_registered_with_again() {
    let (first, plugin) = registered(&Shelf::with(&[1])).await;
    first.wait_for_devices(&["capi20-ctl1 Healthy"]).await;
    for _ in 0..3 {
        // It takes our socket away, as the real one does.
        let next = Kubelet::start(plugin.folder.path());
        next.wait_until_registered().await;
        next.wait_for_devices(&["capi20-ctl1 Healthy"]).await;
        assert_eq!(next.allocate(&["capi20-ctl1"]).await.unwrap().devices.len(), 1);
    }
    // The one before is no longer told anything.
    first.wait_for_end_of_list().await;
}

#[tokio::test]
async fn a_kubelet_that_comes_later_is_found() {
    let folder = TemporaryDirectory::new();
    let plugin = Plugin::start(folder, Shelf::with(&[1]));
    let kubelet = Kubelet::start(plugin.folder.path());
    kubelet.wait_for_devices(&["capi20-ctl1 Healthy"]).await;
}

#[tokio::test]
async fn a_kubelet_that_refuses_is_asked_again() {
    let folder = TemporaryDirectory::new();
    let kubelet = Kubelet::start(folder.path());
    kubelet.refuse(true);
    let plugin = Plugin::start(folder, Shelf::with(&[1]));
    let socket = plugin.folder.join("seon-capi.sock");
    wait_until("the plugin listens", PATIENCE, async || socket.exists()).await;
    kubelet.refuse(false);
    kubelet.wait_for_devices(&["capi20-ctl1 Healthy"]).await;
}

#[tokio::test]
async fn a_plugin_that_stops_ends_its_list_and_takes_its_socket_away() {
    let (kubelet, plugin) = registered(&Shelf::with(&[1])).await;
    kubelet.wait_for_devices(&["capi20-ctl1 Healthy"]).await;
    plugin.stop.cancel();
    kubelet.wait_for_end_of_list().await;
    let socket = plugin.folder.join("seon-capi.sock");
    plugin.ends().await.unwrap();
    assert!(!socket.exists());
}

#[tokio::test]
async fn a_plugin_without_a_kubelet_stops_too() {
    let plugin = Plugin::start(TemporaryDirectory::new(), Shelf::with(&[1]));
    plugin.stop.cancel();
    plugin.ends().await.unwrap();
}

#[tokio::test]
async fn a_plugin_whose_place_is_taken_leaves_it_to_the_other() {
    let (kubelet, plugin) = registered(&Shelf::with(&[1])).await;
    kubelet.wait_for_devices(&["capi20-ctl1 Healthy"]).await;
    let socket = plugin.folder.join("seon-capi.sock");
    // At one stroke, as a second plugin does it for those who look twenty times a second.
    let theirs = plugin.folder.join("other.sock");
    let _other = UnixListener::bind(&theirs).unwrap();
    fs::rename(&theirs, &socket).unwrap();
    let folder = plugin.folder.path().to_owned();
    let Plugin { running, folder: _kept, .. } = plugin;
    let error = tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.code(), "E-DEVICE-REPLACED");
    assert!(folder.join("seon-capi.sock").exists());
}

#[tokio::test]
async fn a_plugin_that_cannot_listen_says_where_and_ends() {
    let folder = TemporaryDirectory::new();
    let _kubelet = Kubelet::start(folder.path());
    fs::create_dir(folder.join("seon-capi.sock")).unwrap();
    let error = Plugin::start(folder, Shelf::with(&[1])).ends().await.unwrap_err();
    assert_eq!(error.code(), "E-DEVICE-SOCKET");
    assert!(error.to_string().contains("seon-capi.sock"), "{error}");
}
