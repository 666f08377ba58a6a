//! Who calls through a proxy: the header of the PROXY protocol, version 2, that a load balancer sends
//! before the caller's own octets (proxy-protocol.txt of the makers of `HAProxy`, section 2.2).

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// The octets that say what kind of header it is and how long the rest is.
pub(super) const HEAD: usize = 16;

/// The longest rest: addresses, and what proxies tell beside them.
const LONGEST: usize = 4096;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFault {
    /// There is none.
    #[error(
        "it calls from a network of proxies and begins without a header of the PROXY protocol, version \
         2; have the load balancer send it, or take its network out of the listener's proxies"
    )]
    Missing,
    /// It is of a kind that no caller of ours has.
    #[error(
        "the header of the PROXY protocol is not of version 2 over TCP; have the load balancer send \
         that"
    )]
    Kind,
    /// It is shorter than its addresses, or longer than any.
    #[error("the header of the PROXY protocol has {0} octets of addresses, which cannot be")]
    Length(usize),
}

/// The beginning of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    family: Family,
    /// The octets that follow.
    pub(super) length: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    /// The proxy itself calls, or does not say who does.
    Unknown,
    V4,
    V6,
}

impl Head {
    pub(super) fn read(octets: &[u8; HEAD]) -> Result<Self, ProxyFault> {
        let (signature, rest) = octets.split_at(SIGNATURE.len());
        if signature != SIGNATURE {
            return Err(ProxyFault::Missing);
        }
        let family = match (rest[0], rest[1]) {
            // LOCAL, whatever it says beside, and PROXY for somebody of no known family.
            (0x20, _) | (0x21, 0x00) => Family::Unknown,
            (0x21, 0x11) => Family::V4,
            (0x21, 0x21) => Family::V6,
            _ => return Err(ProxyFault::Kind),
        };
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        if length > LONGEST { Err(ProxyFault::Length(length)) } else { Ok(Self { family, length }) }
    }

    /// Who calls, by what follows the head; nobody else than the proxy if it does not say.
    pub(super) fn caller(self, rest: &[u8]) -> Result<Option<SocketAddr>, ProxyFault> {
        let too_short = ProxyFault::Length(rest.len());
        // The caller's address, ours, the caller's port, ours.
        match self.family {
            Family::Unknown => Ok(None),
            Family::V4 => {
                let [a, b, c, d, _, _, _, _, high, low, _, _] =
                    *rest.first_chunk().ok_or(too_short)?;
                let port = u16::from_be_bytes([high, low]);
                Ok(Some((Ipv4Addr::new(a, b, c, d), port).into()))
            }
            Family::V6 => {
                let addresses: &[u8; 36] = rest.first_chunk().ok_or(too_short)?;
                let (address, ports) = addresses.split_at(32);
                let address = *address.first_chunk::<16>().ok_or(too_short)?;
                let port = u16::from_be_bytes([ports[0], ports[1]]);
                Ok(Some((Ipv6Addr::from(address), port).into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: &[u8]) -> Result<Option<SocketAddr>, ProxyFault> {
        let (head, rest) = octets.split_first_chunk().unwrap();
        let head = Head::read(head)?;
        head.caller(&rest[..head.length.min(rest.len())])
    }

    fn header(kind: [u8; 2], rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &kind, &length, rest].concat()
    }

    #[test]
    fn the_caller_is_who_the_header_says_by_either_family() {
        let of_4 = [192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0x40, 0x19, 0xdb];
        assert_eq!(
            read(&header([0x21, 0x11], &of_4)).unwrap().unwrap().to_string(),
            "192.0.2.7:40000"
        );
        let mut of_6 = vec![0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
        of_6.extend([0; 16]);
        of_6.extend([0x9c, 0x40, 0x19, 0xdb]);
        // And what the proxy tells beside.
        of_6.extend([0x04, 0, 1, 0]);
        let caller = read(&header([0x21, 0x21], &of_6)).unwrap().unwrap();
        assert_eq!(caller.to_string(), "[2001:db8::7]:40000");
    }

    #[test]
    fn a_proxy_that_calls_by_itself_names_nobody() {
        assert_eq!(read(&header([0x20, 0x11], &[1; 12])), Ok(None));
        assert_eq!(read(&header([0x20, 0x00], &[])), Ok(None));
        assert_eq!(read(&header([0x21, 0x00], &[])), Ok(None));
    }

    #[test]
    fn what_is_no_header_of_version_2_over_tcp_is_refused() {
        assert_eq!(read(b"PROXY TCP4 192.0.2.7 198.51.100.1"), Err(ProxyFault::Missing));
        assert_eq!(
            read(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\0\0\0\0\0"),
            Err(ProxyFault::Missing)
        );
        for kind in [[0x11, 0x11], [0x22, 0x11], [0x21, 0x12], [0x21, 0x31]] {
            assert_eq!(read(&header(kind, &[1; 12])), Err(ProxyFault::Kind), "{kind:x?}");
        }
        assert_eq!(read(&header([0x21, 0x11], &[1; 11])), Err(ProxyFault::Length(11)));
        assert_eq!(read(&header([0x21, 0x21], &[1; 35])), Err(ProxyFault::Length(35)));
        assert_eq!(read(&header([0x21, 0x11], &[0; 5000])), Err(ProxyFault::Length(5000)));
    }
}
