//! Who has which address in a cluster. Every cluster has the same ones: it is alone in its network
//! namespaces.

use std::net::Ipv4Addr;

/// The API server.
pub(crate) const API_SERVER: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
/// PostgreSQL.
pub(crate) const DATABASE: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 2);
/// The cluster's DNS server.
pub(crate) const NAME_SERVER: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 3);
/// The network of the Services.
pub(crate) const SERVICES: &str = "10.96.0.0/16";
/// The first of them: the API server as pods see it.
pub(crate) const API_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);
/// The network of the pods.
pub(crate) const PODS: &str = "10.244.0.0/16";
/// The port of the API server.
pub(crate) const API_PORT: u16 = 6443;

/// A node's own address.
pub(crate) fn node(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 99, 0, 10 + number)
}

/// The network of a node's pods.
pub(crate) fn pods_of_node(number: u8) -> String {
    format!("10.244.{number}.0/24")
}
