//! The server that takes letters for others.

use std::time::Duration;

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, MultiPart, header},
    transport::smtp::{
        authentication::Credentials,
        client::{Tls, TlsParameters},
    },
};
use url::{Host, Url};
use zeroize::Zeroizing;

use crate::letter::{Letter, SHORT, one_line};

/// How long one answer of the server may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A mail server and the address that letters come from. Cheap to clone.
#[derive(Clone)]
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    shown: String,
}

/// Why settings name no mail server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SmtpError {
    /// The address of the server.
    #[error("an address such as smtps://user@mail.example is needed, or smtp:// for STARTTLS")]
    Url,
    /// A password in it: programs and logs show addresses.
    #[error(
        "the password does not belong into the address; put it into a file, and its path into `smtp_password_file`"
    )]
    PasswordInUrl,
    /// A user without a password, or the other way round.
    #[error("a user in the address and a password belong together")]
    Credentials,
    /// The sender's address.
    #[error("a sender such as `Store <post@store.example>` is needed")]
    From,
    /// TLS cannot be used on this system.
    #[error("TLS cannot be used: {0}")]
    Tls(String),
}

/// Why a letter was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// What the server said, without the letter.
    pub(crate) words: String,
    /// Whether it will say that again.
    pub(crate) for_good: bool,
}

impl Smtp {
    /// The server at `url`: `smtps://[user@]host[:465]`, or `smtp://[user@]host[:587]` with STARTTLS, which is not asked for on this
    /// machine alone. `from` is whom letters come from, with or without a name.
    ///
    /// # Errors
    /// What of them makes no sense.
    pub fn new(url: &str, password: Option<Zeroizing<String>>, from: &str) -> Result<Self, SmtpError> {
        let url = Url::parse(url).map_err(|_| SmtpError::Url)?;
        if url.password().is_some() {
            return Err(SmtpError::PasswordInUrl);
        }
        let plain_path = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|host| !host.is_empty() && plain_path).ok_or(SmtpError::Url)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = || TlsParameters::new(bare.clone()).map_err(|error| SmtpError::Tls(error.to_string()));
        let (tls, usual) = match url.scheme() {
            "smtps" => (Tls::Wrapper(tls()?), 465),
            "smtp" if is_here(&url) => (Tls::None, 25),
            "smtp" => (Tls::Required(tls()?), 587),
            _ => return Err(SmtpError::Url),
        };
        let port = url.port().unwrap_or(usual);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(bare)
            .port(port)
            .tls(tls)
            .timeout(Some(PATIENCE));
        match (url.username(), password) {
            ("", None) => {}
            ("", Some(_)) | (_, None) => return Err(SmtpError::Credentials),
            (user, Some(password)) => {
                builder = builder.credentials(Credentials::new(unescaped(user), String::clone(&password)));
            }
        }
        let from = from.parse::<Mailbox>().map_err(|_| SmtpError::From)?;
        let shown = format!("{}://{host}:{port}", url.scheme());
        Ok(Self { transport: builder.build(), from, shown })
    }

    /// Whom letters come from.
    pub fn from(&self) -> String {
        self.from.to_string()
    }

    /// Whether the server answers and lets this one in.
    ///
    /// # Errors
    /// What it says.
    pub async fn check(&self) -> Result<(), String> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the mail server does not answer as one".to_owned()),
            Err(error) => Err(words(&error)),
        }
    }

    pub(crate) async fn send(&self, id: &str, letter: &Letter) -> Result<(), Refused> {
        let message = self.message(id, letter).map_err(|words| Refused { words, for_good: true })?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => {
                let code = error.status().map(u16::from);
                // 535 and its like are about us, not about the letter: the operator mends them.
                let for_good = error.is_permanent() && code.is_some_and(|code| (550..=554).contains(&code));
                Err(Refused { words: words(&error), for_good })
            }
        }
    }

    fn message(&self, id: &str, letter: &Letter) -> Result<Message, String> {
        let address: Address = letter.address.parse().map_err(|_| "the address is none".to_owned())?;
        // Whoever wrote it down may not have cleaned it.
        let name = Some(one_line(&letter.name, SHORT)).filter(|name| !name.is_empty());
        let host = self.from.email.domain();
        let mut message = Message::builder()
            .message_id(Some(format!("<{id}@{host}>")))
            .from(self.from.clone())
            .to(Mailbox::new(name, address))
            .subject(one_line(&letter.subject, SHORT))
            // RFC 3834: no holiday notes in answer.
            .raw_header(raw("Auto-Submitted", "auto-generated".to_owned()));
        if let Some(unsubscribe) = &letter.unsubscribe {
            message = message
                .raw_header(raw("List-Unsubscribe", format!("<{}>", unsubscribe.endpoint)))
                .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
        message
            .multipart(MultiPart::alternative_plain_html(letter.text(), letter.html()))
            .map_err(|error| error.to_string())
    }
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("server", &self.shown).finish_non_exhaustive()
    }
}

fn raw(name: &'static str, value: String) -> header::HeaderValue {
    header::HeaderValue::new(header::HeaderName::new_from_ascii_str(name), value)
}

fn words(error: &lettre::transport::smtp::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    one_line(&text, 500)
}

fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        // Other schemes than the web's leave hosts as they are written.
        Some(Host::Domain(name)) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        None => false,
    }
}

/// `%40` and its like in the name of a user.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| *first == b'%').and_then(|pair| hex::decode(pair).ok());
        match escaped {
            Some(byte) => {
                bytes.extend(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn smtp(url: &str, password: Option<&str>) -> Result<Smtp, SmtpError> {
        let password = password.map(|text| Zeroizing::new(text.to_owned()));
        Smtp::new(url, password, "Store <post@store.example>")
    }

    #[tokio::test]
    async fn addresses_of_servers_are_read_strictly() {
        for good in ["smtp://127.0.0.1:2525", "smtp://localhost", "smtp://[::1]:25", "smtps://mail.example"] {
            smtp(good, None).unwrap_or_else(|error| panic!("{good}: {error}"));
        }
        smtp("smtp://me%40store.example@mail.example", Some("secret")).expect("a user and a password");
        for (bad, error) in [
            ("mail.example", SmtpError::Url),
            ("http://mail.example", SmtpError::Url),
            ("smtp://", SmtpError::Url),
            ("smtp://mail.example/?tls=none", SmtpError::Url),
            ("smtp://me:secret@mail.example", SmtpError::PasswordInUrl),
            ("smtp://me@mail.example", SmtpError::Credentials),
        ] {
            assert_eq!(smtp(bad, None).map(drop), Err(error), "{bad}");
        }
        assert_eq!(smtp("smtps://mail.example", Some("secret")).map(drop), Err(SmtpError::Credentials));
        let from = Smtp::new("smtps://mail.example", None, "nobody").map(drop);
        assert_eq!(from, Err(SmtpError::From));
    }

    #[tokio::test]
    async fn nothing_shows_the_password() {
        let smtp = smtp("smtps://me@mail.example", Some("hunter2hunter2")).expect("a server");
        assert!(!format!("{smtp:?}").contains("hunter2"), "{smtp:?}");
    }

    #[tokio::test]
    async fn a_name_makes_no_header() {
        let letter =
            Letter::new("Ann\r\nBcc: all@example.org", "ann@example.org", "Hi\r\nX-Evil: 1").line("x");
        let mut sent = letter.clone();
        // As if it had not been cleaned.
        sent.name = "Ann\r\nBcc: all@example.org".to_owned();
        sent.subject = "Hi\r\nX-Evil: 1".to_owned();
        for letter in [letter, sent] {
            let message =
                smtp("smtp://127.0.0.1", None).expect("a server").message("mail_1", &letter).expect("a mail");
            let text = String::from_utf8_lossy(&message.formatted()).into_owned();
            let head = text.split("\r\n\r\n").next().unwrap_or_default();
            assert!(
                !head.lines().any(|line| line.starts_with("Bcc:") || line.starts_with("X-Evil:")),
                "{head}"
            );
        }
    }

    #[test]
    fn names_of_users_are_unescaped() {
        assert_eq!(unescaped("me%40store.example"), "me@store.example");
        assert_eq!(unescaped("100%"), "100%");
    }
}
