//! A kubelet as far as device plugins see it, and controllers that come and go as a test says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use capi_device_plugin::api::device_plugin::device_plugin_client::DevicePluginClient;
use capi_device_plugin::api::registration::registration_server::{
    Registration, RegistrationServer,
};
use capi_device_plugin::api::{
    AllocateRequest, ContainerAllocateRequest, ContainerAllocateResponse, Empty, RegisterRequest,
};
use capi_device_plugin::controllers::{Controllers, Number, Sight};
use support::wait_until;
use tokio::net::UnixListener;
use tokio::task::JoinSet;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// What the plugin offers unless a test says otherwise.
const RESOURCE: &str = "seon.dev/capi-controller";

/// A kubelet; on drop it is gone like one that is killed.
pub(crate) struct Kubelet {
    seen: Arc<Mutex<Seen>>,
    folder: PathBuf,
    // Aborted on drop.
    _tasks: JoinSet<()>,
}

/// What it has seen.
#[derive(Default)]
struct Seen {
    registrations: Vec<RegisterRequest>,
    /// The devices of the last list of each resource, each as `name health`; not any more once the
    /// plugin has ended it.
    devices: BTreeMap<String, Vec<String>>,
    refuse: bool,
}

impl Kubelet {
    /// Starts as the real one does: it empties its folder first.
    pub(crate) fn start(folder: &Path) -> Self {
        for entry in fs::read_dir(folder).unwrap() {
            // The plugin may be quicker.
            let _ = fs::remove_file(entry.unwrap().path());
        }
        let listener = UnixListener::bind(folder.join("kubelet.sock")).unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let service = Service { seen: Arc::clone(&seen), folder: folder.to_owned() };
        let mut tasks = JoinSet::new();
        tasks.spawn(async {
            let incoming = UnixListenerStream::new(listener);
            let server = Server::builder();
            server.serve_with_incoming(RegistrationServer::new(service), incoming).await.unwrap();
        });
        Self { seen, folder: folder.to_owned(), _tasks: tasks }
    }

    /// Refuses registrations from now on, or takes them again.
    pub(crate) fn refuse(&self, refuse: bool) {
        self.seen.lock().unwrap().refuse = refuse;
    }

    pub(crate) fn registrations(&self) -> Vec<RegisterRequest> {
        self.seen.lock().unwrap().registrations.clone()
    }

    pub(crate) async fn wait_until_registered(&self) {
        wait_until("the plugin registers", PATIENCE, async || !self.registrations().is_empty())
            .await;
    }

    /// Waits until the plugin lists exactly these, each as `name health`.
    pub(crate) async fn wait_for_devices(&self, wanted: &[&str]) {
        self.wait_for_devices_of(RESOURCE, wanted).await;
    }

    /// The same of another resource.
    pub(crate) async fn wait_for_devices_of(&self, resource: &str, wanted: &[&str]) {
        wait_until(&format!("the devices of {resource} are {wanted:?}"), PATIENCE, async || {
            match self.seen.lock().unwrap().devices.get(resource) {
                Some(devices) if devices == wanted => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    /// Waits until the plugin has ended its list.
    pub(crate) async fn wait_for_end_of_list(&self) {
        let is_over = || self.seen.lock().unwrap().devices.is_empty();
        wait_until("the list ends", PATIENCE, async || is_over()).await;
    }

    /// Wants devices for a container.
    pub(crate) async fn allocate(
        &self,
        names: &[&str],
    ) -> Result<ContainerAllocateResponse, Status> {
        self.allocate_of(RESOURCE, names).await
    }

    /// The same of another resource.
    pub(crate) async fn allocate_of(
        &self,
        resource: &str,
        names: &[&str],
    ) -> Result<ContainerAllocateResponse, Status> {
        let registrations = self.registrations();
        let of_resource = registrations.iter().rfind(|known| known.resource_name == resource);
        let endpoint = of_resource.unwrap().endpoint.clone();
        let devices_ids = names.iter().map(|name| (*name).to_owned()).collect();
        let container_requests = vec![ContainerAllocateRequest { devices_ids }];
        let mut plugin = connect(&self.folder, &endpoint).await.unwrap();
        let given = plugin.allocate(AllocateRequest { container_requests }).await?.into_inner();
        let [container] = given.container_responses.try_into().unwrap();
        Ok(container)
    }
}

async fn connect(
    folder: &Path,
    endpoint: &str,
) -> Result<DevicePluginClient<Channel>, tonic::transport::Error> {
    let address = format!("unix://{}", folder.join(endpoint).display());
    Ok(DevicePluginClient::new(Endpoint::from_shared(address)?.connect().await?))
}

struct Service {
    seen: Arc<Mutex<Seen>>,
    folder: PathBuf,
}

#[tonic::async_trait]
impl Registration for Service {
    /// Calls the plugin back before it answers, and follows its list, as the real one does.
    async fn register(&self, request: Request<RegisterRequest>) -> Result<Response<Empty>, Status> {
        if self.seen.lock().unwrap().refuse {
            return Err(Status::unavailable("not now"));
        }
        let request = request.into_inner();
        let mut plugin = connect(&self.folder, &request.endpoint).await.unwrap();
        let options = plugin.options(Empty {}).await?.into_inner();
        assert_eq!(Some(options), request.options);
        let mut list = plugin.list_and_watch(Empty {}).await?.into_inner();
        let resource = request.resource_name.clone();
        self.seen.lock().unwrap().registrations.push(request);
        let seen = Arc::clone(&self.seen);
        tokio::spawn(async move {
            while let Ok(Some(list)) = list.message().await {
                let devices = list.devices.into_iter();
                let devices = devices.map(|device| device.id + " " + &device.health).collect();
                seen.lock().unwrap().devices.insert(resource.clone(), devices);
            }
            seen.lock().unwrap().devices.remove(&resource);
        });
        Ok(Response::new(Empty {}))
    }
}

/// Controllers that are as a test says.
pub(crate) struct Shelf {
    sight: Mutex<Sight>,
    is_stuck: Mutex<bool>,
    freed: Condvar,
}

impl Shelf {
    pub(crate) fn new(sight: Sight) -> Arc<Self> {
        Arc::new(Self {
            sight: Mutex::new(sight),
            is_stuck: Mutex::new(false),
            freed: Condvar::new(),
        })
    }

    /// With these controllers, each well.
    pub(crate) fn with(controllers: &[Number]) -> Arc<Self> {
        Self::new(well(controllers))
    }

    pub(crate) fn becomes(&self, sight: Sight) {
        *self.sight.lock().unwrap() = sight;
    }

    /// Whoever looks is held, or goes on.
    pub(crate) fn hangs(&self, is_stuck: bool) {
        *self.is_stuck.lock().unwrap() = is_stuck;
        self.freed.notify_all();
    }
}

pub(crate) fn well(controllers: &[Number]) -> Sight {
    Sight::Controllers(controllers.iter().map(|number| (*number, Ok(()))).collect())
}

impl Controllers for Shelf {
    fn look(&self) -> Sight {
        let held = self.freed.wait_while(self.is_stuck.lock().unwrap(), |is_stuck| *is_stuck);
        drop(held.unwrap());
        self.sight.lock().unwrap().clone()
    }
}
