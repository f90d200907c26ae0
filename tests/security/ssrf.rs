//! Addresses that strangers name make the store connect nowhere: it fetches nothing that they choose.

use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::world::World;

/// Where the store would be led.
struct Lure {
    address: String,
    taken: JoinHandle<Option<String>>,
}

/// What ends the watch.
const OURS: &[u8] = b"this is the test itself";

impl Lure {
    async fn lay() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let taken = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.ok()?;
            let mut said = vec![0; 4096];
            let length = stream.read(&mut said).await.unwrap_or(0);
            said.truncate(length);
            (said != OURS).then(|| String::from_utf8_lossy(&said).into_owned())
        });
        Ok(Self { address, taken })
    }

    /// Whatever was connected before is taken first: nothing was, if the test meets itself there.
    async fn nobody_came(self) -> Result<()> {
        let mut stream = tokio::net::TcpStream::connect(&self.address).await?;
        stream.write_all(OURS).await?;
        let taken = tokio::time::timeout(Duration::from_secs(30), self.taken).await??;
        anyhow::ensure!(taken.is_none(), "the store was led there: {taken:?}");
        Ok(())
    }
}

/// A value as the schema has it, with `text` wherever a text may be.
fn filled(api: &Value, schema: &Value, text: &str, depth: usize) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.trim_start_matches("#/components/schemas/");
        return filled(api, &api["components"]["schemas"][name], text, depth);
    }
    for several in ["oneOf", "anyOf"] {
        if let Some(options) = schema[several].as_array() {
            let real = options.iter().find(|option| option["type"] != "null");
            return real.map_or(Value::Null, |option| filled(api, option, text, depth));
        }
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = Map::new();
        for part in parts {
            whole.extend(filled(api, part, text, depth).as_object().cloned().unwrap_or_default());
        }
        return Value::Object(whole);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    let kind = schema["type"].as_array().map_or(&schema["type"], |kinds| &kinds[0]);
    match kind.as_str() {
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") if depth > 0 => json!([filled(api, &schema["items"], text, depth - 1)]),
        Some("object") if depth > 0 => {
            let fields = schema["properties"].as_object().into_iter().flatten();
            fields.map(|(name, field)| (name.clone(), filled(api, field, text, depth - 1))).collect()
        }
        Some("array" | "object") => Value::Null,
        _ => json!(text),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_in_a_request_is_fetched() -> Result<()> {
    let world = World::new("").await?;
    let lure = Lure::lay().await?;
    let api = world.store.openapi().await?;
    let mut asked = 0;
    for (path, item) in api["paths"].as_object().context("no paths")? {
        for (method, operation) in item.as_object().context("no methods")? {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
            if path.ends_with("/events") || path.ends_with("/logout") || path.contains("/sessions") {
                continue;
            }
            let texts =
                [format!("http://{}/x", lure.address), format!("//{}", lure.address), lure.address.clone()];
            for text in texts {
                let escaped: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
                let path: String = path
                    .split('/')
                    .map(|part| if part.starts_with('{') { escaped.as_str() } else { part })
                    .collect::<Vec<_>>()
                    .join("/");
                let parameters = operation["parameters"].as_array().into_iter().flatten();
                let query =
                    parameters.filter(|one| one["in"] == "query").filter_map(|one| one["name"].as_str());
                let query: Vec<String> = query.map(|name| format!("{name}={escaped}")).collect();
                let path = format!("{path}?{}", query.join("&"));
                for token in [&world.operator.token, &world.printer.token] {
                    let mut request = world.request(method.clone(), &path, token)?;
                    for header in ["x-forwarded-host", "x-original-url", "referer", "origin", "forwarded"] {
                        request = request.header(header, &text);
                    }
                    let content = &operation["requestBody"]["content"];
                    if let Some(schema) = content.get("application/json").map(|json| &json["schema"]) {
                        request = request.json(&filled(&api, schema, &text, 4));
                    }
                    request.send().await?;
                    asked += 1;
                }
            }
        }
    }
    assert!(asked > 300, "{asked} requests are few");

    // A listing, a release and a printer that are good but for an address.
    let text = format!("http://{}/x", lure.address);
    let listing = json!({"id": "lure", "title": text, "description": text, "prints": 1});
    world.seller.post("/api/v1/listings", &listing).await?.error_for_status()?;
    for extra in ["cid", "url", "source", "gcode_file_url", "blob"] {
        let mut release = json!({"listing": "lure", "version": "1"});
        release[extra] = json!(text);
        let form = reqwest::multipart::Form::new().text("release", release.to_string());
        world.seller.request(Method::POST, "/api/v1/releases").multipart(form).send().await?;
    }
    lure.nobody_came().await
}
