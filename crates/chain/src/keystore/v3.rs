//! Web3 Secret Storage, version 3.

use aes::Aes128;
use alloy::primitives::keccak256;
use ctr::{
    Ctr128BE,
    cipher::{KeyIvInit as _, StreamCipher as _},
};
use rand_core::CryptoRng;
use sealpost_market::chain::Address;
use serde::Deserialize;
use serde_json::json;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::KeyError;
use crate::signer::Signer;

const DERIVED: usize = 32;
/// What opening may cost: 1 GiB of memory, and some seconds.
const MOST_MEMORY: u64 = 1 << 23;
const MOST_WORK: u64 = 1 << 24;
const MOST_ROUNDS: u32 = 10_000_000;

/// A file as it was read.
pub(super) struct Document {
    pub(super) address: Option<Address>,
    kdf: Kdf,
    salt: Vec<u8>,
    iv: [u8; 16],
    ciphertext: [u8; 32],
    mac: [u8; 32],
}

/// What scrypt is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    pub(super) log_n: u8,
    pub(super) r: u32,
    pub(super) p: u32,
}

enum Kdf {
    Scrypt(Cost),
    Pbkdf2 { rounds: u32 },
}

#[derive(Deserialize)]
struct Raw {
    version: u32,
    address: Option<String>,
    #[serde(alias = "Crypto")]
    crypto: RawCrypto,
}

#[derive(Deserialize)]
struct RawCrypto {
    cipher: String,
    cipherparams: RawCipher,
    ciphertext: String,
    kdf: String,
    kdfparams: RawKdf,
    mac: String,
}

#[derive(Deserialize)]
struct RawCipher {
    iv: String,
}

#[derive(Deserialize)]
struct RawKdf {
    dklen: usize,
    salt: String,
    n: Option<u64>,
    r: Option<u32>,
    p: Option<u32>,
    c: Option<u32>,
    prf: Option<String>,
}

impl Cost {
    /// What geth calls standard: a quarter of a gigabyte.
    pub(super) const STANDARD: Self = Self { log_n: 18, r: 8, p: 1 };
}

impl Document {
    pub(super) fn parse(text: &str) -> Result<Self, KeyError> {
        let raw: Raw = serde_json::from_str(text).map_err(|_| KeyError::Format)?;
        if raw.version != 3 {
            return Err(KeyError::Unknown(format!("version {}", raw.version)));
        }
        let crypto = raw.crypto;
        if crypto.cipher != "aes-128-ctr" {
            return Err(KeyError::Unknown("another cipher than aes-128-ctr".to_owned()));
        }
        if crypto.kdfparams.dklen != DERIVED {
            return Err(KeyError::Unknown("another length of derived keys than 32".to_owned()));
        }
        let address =
            raw.address.map(|text| format!("0x{}", text.strip_prefix("0x").unwrap_or(&text)).parse());
        Ok(Self {
            address: address.transpose().map_err(|_| KeyError::Format)?,
            kdf: Kdf::read(&crypto.kdf, &crypto.kdfparams)?,
            salt: hex::decode(&crypto.kdfparams.salt).map_err(|_| KeyError::Format)?,
            iv: fixed(&crypto.cipherparams.iv)?,
            ciphertext: fixed(&crypto.ciphertext)?,
            mac: fixed(&crypto.mac)?,
        })
    }

    pub(super) fn work(&self) -> u64 {
        match self.kdf {
            Kdf::Scrypt(Cost { log_n, r, p }) => (u64::from(r) * u64::from(p)) << log_n,
            Kdf::Pbkdf2 { rounds } => rounds.into(),
        }
    }

    pub(super) fn open(&self, passphrase: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyError> {
        let derived = self.kdf.derive(passphrase, &self.salt)?;
        if !bool::from(mac(&derived, &self.ciphertext).ct_eq(&self.mac)) {
            return Err(KeyError::Passphrase);
        }
        let mut key = Zeroizing::new(self.ciphertext);
        encrypt(&derived, &self.iv, &mut key)?;
        Ok(key)
    }
}

/// Writes a file.
pub(super) fn seal(
    signer: &Signer,
    passphrase: &[u8],
    cost: Cost,
    rng: &mut impl CryptoRng,
) -> Result<String, KeyError> {
    let (mut salt, mut iv, mut id) = ([0; 32], [0; 16], [0; 16]);
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(&mut iv);
    rng.fill_bytes(&mut id);
    let derived = Kdf::Scrypt(cost).derive(passphrase, &salt)?;
    let mut sealed = signer.expose();
    encrypt(&derived, &iv, &mut sealed)?;
    let document = json!({
        "version": 3,
        "id": uuid(id),
        "address": hex::encode(signer.address().as_bytes()),
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": { "iv": hex::encode(iv) },
            "ciphertext": hex::encode(*sealed),
            "kdf": "scrypt",
            "kdfparams": {
                "dklen": DERIVED,
                "n": 1_u64 << cost.log_n,
                "r": cost.r,
                "p": cost.p,
                "salt": hex::encode(salt),
            },
            "mac": hex::encode(mac(&derived, &*sealed)),
        },
    });
    Ok(format!("{document:#}\n"))
}

impl Kdf {
    fn read(name: &str, raw: &RawKdf) -> Result<Self, KeyError> {
        match (name, raw) {
            ("scrypt", &RawKdf { n: Some(n), r: Some(r), p: Some(p), .. }) => {
                if !n.is_power_of_two() || n < 2 || r == 0 || p == 0 {
                    return Err(KeyError::Format);
                }
                let memory = n.saturating_mul(u64::from(r));
                if memory > MOST_MEMORY || memory.saturating_mul(u64::from(p)) > MOST_WORK {
                    return Err(KeyError::TooMuchWork);
                }
                let log_n = u8::try_from(n.ilog2()).map_err(|_| KeyError::Format)?;
                if u32::from(log_n) >= r.saturating_mul(16) {
                    return Err(KeyError::Unknown("scrypt with parameters that RFC 7914 forbids".to_owned()));
                }
                Ok(Self::Scrypt(Cost { log_n, r, p }))
            }
            ("pbkdf2", RawKdf { c: Some(rounds), prf: Some(prf), .. }) if prf == "hmac-sha256" => {
                match *rounds {
                    0 => Err(KeyError::Format),
                    rounds if rounds > MOST_ROUNDS => Err(KeyError::TooMuchWork),
                    rounds => Ok(Self::Pbkdf2 { rounds }),
                }
            }
            ("scrypt", _) => Err(KeyError::Format),
            _ => Err(KeyError::Unknown(
                "another derivation than scrypt and pbkdf2 with hmac-sha256".to_owned(),
            )),
        }
    }

    fn derive(&self, passphrase: &[u8], salt: &[u8]) -> Result<Zeroizing<[u8; DERIVED]>, KeyError> {
        let mut derived = Zeroizing::new([0; DERIVED]);
        match self {
            Self::Scrypt(Cost { log_n, r, p }) => {
                let params =
                    scrypt::Params::new(*log_n, *r, *p, DERIVED).map_err(|_| KeyError::TooMuchWork)?;
                scrypt::scrypt(passphrase, salt, &params, &mut *derived)
                    .map_err(|_| KeyError::TooMuchWork)?;
            }
            Self::Pbkdf2 { rounds } => {
                pbkdf2::pbkdf2_hmac::<Sha256>(passphrase, salt, *rounds, &mut *derived);
            }
        }
        Ok(derived)
    }
}

fn mac(derived: &[u8; DERIVED], ciphertext: &[u8]) -> [u8; 32] {
    let input = Zeroizing::new([&derived[16..], ciphertext].concat());
    keccak256(&*input).0
}

/// AES-128-CTR both seals and opens.
fn encrypt(derived: &[u8; DERIVED], iv: &[u8; 16], text: &mut [u8; 32]) -> Result<(), KeyError> {
    let mut cipher = Ctr128BE::<Aes128>::new_from_slices(&derived[..16], iv).map_err(|_| KeyError::Format)?;
    cipher.apply_keystream(text);
    Ok(())
}

fn fixed<const N: usize>(text: &str) -> Result<[u8; N], KeyError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| KeyError::Format)?;
    Ok(bytes)
}

/// Version 4 of RFC 9562.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex::encode(bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use rand_core::UnwrapErr;

    use super::*;
    use crate::KeyFile;

    const CHEAP: Cost = Cost { log_n: 4, r: 8, p: 1 };

    #[test]
    fn files_of_other_programs_open() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../vectors/keystore-v3.json")).unwrap();
        for vector in vectors["vectors"].as_array().unwrap() {
            let document = Document::parse(&vector["json"].to_string()).unwrap();
            let key = document.open(vector["password"].as_str().unwrap().as_bytes()).unwrap();
            assert_eq!(hex::encode(*key), vector["priv"].as_str().unwrap());
            assert_eq!(document.open(b"testpassworD").unwrap_err(), KeyError::Passphrase);
        }
    }

    #[test]
    fn what_is_sealed_opens_with_its_passphrase_alone() {
        let mut rng = UnwrapErr(getrandom::SysRng);
        let signer = Signer::generate(&mut rng);
        let text = seal(&signer, b"pass", CHEAP, &mut rng).unwrap();
        assert!(!text.contains(&hex::encode(*signer.expose())));
        let KeyFile::Sealed(keystore) = KeyFile::parse(&text).unwrap() else { panic!("sealed") };
        assert_eq!(keystore.address(), Some(signer.address()));
        assert_eq!(*keystore.open("pass").unwrap().expose(), *signer.expose());
        assert_eq!(keystore.open("word").unwrap_err(), KeyError::Passphrase);
    }

    #[test]
    fn a_file_that_names_another_account_is_refused() {
        let mut rng = UnwrapErr(getrandom::SysRng);
        let (mine, theirs) = (Signer::generate(&mut rng), Signer::generate(&mut rng));
        let text = seal(&mine, b"pass", CHEAP, &mut rng).unwrap();
        let swapped = text.replace(&mine.address().to_string()[2..], &theirs.address().to_string()[2..]);
        let KeyFile::Sealed(keystore) = KeyFile::parse(&swapped).unwrap() else { panic!("sealed") };
        assert!(matches!(keystore.open("pass").unwrap_err(), KeyError::Address { .. }));
    }

    #[test]
    fn a_file_that_asks_for_too_much_work_is_refused_before_any_is_done() {
        let mut rng = UnwrapErr(getrandom::SysRng);
        let text = seal(&Signer::generate(&mut rng), b"pass", CHEAP, &mut rng).unwrap();
        for n in ["1073741824", "18446744073709551615", "0", "3"] {
            let changed = text.replace("\"n\": 16", &format!("\"n\": {n}"));
            assert_ne!(changed, text);
            assert!(
                matches!(Document::parse(&changed), Err(KeyError::TooMuchWork | KeyError::Format)),
                "{n}"
            );
        }
    }
}
