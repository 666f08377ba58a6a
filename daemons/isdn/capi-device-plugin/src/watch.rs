//! Looks at the controllers again and again, and publishes what has changed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::controllers::{Controllers, Number, Sight};
use crate::devices::{Devices, Health};

/// Looks once and then at every interval, for as long as it is polled.
///
/// A look that takes longer than an interval makes every controller unhealthy until it ends; a
/// driver that hangs is asked only once at a time.
pub async fn watch(
    controllers: Arc<dyn Controllers>,
    every: Duration,
    devices: &Sender<Option<Devices>>,
) {
    let mut times = interval(every);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        let mut look = look(&controllers);
        let in_time = timeout(every, &mut look).await;
        let answer = if let Ok(answer) = in_time {
            answer
        } else {
            publish(&Sight::Silent(format!("no answer within {every:?}")), devices);
            look.await
        };
        let failed = |error| Sight::Silent(format!("the look at it failed: {error}"));
        let sight = answer.unwrap_or_else(failed);
        publish(&sight, devices);
    }
}

fn look(controllers: &Arc<dyn Controllers>) -> JoinHandle<Sight> {
    let controllers = Arc::clone(controllers);
    tokio::task::spawn_blocking(move || controllers.look())
}

fn publish(sight: &Sight, devices: &Sender<Option<Devices>>) {
    devices.send_if_modified(|current| {
        let before = current.clone().unwrap_or_default();
        let after = before.after(sight);
        tell(&before, &after);
        let has_changed = current.as_ref() != Some(&after);
        *current = Some(after);
        has_changed
    });
}

fn tell(before: &Devices, after: &Devices) {
    for (controller, health) in after.iter() {
        match (before.get(controller), health) {
            (known, now) if known == Some(now) => {}
            (_, Health::Healthy) => tracing::info!(controller, "ISDN controller answers"),
            (_, Health::Unhealthy(reason)) => {
                let code = "E-DEVICE-UNHEALTHY";
                tracing::warn!(controller, code, "ISDN controller does not answer: {reason}");
            }
        }
    }
    let is_gone = |controller: &Number| after.get(*controller).is_none();
    for controller in before.iter().map(|(controller, _)| controller).filter(is_gone) {
        let code = "E-DEVICE-GONE";
        tracing::warn!(controller, code, "ISDN controller is gone with its device node");
    }
}
