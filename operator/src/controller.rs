//! The watches, the queue and the turns of one scope: a namespace, or all of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, TryFutureExt as _};
use kube::{
    Client,
    runtime::{
        applier,
        controller::{Action, Config, Error},
        reflector::ObjectRef,
    },
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    context::Context,
    metrics::Metrics,
    reconcile::{ReconcileError, reconcile},
    status,
    world::{GuardedInstance, InstanceKey, Watches, watch},
};

/// Waits after a failure: doubled each time, up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(2);
/// News about one instance that comes within this time is one piece of news.
const DEBOUNCE: Duration = Duration::from_millis(50);

/// What a scope is worked on with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The daemons' image.
    pub image: String,
    /// This replica's name.
    pub identity: String,
    /// Instances at once.
    pub concurrency: u16,
    /// Whether nodes are watched.
    pub with_nodes: bool,
}

/// Works until it is told to stop, and then ends the turns that are under way. Ends by itself only
/// by a defect: a watch that has ended would leave it blind.
pub async fn run(
    client: Client,
    namespace: Option<String>,
    settings: Settings,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) {
    let Watches { world, news, mut running, listed } =
        watch(&client, namespace.as_deref(), settings.with_nodes);
    let context = Arc::new(Context::new(
        client,
        Arc::clone(&world),
        settings.image,
        settings.identity,
        metrics,
    ));
    let failures = Arc::new(Failures::default());
    let turns = async {
        // Before everything is listed, all of it would seem to be missing.
        tokio::select! {
            () = listed => {}
            () = stop.cancelled() => return,
        }
        let queue = tokio_stream(news).take_until(stop.cancelled());
        let queue = queue.map(|key: InstanceKey| {
            Ok::<_, std::convert::Infallible>(ObjectRef::new(&key.name).within(&key.namespace))
        });
        let config = Config::default().concurrency(settings.concurrency).debounce(DEBOUNCE);
        let (counted, waits) = (Arc::clone(&failures), Arc::clone(&failures));
        applier(
            move |instance, context| turn(instance, context, Arc::clone(&counted)).boxed(),
            move |instance: Arc<GuardedInstance>, error: &ReconcileError, _| {
                Action::requeue(waits.wait(&key_of(&instance), error.code()))
            },
            Arc::clone(&context),
            world.instances.clone(),
            queue,
            config,
        )
        .for_each_concurrent(None, |result| ended(&context, result))
        .await;
    };
    tokio::select! {
        () = turns => {}
        watch = running.next() => {
            tracing::error!(watch = watch.unwrap_or("none"), "a watch has ended");
        }
    }
}

/// Whom the news is about, as a stream.
fn tokio_stream(
    news: tokio::sync::mpsc::UnboundedReceiver<InstanceKey>,
) -> impl futures::Stream<Item = InstanceKey> {
    futures::stream::unfold(news, |mut news| async move { Some((news.recv().await?, news)) })
}

async fn turn(
    instance: Arc<GuardedInstance>,
    context: Arc<Context>,
    failures: Arc<Failures>,
) -> Result<Action, ReconcileError> {
    let began = Instant::now();
    let key = key_of(&instance);
    let result = reconcile(instance, Arc::clone(&context)).inspect_err(log(&key)).await;
    let code = result.as_ref().err().map(ReconcileError::code);
    context.metrics.reconciled(began.elapsed().as_secs_f64(), code);
    if result.is_ok() {
        failures.forget(&key);
    }
    result
}

fn log(key: &InstanceKey) -> impl FnOnce(&ReconcileError) + use<> {
    let key = key.clone();
    move |error| tracing::warn!(instance = %key, code = error.code(), "{error}")
}

fn key_of(instance: &GuardedInstance) -> InstanceKey {
    use kube::ResourceExt as _;
    InstanceKey::new(instance.namespace().unwrap_or_default(), instance.name_any())
}

type Ended =
    Result<(ObjectRef<GuardedInstance>, Action), Error<ReconcileError, std::convert::Infallible>>;

/// News about an instance that is not there is news about its partners.
async fn ended(context: &Context, result: Ended) {
    let Err(Error::ObjectNotFound(reference)) = result else { return };
    let key = InstanceKey::new(reference.namespace.unwrap_or_default(), reference.name);
    context.doomed.forget(&key);
    if let Err(error) = status::without_instance(context, &key).await {
        context.metrics.failed(error.code());
        tracing::warn!(instance = %key, code = error.code(), "{error}");
    }
}

/// How often an instance has failed in a row.
#[derive(Debug, Default)]
struct Failures(Mutex<HashMap<InstanceKey, u32>>);

impl Failures {
    /// How long to wait after one more failure.
    fn wait(&self, key: &InstanceKey, code: &'static str) -> Duration {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = failures.entry(key.clone()).or_default();
        *count = count.saturating_add(1);
        tracing::debug!(instance = %key, code, failures = *count, "is tried again");
        FIRST_WAIT.saturating_mul(1 << (*count - 1).min(16)).min(LONGEST_WAIT)
    }

    fn forget(&self, key: &InstanceKey) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_in_a_row_is_waited_for_twice_as_long_up_to_two_minutes() {
        let (failures, key) = (Failures::default(), InstanceKey::new("a", "acme"));
        let waits: Vec<u64> =
            (0..9).map(|_| failures.wait(&key, "E-APPLY-REFUSED").as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
        failures.forget(&key);
        assert_eq!(failures.wait(&key, "E-APPLY-REFUSED").as_secs(), 1);
    }
}
