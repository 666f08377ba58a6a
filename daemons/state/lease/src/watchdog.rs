//! The thread that ends the process when validity runs out, whatever the rest of it is doing.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use crate::{Boottime, Clock};

/// The exit code of a process that lost its lease.
pub const EXIT_LEASE_LOST: i32 = 70;

/// What learns until when the lease is valid, and acts when that moment passes.
pub trait Guard: Send {
    /// Validity lasts until `moment` on the keeper's clock.
    fn extend_until(&self, moment: Duration);

    /// The lease was given back: there is nothing to guard any more.
    fn stand_down(&self);
}

/// A thread of its own on a timer of `CLOCK_BOOTTIME`: neither a starved runtime nor a stopped or
/// suspended process can outlive its lease by more than it takes the kernel to schedule a thread.
///
/// The kernel holds the timer, so a thawed process finds it expired before anything else is due.
#[derive(Debug)]
pub struct Watchdog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    timer: OwnedFd,
    /// Nanoseconds of `CLOCK_BOOTTIME`; 0 while nothing is guarded.
    valid_until: AtomicU64,
    stopped: AtomicBool,
}

impl Watchdog {
    /// A watchdog that ends the process with [`EXIT_LEASE_LOST`].
    pub fn ending_the_process() -> io::Result<Self> {
        Self::start(|| {
            say(
                "E-LEASE-EXPIRED the lease was not renewed in time: the watchdog ends the process\n",
            );
            std::process::exit(EXIT_LEASE_LOST)
        })
    }

    /// A watchdog that calls `on_expiry` once, on its own thread, when validity has run out.
    pub fn start(on_expiry: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        const STACK: usize = 64 * 1024;
        let timer = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::CLOEXEC)?;
        let shared = Arc::new(Shared {
            timer,
            valid_until: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        });
        let watched = Arc::clone(&shared);
        std::thread::Builder::new().name("watchdog".to_owned()).stack_size(STACK).spawn(
            move || {
                if watched.wait_for_expiry() {
                    on_expiry();
                }
            },
        )?;
        Ok(Self { shared })
    }
}

impl Guard for Watchdog {
    fn extend_until(&self, moment: Duration) {
        self.shared.guard_until(moment);
    }

    fn stand_down(&self) {
        self.shared.guard_until(Duration::ZERO);
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // A moment long past: the thread wakes, sees that it is stopped, and ends.
        self.shared.arm(Duration::from_nanos(1));
    }
}

impl Shared {
    fn guard_until(&self, moment: Duration) {
        let nanoseconds = u64::try_from(moment.as_nanos()).unwrap_or(u64::MAX);
        self.valid_until.store(nanoseconds, Ordering::SeqCst);
        self.arm(moment);
    }

    /// Sets the timer to an absolute moment; zero disarms it.
    fn arm(&self, moment: Duration) {
        let value = Timespec {
            tv_sec: i64::try_from(moment.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(moment.subsec_nanos()),
        };
        let setting =
            Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        let set = timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &setting);
        if let Err(error) = set {
            // Cannot happen with a valid timer and a valid moment. If it does, a lease without a
            // watchdog must not go on silently.
            tracing::error!(code = "E-LEASE-WATCHDOG", %error, "the watchdog's timer was not set");
        }
    }

    /// Blocks until validity has run out (`true`) or the watchdog is dropped (`false`).
    fn wait_for_expiry(&self) -> bool {
        loop {
            let mut expirations = [0; 8];
            let read = rustix::io::read(&self.timer, &mut expirations);
            if self.stopped.load(Ordering::SeqCst) {
                return false;
            }
            // A timer that cannot be read cannot guard: treat it as expired rather than spin.
            let broken = matches!(read, Err(error) if error != rustix::io::Errno::INTR);
            let until = Duration::from_nanos(self.valid_until.load(Ordering::SeqCst));
            if broken || (!until.is_zero() && Boottime.now() >= until) {
                return true;
            }
        }
    }
}

/// Writes a line to standard error only if that cannot block: a full pipe must not keep a process
/// alive whose lease is gone.
fn say(line: &str) {
    let error_output = io::stderr();
    let mut ready = [PollFd::new(&error_output, PollFlags::OUT)];
    let no_wait = Timespec { tv_sec: 0, tv_nsec: 0 };
    if matches!(poll(&mut ready, Some(&no_wait)), Ok(1))
        && ready[0].revents().contains(PollFlags::OUT)
    {
        // Nothing is left to do about a failure: the next statement ends the process.
        let _ = rustix::io::write(&error_output, line.as_bytes());
    }
}
