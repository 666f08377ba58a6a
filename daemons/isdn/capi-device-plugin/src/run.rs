//! The plugin from its first look to its end.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::watch::{Receiver, Sender};
use tokio_util::sync::CancellationToken;

use crate::controllers::{Controllers, Number};
use crate::devices::Devices;
use crate::error::PluginError;
use crate::kubelet::stay_registered;
use crate::offer::Offer;
use crate::settings::Settings;
use crate::watch::watch;

/// Runs until it is told to stop, which is no error, or cannot go on. Its socket goes with it.
pub async fn run(
    settings: &Settings,
    controllers: Arc<dyn Controllers>,
    stop: &CancellationToken,
) -> Result<(), PluginError> {
    let devices = Sender::new(None::<Devices>);
    let serving = async {
        // The kubelet gets a whole first list, not an empty one.
        let mut devices = devices.subscribe();
        tokio::select! {
            _ = devices.wait_for(Option::is_some) => {}
            () = stop.cancelled() => return Ok(()),
        }
        if settings.by_number {
            offer_each(settings, devices, stop).await
        } else {
            stay_registered(settings, &Offer::any(&settings.resource), devices, stop).await
        }
    };
    tokio::select! {
        () = watch(controllers, settings.health_interval, &devices) => Ok(()),
        result = serving => result,
    }
}

/// Offers each controller from its first sight on. One that goes is offered on as one that is not
/// there, so that the kubelet gives none away and knows it again when it comes back.
async fn offer_each(
    settings: &Settings,
    mut devices: Receiver<Option<Devices>>,
    stop: &CancellationToken,
) -> Result<(), PluginError> {
    let mut offered = BTreeSet::new();
    let mut offers = FuturesUnordered::new();
    loop {
        for number in numbers(&mut devices).into_iter().filter(|number| offered.insert(*number)) {
            let offer = Offer::one(&settings.resource, number);
            let devices = devices.clone();
            offers.push(async move { stay_registered(settings, &offer, devices, stop).await });
        }
        tokio::select! {
            Some(over) = offers.next() => over?,
            // They end with us.
            changed = devices.changed() => if changed.is_err() { return Ok(()) },
            () = stop.cancelled() => break,
        }
    }
    while let Some(over) = offers.next().await {
        over?;
    }
    Ok(())
}

fn numbers(devices: &mut Receiver<Option<Devices>>) -> Vec<Number> {
    devices.borrow_and_update().iter().flat_map(Devices::iter).map(|(number, _)| number).collect()
}
