//! What this process listens on, as really bound.

use std::sync::Arc;

use tokio::sync::watch;

use crate::status::ListenerStatus;

/// The listening sockets of this process; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Listeners(Arc<watch::Sender<Vec<Slot>>>);

/// One listening socket, listed for as long as this value lives.
#[derive(Debug)]
pub struct Listening {
    listeners: Listeners,
    number: u64,
}

#[derive(Debug)]
pub(crate) struct Slot {
    number: u64,
    status: ListenerStatus,
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "a caller gives the value itself or a reference to it"
)]
impl Listeners {
    /// Lists a socket that accepts connections, under the address that the kernel says.
    pub fn bound(&self, name: &str, address: impl ToString) -> Listening {
        self.add(name, address.to_string(), None)
    }

    /// Lists a socket that could not be bound: the daemon is not ready while this value lives.
    pub fn failed(&self, name: &str, address: impl ToString, error: impl ToString) -> Listening {
        self.add(name, address.to_string(), Some(error.to_string()))
    }

    /// All of them.
    pub fn snapshot(&self) -> Vec<ListenerStatus> {
        self.0.borrow().iter().map(|slot| slot.status.clone()).collect()
    }

    /// Every change of them.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Vec<Slot>> {
        self.0.subscribe()
    }

    fn add(&self, name: &str, address: String, error: Option<String>) -> Listening {
        let mut number = 0;
        self.0.send_modify(|slots| {
            number = slots.iter().map(|slot| slot.number + 1).max().unwrap_or(0);
            let name = name.to_owned();
            let status = ListenerStatus { name, address, ok: error.is_none(), error };
            slots.push(Slot { number, status });
        });
        Listening { listeners: self.clone(), number }
    }
}

#[allow(
    clippy::needless_pass_by_value,
    reason = "a caller gives the value itself or a reference to it"
)]
impl Listening {
    /// The socket stopped to accept connections, though it should.
    pub fn broke(&self, error: impl ToString) {
        self.change(Some(&error.to_string()));
    }

    /// The socket accepts connections again.
    pub fn recovered(&self) {
        self.change(None);
    }

    fn change(&self, error: Option<&str>) {
        self.listeners.0.send_modify(|slots| {
            for slot in slots.iter_mut().filter(|slot| slot.number == self.number) {
                slot.status.ok = error.is_none();
                slot.status.error = error.map(str::to_owned);
            }
        });
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.listeners.0.send_modify(|slots| slots.retain(|slot| slot.number != self.number));
    }
}
