//! What a plugin has, and what it gave.

use std::io::IsTerminal as _;
use std::path::Path;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sealpost_envelope::{Digest, bundle::Bundle};
use sealpost_host::{Manifest, Permission, Value};
use serde_json::{Map, json};

use crate::failure::{Failure, Result};
use crate::input::is_dash;
use crate::offline::{Replace, Shown, hand_over, hand_over_json, json_text};
use crate::outfile::{Access, OutFile};
use crate::output::{Table, answer, clean, facts};

/// The functions of a plugin, as its manifest tells them.
pub(super) fn list(bundle: &Bundle, manifest: &Manifest, shown: Shown) {
    let publisher = bundle.publisher.filter(|_| bundle.signature.is_some()).map(hex::encode);
    let permissions: Vec<_> = manifest.permissions.iter().copied().map(Permission::as_str).collect();
    let said = json!({
        "pluginId": bundle.plugin_id,
        "version": bundle.version,
        "publisher": publisher,
        "permissions": permissions,
        "functions": bundle.manifest.get("functions").cloned().unwrap_or_else(|| json!({})),
    });
    answer(shown.json, &said, |_| {
        let head = facts([
            ("Plugin", Some(bundle.plugin_id.clone())),
            ("Version", Some(bundle.version.clone()).filter(|version| !version.is_empty())),
            ("Signed by", Some(publisher.clone().unwrap_or_else(|| "nobody".to_owned()))),
            ("Asks for", Some(permissions.join(", ")).filter(|asked| !asked.is_empty())),
        ]);
        let mut table = Table::new(["FUNCTION", "WHAT IT DOES"]);
        for (name, function) in &manifest.functions {
            table.row([format!("{name}{function}"), function.description.clone().unwrap_or_default()]);
        }
        format!("{head}\n{}", table.or("Its manifest declares no functions."))
    });
}

/// Where a result goes.
pub(super) struct Output {
    file: Option<OutFile>,
    shown: Shown,
}

impl Output {
    /// Makes sure that there is a place for the result, before anything runs.
    pub(super) fn prepare(out: Option<&Path>, replace: Replace, shown: Shown) -> Result<Self> {
        if shown.json && out.is_some_and(is_dash) {
            return Err(Failure::usage(
                "stdout_taken",
                "the result and JSON cannot both go to standard output",
            )
            .hint("name a file with --out, or leave out --json"));
        }
        let file = out.map(|path| OutFile::create(path, Access::Ordinary, replace.force)).transpose()?;
        Ok(Self { file, shown })
    }

    /// Hands it over.
    pub(super) fn give(self, bundle: &Bundle, function: &str, value: Value) -> Result<()> {
        let mut said = Map::new();
        said.insert("pluginId".into(), bundle.plugin_id.clone().into());
        said.insert("version".into(), bundle.version.clone().into());
        said.insert("function".into(), function.into());
        said.insert("type".into(), value.value_type().map_or("none", |kind| kind.as_str()).into());
        match (self.file, self.shown.json) {
            (Some(file), json) => {
                let bytes = raw(&value)?;
                let digest = Digest::of(&bytes);
                file.finish_with(&bytes)?;
                if json {
                    said.insert("size".into(), digest.size.into());
                    said.insert("sha256".into(), digest.hex().into());
                    return hand_over_json(&said);
                }
                Ok(())
            }
            (None, true) => {
                said.insert("result".into(), as_json(value));
                hand_over_json(&said)
            }
            (None, false) => print(&value),
        }
    }
}

/// On a terminal nothing of a plugin's text may steer it; elsewhere it is what the plugin gave.
fn print(value: &Value) -> Result<()> {
    let bytes = raw(value)?;
    if let Value::Bytes(_) = value {
        let out = OutFile::create(Path::new("-"), Access::Ordinary, false)?;
        return out
            .not_on_a_terminal("write them to a file with --out FILE, or print base64 with --json")?
            .finish_with(&bytes);
    }
    if !std::io::stdout().is_terminal() {
        return hand_over(&bytes);
    }
    if let Value::Json(json) = value {
        return hand_over_json(json);
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: String = text.lines().map(|line| clean(line) + "\n").collect();
    hand_over(lines.as_bytes())
}

/// As it goes to a file: numbers and JSON end with a newline, bytes and text are as they are.
fn raw(value: &Value) -> Result<Vec<u8>> {
    Ok(match value {
        Value::Bytes(bytes) => bytes.clone(),
        Value::Text(text) => text.clone().into_bytes(),
        Value::Json(json) => json_text(json)?.as_bytes().to_vec(),
        Value::I32(number) => format!("{number}\n").into_bytes(),
        Value::I64(number) => format!("{number}\n").into_bytes(),
        Value::F32(number) => format!("{number}\n").into_bytes(),
        Value::F64(number) => format!("{number}\n").into_bytes(),
        Value::None => Vec::new(),
    })
}

fn as_json(value: Value) -> serde_json::Value {
    match value {
        Value::Bytes(bytes) => BASE64_STANDARD.encode(bytes).into(),
        Value::Text(text) => text.into(),
        Value::Json(json) => json,
        Value::I32(number) => number.into(),
        // Beyond 2^53 readers of JSON disagree on numbers.
        Value::I64(number) => number.to_string().into(),
        Value::F32(number) => number.into(),
        Value::F64(number) => number.into(),
        Value::None => serde_json::Value::Null,
    }
}
