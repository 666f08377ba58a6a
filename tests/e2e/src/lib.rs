//! Two companies on a real cluster.
