use crate::ValueType;

/// What goes into a function or comes out of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// 32 bits, with a sign or without.
    I32(i32),
    /// 64 bits, with a sign or without.
    I64(i64),
    /// A single-precision number.
    F32(f32),
    /// A double-precision number.
    F64(f64),
    /// Bytes.
    Bytes(Vec<u8>),
    /// Text.
    Text(String),
    /// Any JSON value.
    Json(serde_json::Value),
    /// Of a function without a result.
    None,
}

impl Value {
    /// Its type; none of [`Value::None`].
    #[must_use]
    pub fn value_type(&self) -> Option<ValueType> {
        Some(match self {
            Self::I32(_) => ValueType::I32,
            Self::I64(_) => ValueType::I64,
            Self::F32(_) => ValueType::F32,
            Self::F64(_) => ValueType::F64,
            Self::Bytes(_) => ValueType::Bytes,
            Self::Text(_) => ValueType::Text,
            Self::Json(_) => ValueType::Json,
            Self::None => return None,
        })
    }
}
