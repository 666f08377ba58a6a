//! What a spool promises, on a file system and on a store of whole objects alike: every test here
//! runs against both.

#![allow(clippy::unwrap_used, reason = "what fails here is a test")]

/// Tests that take a world, once for each backend.
macro_rules! conformance {
    ($(async fn $name:ident($world:ident) $body:block)+) => {
        $(async fn $name<W: crate::world::World>($world: W) $body)+

        mod files {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(crate::world::Files::new()).await;
                }
            )+
        }

        mod objects {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name(crate::world::Objects::new()).await;
                }
            )+
        }
    };
}

mod bucket;
mod delivery;
mod object_spool;
mod parts;
mod payloads;
mod sweep;
mod world;
