//! The client.

use std::error::Error as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use ipnet::IpNet;
use reqwest::{Client, Response, redirect};
use url::{Host, Url};

use crate::Error;
use crate::address::is_allowed;
use crate::resolver::Checked;

/// Where the client may go, and what an answer may cost.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Networks that may be asked although they are not open to everybody.
    pub allow: Vec<IpNet>,
    /// Whether `http://` is taken, which anybody on the way can read and change.
    pub allow_http: bool,
    /// From the question to the last byte of the answer.
    pub timeout: Duration,
    /// Bytes of an answer.
    pub max_answer: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { allow: Vec::new(), allow_http: false, timeout: Duration::from_secs(15), max_answer: 1 << 20 }
    }
}

/// The client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outgoing {
    client: Client,
    settings: Arc<Settings>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Anything but a redirect.
    pub status: StatusCode,
    /// As they came.
    pub headers: HeaderMap,
    /// All of it.
    pub body: Bytes,
}

impl Outgoing {
    /// A client with these settings.
    ///
    /// # Errors
    /// [`Error::Client`] when the machine's certificates cannot be read.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(Checked { allow: settings.allow.clone().into() }))
            .timeout(settings.timeout)
            .user_agent(concat!("sealpost/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::Client(error.to_string()))?;
        Ok(Self { client, settings: Arc::new(settings) })
    }

    /// Fetches an address.
    ///
    /// # Errors
    /// Why it was not asked, or its answer not taken.
    pub async fn get(&self, address: &str) -> Result<Answer, Error> {
        self.send(Method::GET, address, HeaderMap::new(), Bytes::new()).await
    }

    /// Sends a request to an address.
    ///
    /// # Errors
    /// Why it was not asked, or its answer not taken.
    pub async fn send(
        &self,
        method: Method,
        address: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, Error> {
        let (mut response, host) = self.ask(method, address, headers, body).await?;
        let failed = |error: reqwest::Error| self.failed(&error, &host);
        let limit = self.settings.max_answer;
        let too_large = || Error::TooLarge { host: host.clone(), limit };
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            if body.len() + piece.len() > limit {
                return Err(too_large());
            }
            body.extend_from_slice(&piece);
        }
        Ok(Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: body.into(),
        })
    }

    /// As [`Self::send`], but of a longer answer only the beginning is read, and what is said without an end is let go of.
    ///
    /// # Errors
    /// Why it was not asked, or did not begin to answer.
    pub async fn send_for_beginning(
        &self,
        method: Method,
        address: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Answer, Error> {
        let (mut response, _) = self.ask(method, address, headers, body).await?;
        let limit = self.settings.max_answer;
        let mut body = Vec::new();
        // An answer counts by its status, also when the rest of it does not come.
        while body.len() < limit
            && let Ok(Some(piece)) = response.chunk().await
        {
            body.extend_from_slice(&piece[..piece.len().min(limit - body.len())]);
        }
        Ok(Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: body.into(),
        })
    }

    /// Sends a request and waits for the head of its answer.
    async fn ask(
        &self,
        method: Method,
        address: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<(Response, String), Error> {
        let url = self.checked(address)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let request = self.client.request(method, url).headers(headers).body(body);
        let response = request.send().await.map_err(|error| self.failed(&error, &host))?;
        if response.status().is_redirection() {
            return Err(Error::Redirect { host });
        }
        Ok((response, host))
    }

    /// Whether an address may be asked, as far as can be seen without looking its name up: for telling people at once.
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::Forbidden`].
    pub fn check(&self, address: &str) -> Result<(), Error> {
        self.checked(address).map(drop)
    }

    fn checked(&self, address: &str) -> Result<Url, Error> {
        let url = Url::parse(address).map_err(|_| Error::Address("it is no URL"))?;
        match url.scheme() {
            "https" => {}
            "http" if self.settings.allow_http => {}
            _ => return Err(Error::Address("it does not begin with https://")),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Address("it holds a name or a password"));
        }
        // Addresses in digits are looked up nowhere. `Url` reads them in every form there is: octal, hexadecimal, one number.
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return Err(Error::Address("it has no host")),
        };
        if literal.is_some_and(|address| !is_allowed(address, &self.settings.allow)) {
            return Err(Error::Forbidden);
        }
        Ok(url)
    }

    fn failed(&self, error: &reqwest::Error, host: &str) -> Error {
        let mut cause = error.source();
        while let Some(error) = cause {
            if matches!(error.downcast_ref(), Some(Error::Forbidden)) {
                return Error::Forbidden;
            }
            cause = error.source();
        }
        let host = host.to_owned();
        if error.is_timeout() {
            Error::Timeout { host, limit: self.settings.timeout }
        } else {
            Error::Unreachable { host }
        }
    }
}
