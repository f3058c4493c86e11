//! Machines, as people write them in a configuration or on a command line.

use std::net::IpAddr;

/// Whether a host's name or address can mean no other machine than this one. Brackets around an address are allowed.
pub fn is_this_machine(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_surely_is_this_machine_counts() {
        for host in ["localhost", "127.0.0.1", "127.8.8.8", "::1", "[::1]"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in ["", "hall.example", "10.0.0.1", "[::2]", "localhost.hall.example", "0.0.0.0"] {
            assert!(!is_this_machine(host), "{host}");
        }
    }
}
