//! What partners, disks and databases do on their bad days: each has a code and a sentence, and
//! nothing is lost or doubled.

mod disk;
mod guesses;
mod identities;
mod line;
mod offers;
mod partners;
mod payloads;
mod processes;
mod responders;
mod start;

use std::time::Duration;

use serde_json::Value;
use support::wait_until_blocking;
use system::{Company, Line, PATIENCE, Pair, Up};

/// Tries again soon, and often enough for every bad day here.
const EAGER: &str = "  lease: {ttl: 3s}\n  send: {retry: {attempts: 50, first: 1s, longest: 1s}}\n";

/// Both companies, up and ready; `change` sees them before their manifests are written.
fn running(acme_calls: Line, bolt_calls: Line, change: impl FnOnce(&mut Pair)) -> (Pair, Up, Up) {
    let mut pair = Pair::new();
    pair.acme.instance_extra = String::from(EAGER);
    change(&mut pair);
    pair.write(acme_calls, bolt_calls);
    let (acme, bolt) = (pair.acme.up(), pair.bolt.up());
    pair.acme.wait_until_ready();
    pair.bolt.wait_until_ready();
    (pair, acme, bolt)
}

/// Only bolt, which waits to be called by a partner of the test's own making.
fn bolt_alone() -> (Pair, Up) {
    let pair = Pair::new();
    pair.write(Line::Nothing, Line::Nothing);
    let bolt = pair.bolt.up();
    pair.bolt.wait_until_ready();
    (pair, bolt)
}

/// Waits until an entry has failed once, and gives it.
fn wait_for_error(company: &Company, entry: u64) -> Value {
    wait_until_blocking("the entry names its error", PATIENCE, || {
        let row = company.entry(entry);
        if row["error_code"].is_string() { Ok(row) } else { Err(row.to_string()) }
    })
}

/// The limit for what has to wait for leases, databases or daemons to come back.
const RECOVERY: Duration = Duration::from_mins(2);
