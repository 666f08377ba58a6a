//! Which addresses a certificate may lead us to. What it names was written by others, and a request of ours
//! comes from inside: it goes to nobody who could only be meant from there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Whether an address may be called: a public one, or one of a network that was allowed by hand.
pub(super) fn may_be_called(address: IpAddr, allowed: &[IpNet]) -> bool {
    let address = address.to_canonical();
    allowed.iter().any(|network| network.contains(&address))
        || match address {
            IpAddr::V4(address) => is_public(address),
            IpAddr::V6(address) => is_public_v6(address),
        }
}

/// All but what is set aside for a purpose (RFC 6890), such as 169.254.169.254, where clouds tell secrets.
fn is_public(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || (a == 100 && b & 0xc0 == 64) // behind a provider's translation
        || (a == 192 && b == 0 && c == 0) // protocols' own
        || (a == 198 && b & 0xfe == 18) // benchmarks
        || a >= 240)
}

/// Of IPv6 only `2000::/3` is given to anybody, and of that not what wraps an address of IPv4.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    // Behind a translation every address of IPv4 has one there (RFC 6052), and is judged as itself.
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = segments {
        return is_public(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    }
    let is_documentation = segments[0] == 0x2001 && segments[1] == 0x0db8
        || segments[0] == 0x3fff && segments[1] < 0x1000;
    let is_special = segments[0] == 0x2001 && segments[1] < 0x0200; // Teredo among them
    let is_6to4 = segments[0] == 0x2002;
    segments[0] & 0xe000 == 0x2000 && !is_documentation && !is_special && !is_6to4
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "what fails here is a test")]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_leads_to_public_addresses_only() {
        for public in [
            "93.184.216.34",
            "172.32.0.1",
            "100.128.0.1",
            "2a00:1450:4001::1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(may_be_called(public.parse().unwrap(), &[]), "{public}");
        }
        for inner in [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fd00:ec2::254",
            "fc00::1",
            "ff02::1",
            "2001:db8::1",
            "2002:0a00:0001::1",
            "2001::1",
            "64:ff9b::a00:1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::8.8.8.8",
        ] {
            assert!(!may_be_called(inner.parse().unwrap(), &[]), "{inner}");
        }
    }

    #[test]
    fn what_is_allowed_by_hand_may_be_called_and_nothing_beside_it() {
        let allowed = ["10.1.0.0/16".parse().unwrap(), "fd12::/16".parse().unwrap()];
        for (address, may) in [
            ("10.1.2.3", true),
            ("::ffff:10.1.2.3", true),
            ("10.2.0.1", false),
            ("fd12::1", true),
            ("fd13::1", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(may_be_called(address.parse().unwrap(), &allowed), may, "{address}");
        }
    }
}
