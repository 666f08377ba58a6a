//! What a program takes from around it, the wall clock, chance and which addresses there are, and that
//! it leaves no core there.
//!
//! Nothing else asks the machine for them (clippy.toml forbids it), and only who drives something
//! uses this crate: what decides is given a moment, a name, a number.
#![expect(clippy::disallowed_methods, reason = "this is the one place that may")]

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

use jiff::Timestamp;
use rustix::io::Errno;
use rustix::net::sockopt::{set_ipv6_v6only, set_socket_reuseaddr};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, socket_with};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use uuid::Uuid;

/// The moment by this machine's wall clock, which may be wrong and may be set.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// A name that nothing had before; later ones sort later.
pub fn fresh() -> Uuid {
    Uuid::now_v7()
}

/// Octets that nobody can foretell, for keys; `None` if the machine has none to give.
pub fn secret<const OCTETS: usize>() -> Option<[u8; OCTETS]> {
    let mut octets = [0; OCTETS];
    aws_lc_rs::rand::fill(&mut octets).ok()?;
    Some(octets)
}

/// A socket that listens there, for so many who wait to be accepted; it blocks nobody. Every address
/// (`::`) is every one of IPv4 too, whatever this machine has as usual, and also where it has no IPv6.
pub fn listen(wanted: SocketAddr, waiting: i32) -> io::Result<TcpListener> {
    let address = if wanted.ip() == Ipv6Addr::UNSPECIFIED && !has_ipv6() {
        SocketAddr::from((Ipv4Addr::UNSPECIFIED, wanted.port()))
    } else {
        wanted
    };
    let family = if address.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    if address.is_ipv6() {
        set_ipv6_v6only(&socket, false)?;
    }
    // Connections of the process before us may still be in TIME_WAIT on this port.
    set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    rustix::net::listen(&socket, waiting)?;
    Ok(socket.into())
}

fn has_ipv6() -> bool {
    let tried = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0));
    !tried.is_err_and(|error| Errno::from_io_error(&error) == Some(Errno::AFNOSUPPORT))
}

/// From 0 to 1, to keep those apart who would do the same at the same time. No secret.
pub fn chance() -> f64 {
    let [.., high, low] = Uuid::now_v7().into_bytes();
    f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX)
}

/// Has this process leave no core, in which all keys and passwords would be. One octet keeps the kernel
/// from writing one into a file, and, unlike none, from handing one to a program (core(5)). Who needs one
/// raises it: `prlimit --core`.
pub fn leave_no_core() {
    let limit = getrlimit(Resource::Core);
    let least = limit.maximum.unwrap_or(1).min(1);
    // Where even this is refused, nothing else can be done about it.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(least), ..limit });
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use rustix::net::sockopt::ipv6_v6only;

    use super::*;

    #[test]
    fn a_process_leaves_no_core() {
        leave_no_core();
        assert_eq!(getrlimit(Resource::Core).current, Some(1));
    }

    #[test]
    fn every_address_is_listened_on_by_both_families_and_a_port_is_free_again_at_once() {
        let socket = listen((Ipv6Addr::UNSPECIFIED, 0).into(), 8).unwrap();
        let port = socket.local_addr().unwrap().port();
        if has_ipv6() {
            assert!(!ipv6_v6only(&socket).unwrap());
            TcpStream::connect((Ipv6Addr::LOCALHOST, port)).unwrap();
        }
        let caller = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        // The side that ends first keeps the port in TIME_WAIT.
        drop((socket, caller));
        listen((Ipv4Addr::LOCALHOST, port).into(), 8).unwrap();
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(listen(taken.local_addr().unwrap(), 8).is_err());
    }

    #[test]
    fn a_fresh_name_is_another_one_and_sorts_later() {
        let (one, two) = (fresh(), fresh());
        assert!(one < two);
    }

    #[test]
    fn secrets_are_never_the_same() {
        assert_ne!(secret::<32>().unwrap(), secret::<32>().unwrap());
    }

    #[test]
    fn chance_lies_between_nothing_and_one() {
        let drawn: Vec<f64> = (0..100).map(|_| chance()).collect();
        assert!(drawn.iter().all(|drawn| (0.0..=1.0).contains(drawn)), "{drawn:?}");
        let first = drawn.first().copied().unwrap_or_default().to_bits();
        assert!(drawn.iter().any(|drawn| drawn.to_bits() != first), "always the same");
    }
}
