use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
};

use super::*;

/// What one request said.
#[derive(Debug)]
struct Heard {
    head: String,
    body: Value,
}

impl Heard {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// A store that gives these answers, one a connection; an empty one hangs up instead.
async fn store_that_says(answers: Vec<String>) -> (Client, UnboundedReceiver<Heard>) {
    let _installed_before = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, heard) = unbounded_channel();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            tell.send(hear(&mut stream).await).unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let session = Session {
        token: Token::new("the-token".into()),
        user_id: "u".into(),
        email: "ada@example.org".into(),
        allow_http: false,
    };
    (Client::build(format!("http://{address}").parse().unwrap(), Some(session)).unwrap(), heard)
}

async fn hear(stream: &mut TcpStream) -> Heard {
    let mut stream = BufReader::new(stream);
    let mut heard = Heard { head: String::new(), body: Value::Null };
    while !heard.head.ends_with("\r\n\r\n") {
        stream.read_line(&mut heard.head).await.unwrap();
    }
    let length = heard.header("content-length").map_or(0, |length| length.trim().parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    heard.body = serde_json::from_slice(&body).unwrap_or_default();
    heard
}

fn answer(status: &str, content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

#[tokio::test]
async fn a_request_whose_answer_was_lost_is_sent_again_under_the_same_key() {
    let good = answer("201 Created", "application/json", r#"{"ok":true}"#);
    let (client, mut heard) = store_that_says(vec![String::new(), good]).await;

    let got: Value = client.post(&["api", "v1", "jobs"], &json!({ "licence": "l" })).await.unwrap();

    assert_eq!(got, json!({ "ok": true }));
    let (first, second) = (heard.recv().await.unwrap(), heard.recv().await.unwrap());
    assert!(first.header("idempotency-key").is_some_and(|key| key.trim().len() == 32));
    assert_eq!(first.header("idempotency-key"), second.header("idempotency-key"));
    assert_eq!(first.body, second.body);
}

#[tokio::test]
async fn two_requests_have_two_keys() {
    let good = || answer("200 OK", "application/json", "{}");
    let (client, mut heard) = store_that_says(vec![good(), good()]).await;
    for _ in 0..2 {
        let _: Value = client.post(&["a"], &json!({})).await.unwrap();
    }
    let (first, second) = (heard.recv().await.unwrap(), heard.recv().await.unwrap());
    assert_ne!(first.header("idempotency-key"), second.header("idempotency-key"));
}

#[tokio::test]
async fn a_problem_is_told_as_the_store_tells_it() {
    let problem = r#"{"status":402,"code":"licence_exhausted","title":"No prints left","hint":"Buy again."}"#;
    let (client, _heard) =
        store_that_says(vec![answer("402 Payment Required", "application/problem+json", problem)]).await;
    let failure = client.get::<Value>(&["a"], &[]).await.unwrap_err();
    assert_eq!((failure.code(), failure.status()), ("licence_exhausted", Some(402)));
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_token() {
    let away =
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n";
    let (client, mut heard) = store_that_says(vec![away.into()]).await;
    let failure = client.command(&["a"], &json!({})).await.unwrap_err();
    assert_eq!(failure.code(), "redirected");
    assert_eq!(heard.recv().await.unwrap().header("authorization").map(str::trim), Some("Bearer the-token"));
}

#[tokio::test]
async fn a_page_that_is_no_store_is_told_so() {
    for page in [answer("200 OK", "text/html", "<html>"), answer("404 Not Found", "text/html", "<html>")] {
        let (client, _heard) = store_that_says(vec![page]).await;
        assert_eq!(client.get::<Value>(&["a"], &[]).await.unwrap_err().code(), "not_a_store");
    }
}

#[tokio::test]
async fn a_store_that_never_answers_is_unreachable() {
    let (client, _heard) = store_that_says(vec![String::new(); PAUSES.len() + 1]).await;
    let failure = client.get::<Value>(&["a"], &[]).await.unwrap_err();
    assert!(failure.is(Exit::Unreachable), "{failure}");
}

#[tokio::test]
async fn nobody_sees_the_token_of_a_client() {
    let (client, _heard) = store_that_says(vec![]).await;
    assert!(!format!("{client:?}").contains("the-token"));
}

/// An answer with so much of the bytes 0 to 99, cut off after `sent` of them.
fn part(from: usize, sent: usize) -> String {
    let text: String = (0..100u8).map(|at| char::from(b'0' + at % 10)).collect();
    let head = match from {
        0 => "200 OK\r\n".to_owned(),
        _ => format!("206 Partial Content\r\ncontent-range: bytes {from}-99/100\r\n"),
    };
    format!(
        "HTTP/1.1 {head}content-length: {}\r\nconnection: close\r\n\r\n{}",
        100 - from,
        &text[from..from + sent]
    )
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke() {
    let answers = vec![part(0, 40), String::new(), part(40, 35), part(75, 25)];
    let (client, mut heard) = store_that_says(answers).await;
    let body = client.download(&["blob"], 100, |_| ()).await.unwrap();
    let whole: Vec<u8> = (0..100u8).map(|at| b'0' + at % 10).collect();
    assert_eq!(body, whole);
    let mut asked = Vec::new();
    while let Ok(request) = heard.try_recv() {
        asked.push(request.header("range").map(|range| range.trim().to_owned()));
    }
    let from = |from: usize| Some(format!("bytes={from}-"));
    assert_eq!(asked, [None, from(40), from(40), from(75)]);
}

#[tokio::test]
async fn a_store_that_knows_no_parts_is_asked_for_everything_and_one_that_sends_too_much_is_refused() {
    let (client, _heard) = store_that_says(vec![part(0, 40), part(0, 100)]).await;
    assert_eq!(client.download(&["blob"], 100, |_| ()).await.unwrap().len(), 100);
    let (client, _heard) = store_that_says(vec![part(0, 100)]).await;
    assert_eq!(client.download(&["blob"], 99, |_| ()).await.unwrap_err().code(), "not_a_store");
    let (client, _heard) = store_that_says(vec![part(0, 0); PAUSES.len() + 1]).await;
    assert!(client.download(&["blob"], 100, |_| ()).await.unwrap_err().is(Exit::Unreachable));
}
