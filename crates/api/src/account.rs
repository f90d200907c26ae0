//! Sign-up, sign-in and the first operator.

use serde::{Deserialize, Serialize};

/// `POST /api/v1/accounts`: a new person.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RegisterRequest {
    /// Address that signs in; unique without regard to case.
    pub email: String,
    /// Name that others see; also signs in. The part of the address before the `@` where absent.
    #[serde(default)]
    pub username: Option<String>,
    /// At least 10 characters.
    pub password: String,
    /// The code of an operator's invitation, where the store asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<String>,
}

/// `POST /api/v1/setup`: the first operator, by the one-time token that `serve` printed.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SetupRequest {
    /// The token of the one-time link (the part behind `#`).
    pub setup_token: String,
    /// The operator's account.
    #[serde(flatten)]
    pub account: RegisterRequest,
}

/// `POST /auth/login`.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LoginRequest {
    /// Address, or absent when `username` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Name or address, as LMNT's page sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password.
    pub password: String,
}

/// Answer to a sign-in or sign-up.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LoginResponse {
    /// User token: an EdDSA JWT.
    pub token: String,
    /// Account id.
    pub user_id: String,
}

/// `POST /api/v1/me/password`.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChangePassword {
    /// The password so far.
    pub password: String,
    /// At least 10 characters.
    pub new_password: String,
}

/// `GET /api/v1/me`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Account {
    /// Account id.
    pub user_id: String,
    /// Address.
    pub email: String,
    /// Name that others see.
    pub username: String,
    /// `operator` for people who run the store; everyone may buy and sell.
    pub roles: Vec<String>,
}

/// `GET /auth/session`: who a browser is signed in as.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Here {
    /// Nobody where it is `null`.
    pub account: Option<Account>,
}

/// `GET /api/v1/me/sessions`: where somebody is signed in, the newest first.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignIns {
    /// Those that have not ended.
    pub sign_ins: Vec<SignIn>,
}

/// One browser, or one program with a token.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SignIn {
    /// Names it; no secret.
    pub id: String,
    /// `browser` or `token`.
    pub kind: String,
    /// Whether this request came by it.
    pub current: bool,
    /// RFC 3339.
    pub created_at: String,
    /// The last request, to the hour, RFC 3339; of browsers alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen: Option<String>,
    /// RFC 3339.
    pub expires_at: String,
    /// What the browser says of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Address of the network that it began from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

macro_rules! redacted_debug {
    ($($name:ident { $($field:ident),* }),* $(,)?) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($field), &self.$field))*.finish_non_exhaustive()
            }
        }
    )*};
}

redacted_debug! {
    RegisterRequest { email, username },
    SetupRequest { account },
    LoginRequest { email, username },
    LoginResponse { user_id },
    ChangePassword {},
}
