//! WebAuthn Level 3, by the library; what it keeps travels as text.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::StatusCode;
use serde_json::Value;
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthentication16, DiscoverableAuthenticationServerState,
    DiscoverableCredentialRequestOptions, PublicKeyCredentialCreationOptions, Registration,
    RegistrationServerState,
    bin::{Decode, Encode},
    request::{
        AsciiDomain, PublicKeyCredentialDescriptor, RpId,
        auth::AuthenticationVerificationOptions,
        register::{
            CredProtect, PublicKeyCredentialUserEntity, RegistrationVerificationOptions, UserHandle16,
        },
    },
    response::{
        AuthTransports, Backup, CredentialId,
        register::{CompressedPubKey, DynamicState, StaticState},
    },
};

use crate::{ApiError, site::Site};

/// The key of a passkey, as it is kept.
type Key = CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>;

/// What is asked of a browser, and what its answer is checked with.
pub(super) struct Asked {
    /// For `navigator.credentials`, in the JSON form of WebAuthn.
    pub(super) options: Value,
    /// The challenge in it, base64url.
    pub(super) challenge: String,
    pub(super) state: String,
}

/// A passkey as it is kept.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) id: String,
    pub(super) fixed: String,
    pub(super) changing: String,
}

/// A name for an account that says nothing of it, lower hex.
pub(super) fn new_user_handle() -> Result<String, ApiError> {
    UserHandle16::new().encode().map(hex::encode).map_err(ApiError::internal)
}

/// What a browser makes a passkey by.
pub(super) fn ask_to_register(
    site: &Site,
    user_handle: &str,
    name: &str,
    known: &[String],
) -> Result<Asked, ApiError> {
    let (rp_id, user_id) = (rp(site)?, handle(user_handle)?);
    let known = known.iter().filter_map(|id| {
        let id = CredentialId::<Vec<u8>>::decode(bytes(id).ok()?).ok()?;
        let transports = AuthTransports::decode(0).ok()?;
        Some(PublicKeyCredentialDescriptor { id, transports })
    });
    let user = PublicKeyCredentialUserEntity::from(&user_id);
    let mut options = PublicKeyCredentialCreationOptions::passkey(&rp_id, user, known.collect());
    // Its owner is asked for each time anyway; and authenticators that do not know the extension would make none.
    options.extensions.cred_protect = CredProtect::None;
    let (server, client) = options.start_ceremony().map_err(ApiError::internal)?;
    let mut options = serde_json::to_value(&client).map_err(ApiError::internal)?;
    // The library knows names of one alphabet at a time alone; they are for people, and nothing is checked by them.
    options["user"]["name"] = name.into();
    options["user"]["displayName"] = name.into();
    let state = server.encode().map_err(ApiError::internal)?;
    asked(options, &state)
}

/// Checks what a browser made: the passkey.
pub(super) fn registered(site: &Site, state: &str, answer: &[u8]) -> Result<Kept, ApiError> {
    let rp_id = rp(site)?;
    let answer = Registration::from_json_relaxed(answer).map_err(unreadable)?;
    let server = RegistrationServerState::<16>::decode(&bytes(state)?).map_err(ApiError::internal)?;
    let options = RegistrationVerificationOptions::<'_, '_, String, String> {
        allowed_origins: &site.origins,
        error_on_unsolicited_extensions: false,
        ..Default::default()
    };
    let made = server.verify(&rp_id, &answer, &options).map_err(|error| refused(&error))?;
    Ok(Kept {
        id: BASE64_URL_SAFE_NO_PAD.encode(made.id().as_ref()),
        fixed: BASE64_URL_SAFE_NO_PAD.encode(made.static_state().encode().map_err(ApiError::internal)?),
        changing: hex::encode(made.dynamic_state().encode().map_err(ApiError::internal)?),
    })
}

/// What a browser shows a passkey by, whoever's it is.
pub(super) fn ask_to_sign_in(site: &Site) -> Result<Asked, ApiError> {
    let rp_id = rp(site)?;
    let options = DiscoverableCredentialRequestOptions::passkey(&rp_id);
    let (server, client) = options.start_ceremony().map_err(ApiError::internal)?;
    let options = serde_json::to_value(&client).map_err(ApiError::internal)?;
    let state = server.encode().map_err(ApiError::internal)?;
    asked(options, &state)
}

/// What a browser answered.
pub(super) struct Shown(DiscoverableAuthentication16);

impl Shown {
    pub(super) fn read(answer: &[u8]) -> Result<Self, ApiError> {
        DiscoverableAuthentication16::from_json_relaxed(answer).map(Self).map_err(unreadable)
    }

    /// Of which passkey, base64url.
    pub(super) fn id(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0.raw_id().as_ref())
    }

    /// The challenge that it answers, base64url.
    pub(super) fn challenge(&self) -> Result<String, ApiError> {
        let sent = self.0.challenge_relaxed().map_err(unreadable)?;
        Ok(challenge_text(sent.0))
    }

    /// Checks it against the passkey of the account with that handle: what changed of the passkey.
    pub(super) fn verify(
        &self,
        site: &Site,
        state: &str,
        kept: &Kept,
        user_handle: &str,
    ) -> Result<String, ApiError> {
        let (rp_id, user_id, id) = (rp(site)?, handle(user_handle)?, bytes(&kept.id)?);
        let changing = hex::decode(&kept.changing).ok().and_then(|bytes| <[u8; 7]>::try_from(bytes).ok());
        let changing = changing.ok_or_else(|| ApiError::internal("a passkey that is damaged"))?;
        let mut credential = AuthenticatedCredential::new(
            CredentialId::<&[u8]>::decode(id.as_slice()).map_err(ApiError::internal)?,
            &user_id,
            StaticState::<Key>::decode(&bytes(&kept.fixed)?).map_err(ApiError::internal)?,
            DynamicState::decode(changing).map_err(ApiError::internal)?,
        )
        .map_err(ApiError::internal)?;
        let server =
            DiscoverableAuthenticationServerState::decode(&bytes(state)?).map_err(ApiError::internal)?;
        let options = AuthenticationVerificationOptions::<'_, '_, String, String> {
            allowed_origins: &site.origins,
            error_on_unsolicited_extensions: false,
            ..Default::default()
        };
        server.verify(&rp_id, &self.0, &mut credential, &options).map_err(|error| refused(&error))?;
        credential.dynamic_state().encode().map(hex::encode).map_err(ApiError::internal)
    }
}

/// The challenge that an answer of a new passkey is to, base64url.
pub(super) fn challenge_of_registration(answer: &[u8]) -> Result<String, ApiError> {
    let answer = Registration::from_json_relaxed(answer).map_err(unreadable)?;
    let sent = answer.challenge_relaxed().map_err(unreadable)?;
    Ok(challenge_text(sent.0))
}

/// Whether the passkey is kept on several devices.
pub(super) fn is_synced(changing: &str) -> bool {
    let changing = hex::decode(changing).ok().and_then(|bytes| <[u8; 7]>::try_from(bytes).ok());
    let state = changing.and_then(|bytes| DynamicState::decode(bytes).ok());
    state.is_some_and(|state| matches!(state.backup, Backup::Exists))
}

fn asked(mut options: Value, state: &[u8]) -> Result<Asked, ApiError> {
    // Some versions wrap it for `navigator.credentials`, which takes a mediation besides.
    let inner = if options.get("publicKey").is_some() { options["publicKey"].take() } else { options };
    let challenge = inner["challenge"].as_str().map(str::to_owned);
    let challenge = challenge.ok_or_else(|| ApiError::internal("a challenge without itself"))?;
    Ok(Asked { options: inner, challenge, state: BASE64_URL_SAFE_NO_PAD.encode(state) })
}

/// As the library writes it: little-endian.
fn challenge_text(challenge: u128) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(challenge.to_le_bytes())
}

fn rp(site: &Site) -> Result<RpId, ApiError> {
    let name = site.rp_id.clone().ok_or_else(|| {
        ApiError::new(StatusCode::CONFLICT, "no_passkeys", "There are no passkeys at this address")
            .detail("Browsers make passkeys for names alone, and over TLS.")
            .hint("The operator gives the store a name and TLS (`public_url`); sign in by password.")
    })?;
    AsciiDomain::try_from(name).map(RpId::Domain).map_err(ApiError::internal)
}

fn handle(text: &str) -> Result<UserHandle16, ApiError> {
    let bytes = hex::decode(text).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    let bytes = bytes.ok_or_else(|| ApiError::internal("a handle that is damaged"))?;
    UserHandle16::decode(bytes).map_err(ApiError::internal)
}

fn bytes(text: &str) -> Result<Vec<u8>, ApiError> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(ApiError::internal)
}

fn unreadable(error: impl std::fmt::Display) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_passkey", "The passkey's answer cannot be read")
        .detail(error.to_string().chars().take(200).collect::<String>())
        .hint("Try again; if it stays, use another browser or device.")
}

fn refused(error: &impl std::fmt::Display) -> ApiError {
    ApiError::new(StatusCode::FORBIDDEN, "passkey_refused", "The passkey is not accepted")
        .detail(error.to_string().chars().take(200).collect::<String>())
        .hint("Try again, or sign in another way.")
}
