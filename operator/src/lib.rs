//! SeonInstance on Kubernetes: [dereference] -> [validate] -> [plan] (pure) -> [apply] -> [status].
//!
//! [`reconcile`] is one turn for one instance and reads as these five calls. [`world`] is what the
//! watches have told, [`controller`] turns news into turns, [`election`] says which replica acts.
//! The decisions that could do harm are pure functions with tables of tests: [`rollout`] (the next
//! pod to be replaced), [`roles`] (who gets calls), [`failover`] (whether a lost pod may be removed), [`switchover`].

pub mod action;
pub mod apply;
pub mod arguments;
pub mod claims;
pub mod context;
pub mod controller;
pub mod daemon;
pub mod dereference;
pub mod election;
pub mod failover;
pub mod fingerprint;
pub mod last_good;
pub mod metrics;
pub mod plan;
pub mod problem;
pub mod questions;
pub mod rbac;
pub mod reconcile;
mod refusals;
pub mod render;
pub mod requests;
pub mod roles;
pub mod rollout;
pub mod run;
#[cfg(test)]
mod sample;
pub mod server;
pub mod status;
pub mod stranding;
pub mod switchover;
pub mod tenures;
pub mod turns;
pub mod validate;
pub mod world;
