//! The seam to the hardware.

use std::sync::Arc;

use capi::State;
use configuration::{CapiController, IsdnAddress};
use futures::future::BoxFuture;
use tokio::sync::watch;
use transport::{Line, LineError};

/// Where controllers come from.
pub trait Controllers: Send + Sync + 'static {
    /// Seeks a controller, again and again, and has it take the calls that are wanted.
    fn open(&self, wanted: &CapiController) -> Result<Arc<dyn Controller>, LineError>;
}

/// A controller of ISDN. It takes no calls any more once it is dropped; lines that stand do.
pub trait Controller: Send + Sync {
    /// How it stands, and every change of it.
    fn state(&self) -> watch::Receiver<State>;

    /// The next call that comes. A future that is dropped has lost none.
    fn called(&self) -> BoxFuture<'_, Result<Ringing, LineError>>;

    /// Calls; it gives up in time, and when the future is dropped.
    fn call<'a>(&'a self, address: &'a IsdnAddress) -> BoxFuture<'a, Result<Line, LineError>>;
}

/// A call that came: to wait for it is to take it, to drop it is to say that we are busy.
pub type Ringing = BoxFuture<'static, Result<Line, LineError>>;
