//! Keeps the plugin known to the kubelet: a socket of our own, a registration, and both again
//! whenever the kubelet begins anew.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::watch::Receiver;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Endpoint, Server};

use crate::api::device_plugin::device_plugin_server::DevicePluginServer;
use crate::api::registration::registration_client::RegistrationClient;
use crate::api::{DevicePluginOptions, RegisterRequest, VERSION};
use crate::devices::Devices;
use crate::error::{PluginError, RegistrationError};
use crate::offer::Offer;
use crate::plugin::Plugin;
use crate::settings::Settings;
use crate::socket::{Identity, OwnSocket};

/// The kubelet's own socket, in its folder of device plugins.
const KUBELET: &str = "kubelet.sock";
/// How long the kubelet may take to register us: it calls us back before it answers.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long calls of the kubelet may take to end when we do.
const FAREWELL: Duration = Duration::from_secs(2);

/// Why one registration is over.
enum Over {
    /// The kubelet began anew.
    KubeletIsNew,
    /// We are to end.
    Stopped,
}

/// Stays registered with an offer until it is told to stop, whichever kubelets come and go.
pub async fn stay_registered(
    settings: &Settings,
    offer: &Offer,
    devices: Receiver<Option<Devices>>,
    stop: &CancellationToken,
) -> Result<(), PluginError> {
    let folder = Folder { path: settings.kubelet_folder.clone() };
    loop {
        let kubelet = tokio::select! {
            kubelet = folder.kubelet(settings.kubelet_interval) => kubelet,
            () = stop.cancelled() => return Ok(()),
        };
        match serve(settings, offer, &folder, kubelet, devices.clone(), stop).await? {
            Over::KubeletIsNew => {
                tracing::info!(resource = offer.resource, "the kubelet begins anew");
            }
            Over::Stopped => return Ok(()),
        }
    }
}

/// Serves one kubelet from its registration on.
async fn serve(
    settings: &Settings,
    offer: &Offer,
    folder: &Folder,
    kubelet: Identity,
    devices: Receiver<Option<Devices>>,
    stop: &CancellationToken,
) -> Result<Over, PluginError> {
    let (socket, listener) = OwnSocket::bind(&folder.path.join(&offer.socket))?;
    let ending = CancellationToken::new();
    let plugin = Plugin::new(devices, offer.clone(), &settings.node, ending.clone());
    let mut answering = Box::pin(answer(listener, plugin, ending.clone()));
    let over = tokio::select! {
        result = &mut answering => {
            result?;
            return Err(PluginError::Serve("the socket is closed".to_owned()));
        }
        over = keep(settings, offer, folder, kubelet, &socket) => over?,
        () = stop.cancelled() => Over::Stopped,
    };
    ending.cancel();
    // Who has not ended by then is cut off.
    let _ = timeout(FAREWELL, answering).await;
    Ok(over)
}

async fn answer(
    listener: UnixListener,
    plugin: Plugin,
    ending: CancellationToken,
) -> Result<(), PluginError> {
    let incoming = UnixListenerStream::new(listener);
    Server::builder()
        .serve_with_incoming_shutdown(
            DevicePluginServer::new(plugin),
            incoming,
            ending.cancelled_owned(),
        )
        .await
        .map_err(|error| PluginError::Serve(causes(&error)))
}

/// Registers, and looks whether that still holds.
async fn keep(
    settings: &Settings,
    offer: &Offer,
    folder: &Folder,
    kubelet: Identity,
    socket: &OwnSocket,
) -> Result<Over, PluginError> {
    let mut times = interval(settings.kubelet_interval);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_registered = false;
    loop {
        times.tick().await;
        if !socket.is_there()? || Identity::of(&folder.of_kubelet()) != Some(kubelet) {
            return Ok(Over::KubeletIsNew);
        }
        if is_registered {
            continue;
        }
        match register(&folder.of_kubelet(), offer).await {
            Ok(()) => {
                tracing::info!(resource = settings.resource, "registered with the kubelet");
                is_registered = true;
            }
            Err(error) => tracing::warn!(code = error.code(), "{error}"),
        }
    }
}

async fn register(kubelet: &Path, offer: &Offer) -> Result<(), RegistrationError> {
    let unreachable = |error: tonic::transport::Error| RegistrationError::Unreachable {
        path: kubelet.to_owned(),
        reason: causes(&error),
    };
    let request = RegisterRequest {
        version: VERSION.to_owned(),
        endpoint: offer.socket.clone(),
        resource_name: offer.resource.clone(),
        options: Some(DevicePluginOptions::default()),
    };
    let registering = async {
        let address = format!("unix://{}", kubelet.display());
        let endpoint = Endpoint::from_shared(address).map_err(unreachable)?;
        let mut client = RegistrationClient::new(endpoint.connect().await.map_err(unreachable)?);
        let refused = |status: tonic::Status| RegistrationError::Refused(status.to_string());
        client.register(request).await.map(drop).map_err(refused)
    };
    match timeout(PATIENCE, registering).await {
        Ok(result) => result,
        Err(_) => Err(RegistrationError::TimedOut(PATIENCE)),
    }
}

/// An error with all that lies below it: tonic's own texts say little.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

/// The kubelet's folder of device plugins.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn of_kubelet(&self) -> PathBuf {
        self.path.join(KUBELET)
    }

    /// The kubelet's socket, once there is one.
    async fn kubelet(&self, every: Duration) -> Identity {
        let mut times = interval(every);
        loop {
            times.tick().await;
            if let Some(identity) = Identity::of(&self.of_kubelet()) {
                return identity;
            }
        }
    }
}
