//! The definitions as `cargo xtask generate` wrote them: what a cluster is taught, as text, for
//! whoever needs the schema and not the code that makes it.

/// The `CustomResourceDefinition` of [`SeonInstance`](crate::SeonInstance), as YAML.
pub const SEON_INSTANCE: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/generated/seoninstances.yaml"));

/// The `CustomResourceDefinition` of [`SeonPartner`](crate::SeonPartner), as YAML.
pub const SEON_PARTNER: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/generated/seonpartners.yaml"));
