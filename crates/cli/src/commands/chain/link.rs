//! Proving to a store that a key is one's own: what is paid for the key is then the account's.

use sealpost_api::chain::{KeyChallenge, KeyLinked, KeyProof, WalletKey};
use sealpost_envelope::{
    ecdh::{EcdhError, Envelope, SecretKey},
    key_proof,
};

use crate::{
    client::Client,
    failure::{Failure, Result},
    offline::failed,
};

/// Links the key to the account that is signed in. Doing it again changes nothing.
pub(super) async fn link(client: &Client, key: &SecretKey) -> Result<KeyLinked> {
    let curve = key.curve().to_string();
    let public_key = key.recipient().to_hex();
    let named = WalletKey { curve: curve.clone(), public_key: public_key.clone() };
    let challenge: KeyChallenge = client.post(&["api", "v1", "keys", "challenge"], &named).await?;

    // Ours, never the store's: a store that passes on another's challenge must get no answer.
    let context = key_proof::context(&client.store().to_string(), client.user_id()?).map_err(|error| {
        Failure::new("account_id", error.to_string())
            .hint("sign in to the store again; if it stays, tell its operator")
    })?;
    if challenge.context != context {
        return Err(other_context(&challenge.context, &context));
    }
    let envelope: Envelope = serde_json::from_value(challenge.envelope).map_err(|error| {
        Failure::new("not_a_store", format!("the store's challenge is no envelope: {error}"))
            .hint("is this the address of a Sealpost store?")
    })?;
    let answer = key_proof::respond(&envelope, key, &context).map_err(|error| match error {
        EcdhError::Open => {
            Failure::new("key_challenge", "the store's challenge is for another key or account")
                .hint("try again; if it stays, tell the store's operator")
        }
        other => failed(other),
    })?;
    client.post(&["api", "v1", "keys"], &KeyProof { curve, public_key, answer }).await
}

fn other_context(theirs: &str, ours: &str) -> Failure {
    let sentence = format!("the store asks for a proof for {theirs:?}, and this is {ours:?}");
    let hint = match theirs.strip_prefix("sealpost-key:").and_then(|rest| rest.rsplit_once(':')) {
        Some((origin, _)) => {
            format!("if {origin} is the store's own address, sign in there: sealpost login --store {origin}")
        }
        None => "tell the store's operator".to_owned(),
    };
    Failure::new("key_context", sentence).hint(hint)
}
