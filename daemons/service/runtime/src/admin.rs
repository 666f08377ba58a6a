//! The admin endpoint of every daemon: plain HTTP on a Unix socket, for `seon ps` and `seon check`,
//! and, where asked for, on a TCP address for Kubernetes and Prometheus.
//!
//! | request | answer | on TCP |
//! |---|---|---|
//! | `GET /healthz` | 200: the process answers and its lease, if it has one, is valid | yes |
//! | `GET /readyz` | 200 while active with all listeners ok, else 503 with the reason | yes |
//! | `GET /readyz?standby=ready` | the same, and 200 for a standby that sees its lease | yes |
//! | `GET /status` | [`crate::status::DaemonStatus`] as JSON | yes |
//! | `GET /metrics` | `OpenMetrics` text, families in [`crate::metrics`] | yes |
//! | `GET` a daemon's own paths | JSON of its own, while active; `/partners` of `seonsqd` | yes |
//! | `POST /reload` | 200, or 422 with one error a line while the old configuration stays | no |
//! | `POST /log-level` | the body is the new level: `debug`, `info,session=debug` | no |
//! | `POST /sessions/{id}/abort` | the body is the reason; 404 when there is no such session | no |
//!
//! Whoever may write to the socket may change the daemon; a TCP address is for reading only.

mod address;
mod bounded;
mod client;
mod server;

pub use address::{Address, AddressError, local_sockets, run_directory};
pub use client::{Answer, Client, ClientError};
pub use server::AdminError;
pub(crate) use server::{Endpoint, Reading, Standby};
