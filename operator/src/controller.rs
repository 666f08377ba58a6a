//! The watches, the queue and the turns of one scope: a namespace, or all of them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _};
use kube::{
    Client,
    runtime::{
        applier,
        controller::{Action, Config, Error},
        reflector::ObjectRef,
    },
};
use tokio::time::{Instant, timeout};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    context::{Context, Installation},
    metrics::Metrics,
    reconcile::{ReconcileError, reconcile},
    status,
    turns::{LIMIT, Turns},
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
    /// What the operator was told as it was installed.
    pub installation: Installation,
    /// This replica's name.
    pub identity: String,
    /// The turns of this process, of every scope.
    pub turns: Arc<Turns>,
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
        settings.installation,
        settings.identity,
        metrics,
    ));
    let work = Arc::new(Work {
        context: Arc::clone(&context),
        turns: settings.turns,
        failures: Failures::default(),
        stop: stop.clone(),
    });
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
        // How many run at once is the turns' own: here a namespace that hangs would take all room.
        let config = Config::default().concurrency(0).debounce(DEBOUNCE);
        let waits = Arc::clone(&work);
        applier(
            // As a task of its own: all of them are polled together here, and one that takes long
            // to think would hold up the others.
            move |instance, _| {
                let turn = tokio::spawn(Arc::clone(&work).turn(instance));
                AbortOnDropHandle::new(turn).map(ended_well).boxed()
            },
            move |instance: Arc<GuardedInstance>, error: &ReconcileError, _| {
                Action::requeue(waits.failures.wait(&key_of(&instance), error.code()))
            },
            Arc::clone(&context),
            world.instances.clone(),
            queue,
            config,
        )
        .for_each_concurrent(None, |result| ended(&context, result))
        .await;
    };
    let claimed = || {
        let instances = context.world.instances.state();
        instances.iter().filter_map(|instance| kube::ResourceExt::namespace(&**instance)).collect()
    };
    tokio::select! {
        () = turns => {}
        () = context.claims.keep(claimed) => {}
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

/// What turns are taken with.
struct Work {
    context: Arc<Context>,
    turns: Arc<Turns>,
    failures: Failures,
    stop: CancellationToken,
}

impl Work {
    async fn turn(
        self: Arc<Self>,
        instance: Arc<GuardedInstance>,
    ) -> Result<Action, ReconcileError> {
        let key = key_of(&instance);
        let _turn = tokio::select! {
            turn = self.turns.begin(&key) => turn,
            // The next replica looks at everything.
            () = self.stop.cancelled() => return Ok(Action::await_change()),
        };
        let began = Instant::now();
        let context = &self.context;
        // What it is now: while it waited it may have changed, and a turn by what it was would undo
        // that for a moment. Of one that is gone there is news.
        let reference = ObjectRef::new(&key.name).within(&key.namespace);
        let Some(instance) = context.world.instances.get(&reference) else {
            return Ok(Action::await_change());
        };
        let reconciled = reconcile(Arc::clone(&instance), Arc::clone(context));
        let limit = self.turns.limit();
        let result = match timeout(limit, reconciled).await {
            Ok(result) => result,
            Err(_) => Err(ReconcileError::Late { limit }),
        }
        .inspect_err(log(&key));
        if let Err(error @ ReconcileError::Late { .. }) = &result {
            // By the same way that did not answer, so not for long.
            let _ = timeout(limit / 4, status::late(context, &instance, error)).await;
        }
        let code = result.as_ref().err().map(ReconcileError::code);
        context.metrics.reconciled(began.elapsed().as_secs_f64(), code);
        if result.is_ok() {
            self.failures.forget(&key);
        }
        result
    }
}

/// A turn that has panicked ends the process, as any task that is dead.
fn ended_well(
    result: Result<Result<Action, ReconcileError>, tokio::task::JoinError>,
) -> Result<Action, ReconcileError> {
    match result.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(result) => result,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // The process ends.
        Err(Err(_)) => Ok(Action::await_change()),
    }
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
    if let Err(error) = context.claims.hold(&key.namespace).await {
        context.metrics.failed(error.code());
        return tracing::warn!(instance = %key, code = error.code(), "{error}");
    }
    // Beside the turns: it cannot hold up any, and what it could not say the next news does.
    let Ok(said) = timeout(LIMIT, status::without_instance(context, &key)).await else {
        return context.metrics.failed(ReconcileError::Late { limit: LIMIT }.code());
    };
    if let Err(error) = said {
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
mod tests;
