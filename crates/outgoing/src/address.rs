//! Which addresses belong to the open internet (IANA's special-purpose registries, RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Whether an address belongs to the open internet: to nobody's own network, and to no protocol's own use.
pub fn is_public(address: IpAddr) -> bool {
    match unfolded(address) {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Whether the client may connect there.
pub(crate) fn is_allowed(address: IpAddr, allowed: &[IpNet]) -> bool {
    let address = unfolded(address);
    is_public(address) || allowed.iter().any(|network| network.contains(&address))
}

/// The IPv4 address that an IPv6 one stands for: mapped, compatible, NAT64, 6to4.
fn unfolded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let tail = || IpAddr::V4(Ipv4Addr::from((u32::from(g) << 16) | u32::from(h)));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0, 0, 0, 0, 0xffff, 0] | [0x64, 0xff9b, 0, 0, 0, 0] => tail(),
        // `::` and `::1` are what they are.
        [0, 0, 0, 0, 0, 0] if g != 0 || h > 1 => tail(),
        [0x2002, high, low, ..] => IpAddr::V4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))),
        _ => address,
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = match (a, b, c) {
        // This network, private networks, loopback, multicast and what is reserved.
        (0 | 10 | 127 | 224..=255, _, _) => true,
        (100, 64..=127, _) => true,
        // Link-local, where clouds keep their metadata.
        (169, 254, _) => true,
        (172, 16..=31, _) => true,
        (192, 0, 0 | 2) | (192, 88, 99) | (192, 168, _) => true,
        (198, 18 | 19, _) | (198, 51, 100) => true,
        (203, 0, 113) => true,
        _ => false,
    };
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    // Only 2000::/3 was ever given out.
    let given_out = a & 0xe000 == 0x2000;
    let special = match (a, b) {
        // Teredo, benchmarks, ORCHID and other protocols' own.
        (0x2001, 0..=0x1ff) => true,
        (0x2001, 0xdb8) => true,
        (0x3fff, 0..=0xfff) => true,
        _ => false,
    };
    given_out && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn the_open_internet_is_public() {
        for address in ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "192.169.0.1", "2606:4700::1111"] {
            assert!(public(address), "{address}");
        }
    }

    #[test]
    fn nobodys_own_network_is_public() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
        ] {
            assert!(!public(address), "{address}");
        }
    }

    #[test]
    fn ipv4_inside_ipv6_is_judged_by_what_it_is() {
        for prefix in ["::ffff:", "::ffff:0:", "64:ff9b::", "::"] {
            assert!(!public(&format!("{prefix}127.0.0.1")), "{prefix}");
            assert!(!public(&format!("{prefix}169.254.169.254")), "{prefix}");
            assert!(public(&format!("{prefix}8.8.8.8")), "{prefix}");
        }
        assert!(!public("2002:7f00:1::"));
        assert!(!public("2002:a9fe:a9fe::1"));
    }

    #[test]
    fn a_network_that_was_allowed_is_allowed_in_every_form_and_no_other() {
        let allowed = ["10.1.0.0/16".parse().unwrap()];
        for (text, expected) in
            [("10.1.2.3", true), ("::ffff:10.1.2.3", true), ("10.2.0.1", false), ("1.1.1.1", true)]
        {
            assert_eq!(is_allowed(text.parse().unwrap(), &allowed), expected, "{text}");
        }
    }
}
