//! Networks in CIDR notation.

use std::net::IpAddr;
use std::str::FromStr;

/// A text that is no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a network: an address and a prefix length, 10.0.0.0/8")]
pub struct NotANetwork;

/// A network: all addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u32,
}

impl FromStr for Network {
    type Err = NotANetwork;

    /// Reads `10.0.0.0/8` or `fd00::/8`. Bits beyond the prefix must be zero: one that are set are more likely a mistake
    /// than meant.
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, prefix) = text.split_once('/').ok_or(NotANetwork)?;
        if prefix.is_empty() || !prefix.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotANetwork);
        }
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        let prefix: u32 = prefix.parse().map_err(|_| NotANetwork)?;
        if prefix > width(address) || bits(address) & !mask(width(address), prefix) != 0 {
            return Err(NotANetwork);
        }
        Ok(Self { address, prefix })
    }
}

impl Network {
    /// Returns true if and only if the address is of this network. An IPv4 address is of no IPv6 network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let width = width(self.address);
        width == self::width(address) && bits(address) & mask(width, self.prefix) == bits(self.address)
    }
}

fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The first `prefix` of the last `width` bits.
fn mask(width: u32, prefix: u32) -> u128 {
    let all = u128::MAX.checked_shr(128_u32.saturating_sub(width)).unwrap_or(0);
    let host = u128::MAX.checked_shr(128_u32.saturating_sub(width.saturating_sub(prefix))).unwrap_or(0);
    all & !host
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(network: &str, address: &str) -> bool {
        network.parse::<Network>().unwrap().contains(address.parse().unwrap())
    }

    #[test]
    fn an_address_is_of_a_network_when_its_first_bits_are() {
        assert!(contains("10.0.0.0/8", "10.255.0.1"));
        assert!(!contains("10.0.0.0/8", "11.0.0.1"));
        assert!(contains("192.168.1.4/32", "192.168.1.4"));
        assert!(!contains("192.168.1.4/32", "192.168.1.5"));
        assert!(contains("fd00::/8", "fdff::1"));
        assert!(!contains("fd00::/8", "fe80::1"));
        assert!(contains("0.0.0.0/0", "203.0.113.7"));
    }

    #[test]
    fn an_address_of_the_other_version_is_of_no_network() {
        assert!(!contains("0.0.0.0/0", "::1"));
        assert!(!contains("::/0", "127.0.0.1"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/+8", "10.0.0.0/", "x/8", "fd00::/129"] {
            assert_eq!(text.parse::<Network>(), Err(NotANetwork), "{text}");
        }
    }
}
