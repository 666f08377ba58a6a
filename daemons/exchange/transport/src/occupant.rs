//! Who listens on a port already, as far as this process may see (Linux `/proc`).

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The process that listens on `address`, as `process 418 (seonrd_tcpip)`; `None` if it belongs to
/// another user, lives in another container, or is gone already.
pub(super) fn occupant(address: SocketAddr) -> Option<String> {
    let sockets: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| listening_sockets(&table, address))
        .collect();
    if sockets.is_empty() {
        return None;
    }
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let process: u32 = entry.file_name().to_str()?.parse().ok()?;
        let owns = fs::read_dir(entry.path().join("fd")).ok()?.flatten().any(|file| {
            fs::read_link(file.path())
                .is_ok_and(|target| sockets.iter().any(|socket| target.as_os_str() == &**socket))
        });
        owns.then(|| format!("process {process} ({})", name(&entry.path())))
    })
}

/// The program's name only: a command line may hold passwords.
fn name(process: &Path) -> String {
    let program = fs::read(process.join("cmdline")).unwrap_or_default();
    let program = program.split(|octet| *octet == 0).next().unwrap_or_default();
    let program = String::from_utf8_lossy(program);
    match Path::new(&*program).file_name() {
        Some(name) => name.to_string_lossy().escape_debug().to_string(),
        None => "name not readable".to_owned(),
    }
}

/// The sockets of a kernel table (`socket:[inode]`) that listen where `wanted` would.
fn listening_sockets(table: &str, wanted: SocketAddr) -> Vec<String> {
    const LISTENING: &str = "0A";
    const STATE: usize = 3;
    const INODE: usize = 9;
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let local = local_address(fields.get(1)?)?;
            let overlaps = local.port() == wanted.port()
                && (local.ip() == wanted.ip()
                    || local.ip().is_unspecified()
                    || wanted.ip().is_unspecified());
            (overlaps && *fields.get(STATE)? == LISTENING)
                .then(|| fields.get(INODE).map(|inode| format!("socket:[{inode}]")))?
        })
        .collect()
}

/// `0100007F:0CE9` is 127.0.0.1:3305: words of the address as the machine holds them.
fn local_address(field: &str) -> Option<SocketAddr> {
    let (address, port) = field.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut octets = Vec::with_capacity(16);
    for start in (0..address.len()).step_by(8) {
        let word = u32::from_str_radix(address.get(start..start + 8)?, 16).ok()?;
        octets.extend(word.to_ne_bytes());
    }
    let address = match octets.len() {
        4 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(octets).ok()?)),
        16 => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(octets).ok()?)).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0CE9 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1
   1: 0200007F:0CE9 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 222 1
   2: 0100007F:0CE9 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 333 1
   3: garbage";

    fn listening(address: &str) -> Vec<String> {
        listening_sockets(TABLE, address.parse().unwrap())
    }

    #[test]
    fn a_listener_is_found_by_its_address_and_port_and_a_session_is_none() {
        assert_eq!(listening("127.0.0.1:3305"), ["socket:[111]"]);
        assert_eq!(listening("127.0.0.1:3306"), [""; 0]);
    }

    #[test]
    fn every_address_of_the_machine_meets_each_listener_on_that_port() {
        assert_eq!(listening("0.0.0.0:3305"), ["socket:[111]", "socket:[222]"]);
    }

    #[test]
    fn ipv6_addresses_are_read_word_by_word() {
        let loopback = local_address("00000000000000000000000001000000:1A0B");
        assert_eq!(loopback, Some("[::1]:6667".parse().unwrap()));
        assert_eq!(local_address("0000000000000000:0001"), None);
    }
}
