//! The cookie that browsers are signed in with, and which requests it counts in (RFC 6265bis; Fetch Metadata).
//!
//! Pages cannot read it (`HttpOnly`), other sites' requests do not carry it (`SameSite=Strict`), it goes nowhere else (`__Host-`: this
//! host, all paths, TLS alone). That a request was made by a page of this server is looked at besides, by what browsers let no page
//! write: `Origin` and `Sec-Fetch-Site`.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};

const NAME: &str = "sealpost";
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Length of [`crate::random::secret`].
const SECRET_LEN: usize = 43;

/// The cookie of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cookie {
    name: String,
    secure: bool,
    /// The server's own.
    origin: String,
    /// Where the server is reached on its own machine alone, which has several names.
    loopback_port: Option<u16>,
}

impl Cookie {
    /// The one for a server at `origin`; none where it would travel open to everybody on the way.
    pub(crate) fn of(origin: &str) -> Option<Self> {
        let (secure, host, port) = parts(origin)?;
        let local = is_loopback(&host);
        if !secure && !local {
            return None;
        }
        let prefix = if secure { "__Host-" } else { "" };
        // Cookies know no ports: each store of a machine needs a name of its own.
        let name = port.map_or_else(|| format!("{prefix}{NAME}"), |port| format!("{prefix}{NAME}-{port}"));
        let loopback_port = (local && !secure).then(|| port.unwrap_or(80));
        Some(Self { name, secure, origin: origin.to_ascii_lowercase(), loopback_port })
    }

    /// The secret that a request brings; none where it brings two.
    pub(crate) fn read<'h>(&self, headers: &'h HeaderMap) -> Option<&'h str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut found = pairs.filter(|(name, _)| *name == self.name).map(|(_, value)| value);
        let only = found.next().filter(|_| found.next().is_none())?;
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        (only.len() == SECRET_LEN && only.bytes().all(known)).then_some(only)
    }

    /// What hands the secret to a browser, for so many seconds.
    pub(crate) fn set(&self, secret: &str, life_s: i64) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let name = &self.name;
        let text = format!("{name}={secret}; Path=/; HttpOnly; SameSite=Strict; Max-Age={life_s}{secure}");
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// What makes a browser forget it.
    pub(crate) fn clear(&self) -> Option<HeaderValue> {
        self.set("", 0)
    }

    /// Whether the cookie counts in such a request: a page of this server made it, or, where nothing is changed, the person did.
    pub(crate) fn counts(&self, method: &Method, headers: &HeaderMap) -> bool {
        self.made_here(headers).unwrap_or_else(|| method.is_safe())
    }

    /// Whether somebody may be signed in by such a request: no other site's page made it.
    pub(crate) fn may_begin(&self, headers: &HeaderMap) -> bool {
        self.made_here(headers).unwrap_or(true)
    }

    /// Whether a page of this server made the request; unknown where the browser, or another program, says nothing of it.
    fn made_here(&self, headers: &HeaderMap) -> Option<bool> {
        let all = |name: HeaderName| headers.get_all(name).iter().map(|value| value.to_str().unwrap_or("?"));
        let foreign = all(header::ORIGIN).any(|origin| !self.is_own(origin));
        let mut sites = all(SITE);
        match (sites.next(), headers.contains_key(header::ORIGIN)) {
            _ if foreign => Some(false),
            (Some("same-origin"), _) => Some(true),
            // Typed, or a bookmark: no page.
            (Some("none"), false) => None,
            (Some(_), _) => Some(false),
            (None, true) => Some(true),
            (None, false) => None,
        }
    }

    fn is_own(&self, origin: &str) -> bool {
        let local = |wanted: u16| matches!(parts(origin), Some((false, host, port)) if is_loopback(&host) && port.unwrap_or(80) == wanted);
        origin.eq_ignore_ascii_case(&self.origin) || self.loopback_port.is_some_and(local)
    }
}

/// Whether it is `https`, the host, and the port where it is not the scheme's own.
fn parts(origin: &str) -> Option<(bool, String, Option<u16>)> {
    let uri: Uri = origin.parse().ok()?;
    let secure = match uri.scheme_str()? {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    let usual = if secure { 443 } else { 80 };
    Some((secure, uri.host()?.to_ascii_lowercase(), uri.port_u16().filter(|port| *port != usual)))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    const SECRET: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    #[test]
    fn its_name_and_flags_are_as_strict_as_the_origin_allows() {
        let text = |origin: &str| {
            let set = Cookie::of(origin)?.set(SECRET, 60)?;
            assert!(set.is_sensitive());
            Some(set.to_str().ok()?.to_owned())
        };
        let rest = "Path=/; HttpOnly; SameSite=Strict; Max-Age=60";
        assert_eq!(text("https://store.example"), Some(format!("__Host-sealpost={SECRET}; {rest}; Secure")));
        assert_eq!(
            text("https://store.example:8443"),
            Some(format!("__Host-sealpost-8443={SECRET}; {rest}; Secure"))
        );
        assert_eq!(text("http://127.0.0.1:8080"), Some(format!("sealpost-8080={SECRET}; {rest}")));
        assert_eq!(text("http://[::1]:8080"), Some(format!("sealpost-8080={SECRET}; {rest}")));
        for open in
            ["http://store.example", "http://192.168.1.7:8080", "http://0.0.0.0:80", "ftp://localhost"]
        {
            assert_eq!(text(open), None, "{open}");
        }
    }

    #[test]
    fn of_two_or_of_another_name_none_counts() {
        let cookie = Cookie::of("https://store.example").expect("an origin with TLS");
        let read = |lines: &[(&'static str, &'static str)]| cookie.read(&headers(lines)).is_some();
        let good = "a=b; __Host-sealpost=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; c=d";
        assert!(read(&[("cookie", good)]));
        assert!(!read(&[("cookie", good), ("cookie", good)]));
        assert!(!read(&[("cookie", "sealpost=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]));
        assert!(!read(&[("cookie", "__Host-sealpost=short")]));
        assert!(!read(&[("cookie", "__Host-sealpost=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA%")]));
    }

    #[test]
    fn only_pages_of_the_server_change_anything() {
        let (post, get) = (Method::POST, Method::GET);
        let cookie = Cookie::of("https://store.example").expect("an origin with TLS");
        let own = ("origin", "https://store.example");
        let same = ("sec-fetch-site", "same-origin");
        for good in [&[own] as &[_], &[same], &[own, same]] {
            assert!(cookie.counts(&post, &headers(good)), "{good:?}");
        }
        for bad in [
            &[("origin", "https://evil.example")] as &[_],
            &[("origin", "null")],
            &[("origin", "http://store.example")],
            &[("origin", "https://store.example:8443")],
            &[("origin", "https://store.example.evil.example")],
            &[("origin", "https://evil.example"), same],
            &[own, ("origin", "https://evil.example")],
            &[own, ("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "cross-site")],
        ] {
            assert!(!cookie.counts(&post, &headers(bad)), "{bad:?}");
            assert!(!cookie.counts(&get, &headers(bad)), "{bad:?}");
            assert!(!cookie.may_begin(&headers(bad)), "{bad:?}");
        }
        for silent in [&[] as &[_], &[("sec-fetch-site", "none")]] {
            assert!(!cookie.counts(&post, &headers(silent)), "{silent:?}");
            assert!(cookie.counts(&get, &headers(silent)), "{silent:?}");
        }
    }

    #[test]
    fn a_machine_has_several_names_for_itself_but_one_port() {
        let cookie = Cookie::of("http://127.0.0.1:8080").expect("an origin of this machine");
        for (origin, own) in [
            ("http://127.0.0.1:8080", true),
            ("http://localhost:8080", true),
            ("http://[::1]:8080", true),
            ("http://localhost:8081", false),
            ("https://localhost:8080", false),
            ("http://localhost", false),
            ("http://localhost.evil.example:8080", false),
            ("http://192.168.1.7:8080", false),
        ] {
            assert_eq!(cookie.is_own(origin), own, "{origin}");
        }
    }
}
