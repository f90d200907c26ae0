//! The client against servers of this machine, which it must not reach unless it is told to.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sealpost_outgoing::{Error, Outgoing, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server that gives every request the same answer, and counts them.
async fn server(answer: &'static str) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                // A server that is silent keeps the connection.
                let _ = stream.read(&mut head).await;
            });
        }
    });
    (port, asked)
}

fn client(allow: &[&str]) -> Outgoing {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let allow = allow.iter().map(|network| network.parse().unwrap()).collect();
    let limits = Settings { allow, allow_http: true, timeout: Duration::from_millis(1500), max_answer: 100 };
    Outgoing::new(limits).unwrap()
}

#[tokio::test]
async fn this_machine_is_not_reached_under_any_of_its_names() {
    let (port, asked) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let client = client(&[]);
    for host in [
        "127.0.0.1",
        "127.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "0.0.0.0",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
        "169.254.169.254",
        "192.168.1.1",
    ] {
        let refused = client.get(&format!("http://{host}:{port}/")).await.unwrap_err();
        assert!(matches!(refused, Error::Forbidden), "{host}: {refused}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0, "somebody was asked");
}

#[tokio::test]
async fn a_network_that_was_allowed_is_reached_by_digits_and_by_name() {
    let (port, asked) = server("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let client = client(&["127.0.0.0/8", "::1/128"]);
    for host in ["127.0.0.1", "localhost"] {
        let answer = client.get(&format!("http://{host}:{port}/")).await.unwrap();
        assert_eq!(&answer.body[..], b"ok", "{host}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let inside = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n";
    let (port, asked) = server(inside).await;
    let refused = client(&["127.0.0.0/8"]).get(&format!("http://127.0.0.1:{port}/?key=secret")).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, Error::Redirect { .. }), "{refused}");
    assert!(!format!("{refused} {refused:?}").contains("secret"));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn answers_that_are_too_large_or_too_slow_are_not_taken() {
    let long = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nx";
    let endless = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
        40\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n\
        40\r\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n";
    let client = client(&["127.0.0.0/8"]);
    for answer in [long, endless] {
        let (port, _) = server(answer).await;
        let refused = client.get(&format!("http://127.0.0.1:{port}/")).await.unwrap_err();
        assert!(matches!(refused, Error::TooLarge { .. }), "{refused}");
    }
    let (port, _) = server("").await;
    let refused = client.get(&format!("http://127.0.0.1:{port}/secret")).await.unwrap_err();
    assert!(matches!(refused, Error::Timeout { .. }), "{refused}");
    assert!(!format!("{refused} {refused:?}").contains("secret"));
}

#[tokio::test]
async fn only_https_addresses_without_passwords_are_taken() {
    let strict = {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Outgoing::new(Settings::default()).unwrap()
    };
    for address in [
        "http://example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "https://ann:secret@example.org/",
        "https://",
        "example.org",
        "",
    ] {
        let refused = strict.check(address).unwrap_err();
        assert!(matches!(refused, Error::Address(_)), "{address}: {refused}");
        assert!(!format!("{refused} {refused:?}").contains("secret"), "{refused}");
    }
    assert!(strict.check("https://example.org/hook?key=1").is_ok());
    assert!(matches!(strict.check("https://[::ffff:10.0.0.1]/"), Err(Error::Forbidden)));
}
