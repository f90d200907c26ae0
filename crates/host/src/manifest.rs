//! What a manifest says of how a plugin is run. It is the publisher's word where the release is signed.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::HostError;

/// The plugin interface that this host speaks (`docs/plugin-interface.md`).
pub const ABI: u64 = 1;

/// Bytes of a page of WebAssembly's memory.
pub(crate) const PAGE: usize = 64 << 10;

/// How a plugin is run. Other members of the manifest are not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Host functions it asks for, as far as they are known.
    pub permissions: Vec<Permission>,
    /// Its functions by their exports.
    pub functions: BTreeMap<String, Function>,
    /// Pages of 64 KiB that its memory has at most.
    pub max_pages: Option<u32>,
}

/// A function that a manifest declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// What it takes.
    pub params: Vec<ValueType>,
    /// What it gives; none where it gives nothing.
    pub result: Option<ValueType>,
    /// For people.
    pub description: Option<String>,
}

/// How values cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ValueType {
    /// A number of 32 bits.
    I32,
    /// A number of 64 bits.
    I64,
    /// A single-precision number.
    F32,
    /// A double-precision number.
    F64,
    /// Bytes, in the plugin's memory.
    Bytes,
    /// UTF-8, in the plugin's memory.
    Text,
    /// JSON as UTF-8, in the plugin's memory.
    Json,
}

/// Host functions that are asked for and allowed by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Permission {
    /// `log(ptr, len)`
    Log,
    /// `clock_ms() -> f64`
    Clock,
    /// `random(ptr, len)`
    Random,
}

impl Manifest {
    /// Reads a release's manifest. Without `abi` it is of version 1; without `functions` it declares none.
    ///
    /// # Errors
    /// When it is for another interface, or what it says of functions, permissions or memory cannot be understood.
    pub fn from_json(manifest: &Map<String, Json>) -> Result<Self, HostError> {
        if let Some(abi) = manifest.get("abi").filter(|abi| abi.as_f64() != Some(ABI as f64)) {
            return Err(HostError::Abi { found: abi.to_string().chars().take(40).collect() });
        }
        let asked: Vec<String> = member(manifest, "permissions")?.unwrap_or_default();
        let functions: BTreeMap<String, Said> = member(manifest, "functions")?.unwrap_or_default();
        let memory: Option<Memory> = member(manifest, "memory")?;
        let functions = functions.into_iter().map(|(name, said)| (name, said.into()));
        Ok(Self {
            // Those of a later version are none that a module could use here.
            permissions: asked.iter().filter_map(|name| name.parse().ok()).collect(),
            functions: functions.collect(),
            max_pages: memory.and_then(|memory| memory.max_pages),
        })
    }
}

impl ValueType {
    /// As manifests have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Bytes => "bytes",
            Self::Text => "text",
            Self::Json => "json",
        }
    }

    /// Whether it travels in the plugin's memory.
    pub(crate) fn in_memory(self) -> bool {
        matches!(self, Self::Bytes | Self::Text | Self::Json)
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As a person reads it: `(bytes, i32) -> json`.
impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let params: Vec<&str> = self.params.iter().map(|param| param.as_str()).collect();
        write!(f, "({}) -> {}", params.join(", "), self.result.map_or("none", ValueType::as_str))
    }
}

impl Permission {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Log, Self::Clock, Self::Random];

    /// As manifests have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Log => "log",
            Self::Clock => "clock",
            Self::Random => "random",
        }
    }
}

impl FromStr for Permission {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|known| known.as_str() == name);
        known.ok_or_else(|| format!("permissions are {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

#[derive(Deserialize)]
struct Said {
    #[serde(default)]
    params: Vec<ValueType>,
    #[serde(default)]
    result: Option<ResultType>,
    #[serde(default)]
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ResultType {
    None,
    #[serde(untagged)]
    Some(ValueType),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Memory {
    max_pages: Option<u32>,
}

impl From<Said> for Function {
    fn from(said: Said) -> Self {
        let result = match said.result {
            Some(ResultType::Some(result)) => Some(result),
            Some(ResultType::None) | None => None,
        };
        Self { params: said.params, result, description: said.description }
    }
}

fn member<T: for<'de> Deserialize<'de>>(
    manifest: &Map<String, Json>,
    name: &str,
) -> Result<Option<T>, HostError> {
    let Some(value) = manifest.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    T::deserialize(value).map(Some).map_err(|error| {
        // It may quote what it found.
        let reason: String = format!("`{name}`: {error}").chars().take(200).collect();
        HostError::Manifest { reason }
    })
}
