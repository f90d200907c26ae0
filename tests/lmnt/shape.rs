//! What a message is made of, without what is different each time.

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

/// An exchange of the client's: of a URL only the path with its ids replaced, of values only their kinds.
pub(crate) fn of_exchange(exchange: &Value) -> Value {
    let request = &exchange["request"];
    json!({
        "call": format!("{} {}", text(&request["method"]), without_ids(text(&request["path"]))),
        "authorized": request["authorized"],
        "type": request["type"],
        "body": of(&request["body"]),
        "status": exchange["status"],
        "answer": of(&exchange["answer"]),
    })
}

fn of(value: &Value) -> Value {
    match value {
        Value::Null => Value::Null,
        Value::Bool(_) => "yes or no".into(),
        Value::Number(_) => "number".into(),
        Value::String(text) => kind(text).into(),
        Value::Array(list) => list.iter().map(of).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), of(value))).collect::<Map<_, _>>().into()
        }
    }
}

/// The words of states and forms are shown as they are: clients compare them.
const WORDS: &[&str] = &[
    "Reported",
    "approved",
    "completed",
    "failure",
    "paused",
    "pay-per-print",
    "pending",
    "printing",
    "processing",
    "purchased",
    "queued",
    "success",
    "x25519",
];

fn kind(text: &str) -> String {
    if WORDS.contains(&text) {
        return text.to_owned();
    }
    let hex = |bytes: usize| {
        text.len() == 2 * bytes && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let base64 = |text: &str| BASE64_STANDARD.decode(text).map(|bytes| bytes.len()).ok();
    let parts: Vec<_> = text.split(':').map(base64).collect();
    let is_token = text.split('.').count() == 3
        && text.split('.').all(|part| !part.is_empty() && BASE64_URL_SAFE_NO_PAD.decode(part).is_ok());
    if text.len() == 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T' {
        "time".to_owned()
    } else if let Some(rest) = text.strip_prefix("http://127.0.0.1:") {
        let path = rest.find('/').map_or("", |at| &rest[at..]);
        format!("address {}", without_ids(path))
    } else if hex(32) {
        "32 bytes in hex".to_owned()
    } else if hex(16) {
        "16 bytes in hex".to_owned()
    } else if parts == [Some(32), Some(24), Some(48)] {
        "key package".to_owned()
    } else if is_token {
        "token".to_owned()
    } else if let Some(bytes) = base64(text).filter(|bytes| [24, 32].contains(bytes) || *bytes > 64) {
        if bytes > 64 { "bytes in base64".to_owned() } else { format!("{bytes} bytes in base64") }
    } else {
        "text".to_owned()
    }
}

fn without_ids(path: &str) -> String {
    let is_id = |word: &str| {
        let (kind, rest) = word.split_once('_').unwrap_or_default();
        !kind.is_empty() && kind.len() < 4 && rest.len() == 20
    };
    let pieces = path.split_inclusive(['/', '=', '?', '#']);
    let shown = pieces.map(|piece| {
        if is_id(piece) || piece.len() == 9 && piece.contains('-') {
            "{id}".to_owned()
        } else {
            piece.to_owned()
        }
    });
    shown.collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
