//! Names become addresses here and nowhere else, and only addresses that may be connected to come out.

use std::net::SocketAddr;
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::net::lookup_host;

use crate::Error;
use crate::address::is_allowed;

/// Looks names up and refuses those that lead, by any of their addresses, where nobody may connect to.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    pub(crate) allow: Arc<[IpNet]>,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = self.allow.clone();
        Box::pin(async move {
            let found = lookup_host((name.as_str(), 0)).await?;
            let addresses = check(found.collect(), &allow)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// All of them, or none: of a name with two addresses, the client would go to the second when the first does not answer.
fn check(addresses: Vec<SocketAddr>, allow: &[IpNet]) -> Result<Vec<SocketAddr>, Error> {
    if addresses.iter().all(|address| is_allowed(address.ip(), allow)) {
        Ok(addresses)
    } else {
        Err(Error::Forbidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 0)).collect()
    }

    #[test]
    fn a_name_with_one_address_inside_is_refused_whole() {
        assert!(check(addresses(&["1.1.1.1", "2606:4700::1111"]), &[]).is_ok());
        for inside in ["127.0.0.1", "::ffff:169.254.169.254", "fe80::1", "0.0.0.0"] {
            let refused = check(addresses(&["1.1.1.1", inside]), &[]);
            assert!(matches!(refused, Err(Error::Forbidden)), "{inside}");
        }
    }
}
