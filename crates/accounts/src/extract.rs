//! Request parts whose refusals are problem JSON like every other failure.

use std::{
    convert::Infallible,
    fmt,
    marker::PhantomData,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use axum::{
    Json,
    extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Query, Request, rejection::JsonRejection},
};
use http::{StatusCode, request::Parts};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};

use crate::ApiError;

/// A JSON body.
#[derive(Clone, Copy, Debug)]
pub struct ApiJson<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for ApiJson<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::from_request(request, state).await {
            Ok(Json(Object(value))) => Ok(Self(value)),
            Err(rejection) => Err(refused(&rejection)),
        }
    }
}

/// What is written as an object: without it, derived types take a list of their fields' values too.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// Parameters of the path.
#[derive(Clone, Copy, Debug)]
pub struct ApiPath<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for ApiPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here")
                .detail(rejection.body_text())
                .hint("The routes are listed at /api/docs.")),
        }
    }
}

/// Parameters behind the `?`.
#[derive(Clone, Copy, Debug)]
pub struct ApiQuery<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for ApiQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(ApiError::new(
                StatusCode::BAD_REQUEST,
                "bad_query",
                "A parameter of the address is wrong",
            )
            .detail(rejection.body_text())
            .hint("Compare the parameters with /api/docs.")),
        }
    }
}

/// Where a request comes from, for rate limits.
///
/// The address that a middleware behind a trusted proxy put into the request's extensions, else that of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The address as far as one household has one: whole for IPv4, the /64 network for IPv6.
    pub fn household(self) -> IpAddr {
        match self.0.to_canonical() {
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & 0xffff_ffff_ffff_ffff_u128 << 64))
            }
            v4 => v4,
        }
    }
}

impl<S: Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let known = parts.extensions.get::<Self>().copied();
        let peer = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| Self(peer.0.ip()));
        Ok(known.or_else(peer).unwrap_or(Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED))))
    }
}

/// Serde's words name fields and types; they never repeat a value other than numbers, names of variants and short
/// strings of the wrong type, so bodies with secrets are described by position alone.
fn refused(rejection: &JsonRejection) -> ApiError {
    let status = rejection.status();
    match rejection {
        JsonRejection::MissingJsonContentType(_) => {
            ApiError::new(status, "json_expected", "A JSON body is expected")
                .hint("Send the body with `Content-Type: application/json`.")
        }
        JsonRejection::JsonSyntaxError(_) => ApiError::new(status, "bad_json", "The body is not JSON")
            .hint("Check quotes, commas and brackets."),
        JsonRejection::JsonDataError(error) => {
            ApiError::new(status, "bad_request", "The body does not have the expected fields")
                .detail(without_values(&error.body_text()))
                .hint("The API's description at /api/docs names the fields.")
        }
        _ if status == StatusCode::PAYLOAD_TOO_LARGE => {
            ApiError::new(status, "body_too_large", "The body is too large")
                .hint("JSON bodies have at most a few hundred kilobytes; files go to /api/v1/releases.")
        }
        _ => ApiError::new(status, "bad_body", "The body could not be read").hint("Send it again."),
    }
}

/// Cuts what stands between quotes or backticks in `invalid type`/`invalid value` messages, keeps names of fields.
fn without_values(text: &str) -> String {
    let text = text.rsplit_once("target type: ").map_or(text, |(_, message)| message);
    match (text.find("string \""), text.rfind("\", expected")) {
        (Some(start), Some(end)) if start < end => format!("{}string{}", &text[..start], &text[end + 1..]),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_of_the_wrong_type_is_not_repeated() {
        let text = "Failed to deserialize the JSON body into the target type: a: invalid type: string \"hunter2 \\\" x\", expected u32 at line 1";
        let shown = without_values(text);
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("expected u32"), "{shown}");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_household() {
        let household = |text: &str| ClientAddress(text.parse().unwrap()).household();
        assert_eq!(household("2001:db8::1"), household("2001:db8::ffff:1"));
        assert_ne!(household("2001:db8::1"), household("2001:db8:0:1::1"));
        assert_eq!(household("::ffff:10.0.0.1"), household("10.0.0.1"));
    }
}
