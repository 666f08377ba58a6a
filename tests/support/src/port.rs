//! Ports for servers that cannot be given port 0.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::process;
use std::sync::Mutex;

/// What the system gives to whoever asks for any port, as Linux has it unless told otherwise.
const USUAL_EPHEMERAL: u16 = 32_768;

/// Below that there are servers of the machine.
const FIRST: u16 = 10_000;

/// A port of this machine for TCP that is free now, and nobody else's for as long as this process lives:
/// neither another test's, nor one that the system gives to a connection or to a listener on port 0.
/// A server that can bind port 0 and tell its real address is better.
pub fn free_port() -> u16 {
    // TCP's and UDP's ports are apart: holding the one of UDP reserves the number among all
    // tests of the machine, and ends with the process, however it ends.
    static RESERVED: Mutex<Vec<UdpSocket>> = Mutex::new(Vec::new());
    let mut reserved = RESERVED.lock().unwrap();
    let number = u32::try_from(reserved.len()).expect("less ports than that");
    let ports = FIRST..first_ephemeral();
    // Processes begin apart, so that they seldom meet.
    let start = usize::try_from(process::id() * 64 + number).expect("a process number");
    let start = start % ports.len();
    for port in ports.clone().cycle().skip(start).take(ports.len()) {
        let address = (Ipv4Addr::UNSPECIFIED, port);
        let Ok(reservation) = UdpSocket::bind(address) else { continue };
        if TcpListener::bind(address).is_ok() {
            reserved.push(reservation);
            return port;
        }
    }
    panic!("no port is free");
}

fn first_ephemeral() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let first = range.ok().and_then(|range| range.split_whitespace().next()?.parse().ok());
    first.filter(|first| *first > 2 * FIRST).unwrap_or(USUAL_EPHEMERAL)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_port_is_given_once_and_is_none_that_the_system_gives_to_others() {
        let ports: Vec<_> = (0..200).map(|_| free_port()).collect();
        assert_eq!(ports.iter().collect::<HashSet<_>>().len(), ports.len());
        for port in ports {
            assert!(port < first_ephemeral());
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
            UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).expect_err("nobody else gets it");
        }
    }
}
