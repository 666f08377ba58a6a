//! Ports for servers that cannot be given port 0.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{LazyLock, Mutex};

/// A port of 127.0.0.1 that is free now and that this process did not give away before. A server
/// that can bind port 0 and tell its real address is better.
pub fn free_port() -> u16 {
    static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);
    let mut given = GIVEN.lock().unwrap();
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("the port's number").port();
        if given.insert(port) {
            return port;
        }
    }
}
