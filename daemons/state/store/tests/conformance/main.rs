//! What the store promises, on PostgreSQL and SQLite alike: every test here runs against both.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what fails here is a test"
)]

/// Tests that take a [`world::World`], once for each database.
macro_rules! conformance {
    ($(async fn $name:ident($world:ident) $body:block)+) => {
        $(async fn $name($world: crate::world::World) $body)+

        mod sqlite {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(crate::world::World::sqlite().await).await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test]
                async fn $name() {
                    let server = support::postgres!();
                    super::$name(crate::world::World::postgres(server).await).await;
                }
            )+
        }
    };
}

mod claims;
mod clock;
mod crash;
mod delivery;
mod dialling;
mod fence;
mod identity;
mod interleavings;
mod journal;
mod lease_table;
mod partners;
mod plans;
mod preparing;
mod queue;
mod receipts;
mod receiving;
mod rejecting;
mod requests;
mod retention;
mod revocation;
mod run;
mod schema;
mod sessions;
mod shared;
mod unreachable;
mod waiting;
mod wakeups;
mod world;
