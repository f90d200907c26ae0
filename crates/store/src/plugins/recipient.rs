//! Public keys as people send them.

use sealpost_api::Problem;
use sealpost_api::purchase::Recipient;
use sealpost_envelope::{ErrorCode, ecdh};
use sealpost_market::{Device, DeviceId, DeviceKey};

use crate::fault::{Fault, Result};
use crate::schema::device::{Model, Wanted};
use crate::{limits, random};

const NAME_MAX: usize = 64;
/// Wallets derive what is not hardened below this (BIP-32).
const INDEX_END: u32 = 1 << 31;

/// Reads and checks a device's key; it gets an id in case it is new.
pub(crate) fn read(new: &Recipient) -> Result<Wanted> {
    let curve: ecdh::Curve = new.curve.parse().map_err(|error| refused(&error))?;
    let key = ecdh::Recipient::from_hex(curve, &new.public_key).map_err(|error| refused(&error))?;
    if new.index.is_some_and(|index| index >= INDEX_END) {
        return Err(limits::invalid("index", "it is 0 to 2147483647"));
    }
    let device = Device {
        id: DeviceId::generate(&random::bytes()?),
        key: DeviceKey { curve: curve.to_string(), public_key: key.to_hex() },
    };
    Ok(Wanted { device, name: new.name.as_deref().map(name).transpose()?, index: new.index })
}

/// The key of a device that was read before.
pub(crate) fn of(device: &Model) -> Result<ecdh::Recipient> {
    let curve: ecdh::Curve = device.curve.parse().map_err(Fault::internal)?;
    ecdh::Recipient::from_hex(curve, &device.public_key).map_err(Fault::internal)
}

fn name(text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > NAME_MAX || text.chars().any(char::is_control) {
        return Err(limits::invalid("name", "it has 1 to 64 characters on one line"));
    }
    Ok(text.to_owned())
}

fn refused<E: ErrorCode + std::fmt::Display>(error: &E) -> Fault {
    Problem::new(422, error.code(), "No key can be wrapped for this device")
        .detail(crate::fault::sentence(&error.to_string()))
        .hint(error.hint())
        .into()
}
