//! Settings of a store.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use sealpost_accounts::Registration;
use sealpost_accounts::proxies::TrustedProxies;
use serde::{Deserialize, Serialize};

use crate::{Error, RateLimits};

/// Settings of a store. Every field has a default: an empty file is a complete configuration.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder of database, blobs and keys; made with mode 0700 where it is missing.
    pub data_dir: PathBuf,
    /// Address to listen on.
    pub listen: SocketAddr,
    /// Origin under which people and printers reach the store, without a path; `http://` (`https://` with a certificate) and
    /// `listen` where absent.
    pub public_url: Option<String>,
    /// Addresses and networks of proxies before the store, such as `127.0.0.1` or `10.0.0.0/8`: their `X-Forwarded-For` says whom a
    /// request comes from, for rate limits. Nobody else's counts. Where absent: this machine's, if the store listens for that alone
    /// and `public_url` is somewhere else, so that a proxy must be there.
    pub trusted_proxies: Option<Vec<String>>,
    /// Certificate chain (PEM) that the store speaks TLS with; plain HTTP where absent. It is read anew when it changes.
    pub tls_certificate: Option<PathBuf>,
    /// Its private key (PEM).
    pub tls_key: Option<PathBuf>,
    /// `postgres://...` or `sqlite:...`; a SQLite file in `data_dir` where absent.
    pub database_url: Option<String>,
    /// Folder of the sealed blobs; `blobs` in `data_dir` where absent.
    pub blob_dir: Option<PathBuf>,
    /// File of the key-encryption keys; `keys/kek` in `data_dir` where absent. Back it up apart from the database.
    pub kek_file: Option<PathBuf>,
    /// Seconds of silence after which a claimed job that has not started counts as interrupted.
    pub lease_processing_s: u32,
    /// Seconds of silence after which a job that prints or pauses counts as interrupted.
    pub lease_printing_s: u32,
    /// Seconds a signed job manifest is valid.
    pub manifest_valid_s: u32,
    /// Seconds after which a job that no printer claimed expires.
    pub job_expires_s: u32,
    /// Milliseconds between two looks at leases and deadlines.
    pub sweep_interval_ms: u64,
    /// Milliseconds between two looks at the chain that is sold on, if there is one.
    pub chain_poll_ms: u64,
    /// Seconds between two heartbeats of the printers' event stream.
    pub heartbeat_s: u64,
    /// Most seconds a poll with `?wait=` is held.
    pub max_wait_s: u64,
    /// Largest upload, bytes.
    pub max_upload_bytes: u64,
    /// Largest JSON body, bytes.
    pub max_json_bytes: usize,
    /// Uploads at work at the same time, and as many sealings.
    pub parallel_streams: usize,
    /// Connections at the same time; more are refused.
    pub max_connections: usize,
    /// Connections from one address at the same time; those of trusted proxies and of this machine are not counted.
    pub max_connections_per_address: usize,
    /// Seconds a client may take for the head of a request, and may be silent between two.
    pub header_timeout_s: u64,
    /// Seconds a client may keep the store waiting for a body, beside what its bytes buy it.
    pub body_grace_s: u64,
    /// Bytes of a body that buy it another second.
    pub body_min_bytes_per_s: u32,
    /// Whether anybody may make an account; where not, only the operator's set-up does.
    pub open_registration: bool,
    /// Networks such as `10.0.0.0/8` where webhooks may go although they are not open to everybody.
    pub webhook_networks: Vec<String>,
    /// Whether webhooks may go to `http://` addresses, which anybody on the way can read: for programs beside the store.
    pub webhook_http: bool,
    /// Seconds after which an external payment that did not come is given up; it counts when it comes later.
    pub payment_expires_s: u32,
    /// Mail server: `smtps://user@mail.example`, or `smtp://` with STARTTLS. No mails are sent where absent.
    pub smtp_url: Option<String>,
    /// File of the mail server's password; the credential `smtp_password` of systemd where absent.
    pub smtp_password_file: Option<PathBuf>,
    /// Whom mails come from, such as `Store <post@store.example>`.
    pub mail_from: Option<String>,
    /// How often something may be done, by action.
    pub rate_limits: RateLimits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("sealpost-data"),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            public_url: None,
            trusted_proxies: None,
            tls_certificate: None,
            tls_key: None,
            database_url: None,
            blob_dir: None,
            kek_file: None,
            lease_processing_s: 1800,
            lease_printing_s: 900,
            manifest_valid_s: 86_400,
            job_expires_s: 7 * 86_400,
            sweep_interval_ms: 5_000,
            chain_poll_ms: 4_000,
            heartbeat_s: 15,
            max_wait_s: 60,
            max_upload_bytes: 4 << 30,
            max_json_bytes: 256 << 10,
            parallel_streams: 8,
            max_connections: 25_000,
            max_connections_per_address: 1_000,
            header_timeout_s: 30,
            body_grace_s: 30,
            body_min_bytes_per_s: 1024,
            open_registration: true,
            webhook_networks: Vec::new(),
            webhook_http: false,
            payment_expires_s: 7 * 86_400,
            smtp_url: None,
            smtp_password_file: None,
            mail_from: None,
            rate_limits: RateLimits::default(),
        }
    }
}

impl Config {
    /// A store in `data_dir` with defaults for everything else.
    pub fn in_dir(data_dir: impl Into<PathBuf>) -> Self {
        Self { data_dir: data_dir.into(), ..Self::default() }
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let wrong = |setting, reason: &str| Err(Error::Config { setting, reason: reason.to_owned() });
        if let Some(url) = &self.public_url {
            let origin = url::Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
            let origin = origin.map(|url| url.origin().ascii_serialization());
            match origin {
                Some(origin) if origin == url.trim_end_matches('/') => {}
                // Browsers write it that way, and cookies and tokens go by the letters.
                Some(origin) => {
                    return wrong(
                        "public_url",
                        &format!("an origin as browsers write it is needed, such as {origin}"),
                    );
                }
                None => return wrong("public_url", "an origin such as https://store.example is needed"),
            }
        }
        if let Err(error) = TrustedProxies::parse(self.trusted_proxies.as_deref().unwrap_or_default()) {
            return wrong("trusted_proxies", &error.to_string());
        }
        if let Err(reason) = self.webhook_networks() {
            return wrong("webhook_networks", &reason);
        }
        if self.tls_certificate.is_some() != self.tls_key.is_some() {
            return wrong("tls_certificate", "`tls_certificate` and `tls_key` belong together");
        }
        if let Err(reason) = self.rate_limits.check() {
            return wrong("rate_limits", reason);
        }
        if self.max_connections == 0 || self.max_connections_per_address == 0 {
            return wrong("max_connections", "at least one connection must be possible");
        }
        if self.header_timeout_s == 0 || self.body_grace_s == 0 || self.body_min_bytes_per_s == 0 {
            return wrong("header_timeout_s", "clients need some time, and some pace can be asked of them");
        }
        if self.lease_processing_s == 0 || self.lease_printing_s == 0 {
            return wrong("lease_processing_s", "leases last at least a second");
        }
        if self.parallel_streams == 0 {
            return wrong("parallel_streams", "at least one upload must be possible");
        }
        if self.chain_poll_ms == 0 {
            return wrong("chain_poll_ms", "intervals last longer than nothing");
        }
        if self.sweep_interval_ms == 0 || self.heartbeat_s == 0 {
            return wrong("sweep_interval_ms", "intervals last longer than nothing");
        }
        Ok(())
    }

    /// Who may sign up while no operator says otherwise.
    pub(crate) fn registration(&self) -> Registration {
        if self.open_registration { Registration::Open } else { Registration::Closed }
    }

    /// The proxies whose word about clients counts.
    pub(crate) fn proxies(&self) -> TrustedProxies {
        let own =
            || self.is_behind_a_proxy_here().then(|| ["127.0.0.0/8", "::1"].map(str::to_owned).to_vec());
        let texts = self.trusted_proxies.clone().or_else(own).unwrap_or_default();
        // Checked when the store was opened.
        TrustedProxies::parse(&texts).unwrap_or_default()
    }

    /// Whether only a proxy on this machine can be what people reach the store by.
    pub fn is_behind_a_proxy_here(&self) -> bool {
        let public = self.public_url.as_deref().and_then(|url| url::Url::parse(url).ok());
        let elsewhere = public.is_some_and(|url| match url.host() {
            Some(url::Host::Domain(name)) => name != "localhost",
            Some(url::Host::Ipv4(address)) => !address.is_loopback(),
            Some(url::Host::Ipv6(address)) => !address.is_loopback(),
            None => false,
        });
        elsewhere && self.listen.ip().is_loopback()
    }

    /// Whether a proxy on this machine may be what requests from here come through, and of whoever it brings.
    pub(crate) fn may_be_brought_here(&self) -> bool {
        let is_https = self.public_url.as_deref().is_some_and(|url| url.starts_with("https:"));
        let trusts_this_machine = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
            .iter()
            .any(|ip| self.proxies().trusts(*ip));
        trusts_this_machine || is_https && self.tls_certificate.is_none()
    }

    /// Where webhooks may go although not everybody may.
    pub(crate) fn webhook_networks(&self) -> Result<Vec<ipnet::IpNet>, String> {
        let network = |text: &String| {
            let one = || text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
            text.parse().or_else(|_| one()).map_err(|_| format!("`{text}` is no network such as 10.0.0.0/8"))
        };
        self.webhook_networks.iter().map(network).collect()
    }

    /// The file of the key-encryption keys.
    pub fn kek_path(&self) -> PathBuf {
        self.kek_file.clone().unwrap_or_else(|| self.data_dir.join("keys").join("kek"))
    }

    /// The folder of the blobs.
    pub fn blob_path(&self) -> PathBuf {
        self.blob_dir.clone().unwrap_or_else(|| self.data_dir.join("blobs"))
    }

    /// The database's address.
    pub fn database_address(&self) -> String {
        self.database_url.clone().unwrap_or_else(|| sqlite_address(&self.data_dir.join("store.sqlite")))
    }

    /// The origin clients use, without a trailing slash.
    pub fn origin(&self) -> String {
        match &self.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None if self.tls_certificate.is_some() => format!("https://{}", self.listen),
            None => format!("http://{}", self.listen),
        }
    }
}

fn sqlite_address(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_url_is_an_origin_as_browsers_write_it() {
        let check = |url: &str| Config { public_url: Some(url.to_owned()), ..Config::default() }.check();
        for good in
            ["https://store.example", "https://store.example/", "http://localhost:8080", "http://[::1]:80801"]
        {
            assert_eq!(check(good).is_ok(), good != "http://[::1]:80801", "{good}");
        }
        for (other, origin) in [
            ("https://store.example:443", "https://store.example"),
            ("https://somebody@store.example", "https://store.example"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("https://Store.example", "https://store.example"),
            ("https://store.example/shop", "https://store.example"),
            ("https://store.example/?a", "https://store.example"),
        ] {
            let refused = check(other).unwrap_err().to_string();
            assert!(refused.contains(origin), "{other}: {refused}");
        }
    }

    #[test]
    fn a_proxy_of_this_machine_is_believed_where_nobody_else_can_connect() {
        let client = |listen: &str, public_url: Option<&str>, trusted: Option<&[&str]>| {
            let config = Config {
                listen: listen.parse().unwrap(),
                public_url: public_url.map(str::to_owned),
                trusted_proxies: trusted.map(|texts| texts.iter().map(|text| (*text).to_owned()).collect()),
                ..Config::default()
            };
            let headers = [("x-forwarded-for".parse().unwrap(), "198.51.100.7".parse().unwrap())];
            let headers = headers.into_iter().collect();
            config.proxies().client("127.0.0.1".parse().unwrap(), &headers).to_string()
        };
        let shop = Some("https://store.example");
        assert_eq!(client("127.0.0.1:8080", shop, None), "198.51.100.7");
        assert_eq!(client("[::1]:8080", shop, None), "198.51.100.7");
        assert_eq!(client("127.0.0.1:8080", shop, Some(&[])), "127.0.0.1", "said otherwise");
        assert_eq!(client("0.0.0.0:8080", shop, None), "127.0.0.1", "others can connect");
        assert_eq!(client("127.0.0.1:8080", None, None), "127.0.0.1", "no proxy");
        assert_eq!(client("127.0.0.1:8080", Some("http://localhost:8080"), None), "127.0.0.1");
        assert_eq!(client("0.0.0.0:8080", None, Some(&["127.0.0.1"])), "198.51.100.7");
    }
}
