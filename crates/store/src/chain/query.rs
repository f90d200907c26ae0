//! Parameters of the chain's routes.

use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct OfferQuery {
    /// Version to buy; the newest active one that the contract sells where absent.
    #[serde(default)]
    pub(crate) version: Option<String>,
    /// Curve of the buyer's key, for calls that pay for it: `secp256k1` (where only the key is given), `p256`, `p384`, `x25519` or
    /// `ed25519`.
    #[serde(default)]
    pub(crate) curve: Option<String>,
    /// The buyer's public key in hex.
    #[serde(default)]
    pub(crate) public_key: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PaymentQuery {
    /// Payments for this listing alone (an id, or a plugin's).
    #[serde(default)]
    pub(crate) listing: Option<String>,
    /// `next` of the page before.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Rows, 1 to 200 (default 50).
    #[serde(default)]
    #[param(maximum = 65535)]
    pub(crate) limit: Option<u16>,
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AcceptQuery {
    /// Which purchase of the transaction, from 0; needed where it paid several times for listings of yours.
    #[serde(default)]
    pub(crate) index: Option<u32>,
}
