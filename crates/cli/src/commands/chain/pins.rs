//! What this person's commands remember of each store's contract: which one it was, and which keys were being paid for.

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use sealpost_market::chain::{Address, BuyerKey, ChainHash, network_text};
use serde::{Deserialize, Serialize};

use crate::{
    failure::{Doing as _, Failure, Result},
    private_file, session,
};

/// Of every store, by its address.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct Pins {
    #[serde(default)]
    stores: BTreeMap<String, Pin>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
struct Pin {
    chain_id: u64,
    contract: Address,
    /// By item: the key that was last paid for, or about to be.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    paying: BTreeMap<String, String>,
}

impl Pins {
    pub(super) fn load() -> Result<Self> {
        Self::load_from(&path()?)
    }

    /// An error where the store sold by another contract, or on another chain, when it was last used. `named` is the
    /// contract that was asked for in so many words.
    pub(super) fn check(
        &self,
        store: &str,
        chain_id: u64,
        contract: Address,
        named: Option<Address>,
    ) -> Result<()> {
        let Some(pin) = self.stores.get(store) else { return Ok(()) };
        if (pin.chain_id, pin.contract) == (chain_id, contract) || named == Some(contract) {
            return Ok(());
        }
        let sentence = format!(
            "{store} sells by contract {} on chain {} now; when you last used it, it was {} on chain {}",
            contract.checksummed(),
            network_text(chain_id),
            pin.contract.checksummed(),
            network_text(pin.chain_id)
        );
        Err(Failure::new("contract_changed", sentence).hint(format!(
            "ask the store's operator by another way than the store itself; where it is right, say --contract {}",
            contract.checksummed()
        )))
    }

    /// Remembers a store's contract.
    pub(super) fn keep(store: &str, chain_id: u64, contract: Address) -> Result<()> {
        Self::change(|pins| pins.pin(store, chain_id, contract))
    }

    /// Remembers that a key is about to be paid for.
    pub(super) fn note(store: &str, item: ChainHash, key: &BuyerKey) -> Result<()> {
        Self::change(|pins| {
            if let Some(pin) = pins.stores.get_mut(store) {
                pin.paying.insert(item.to_string(), key.to_string());
            }
        })
    }

    /// Forgets it: a licence came of it.
    pub(super) fn forget(store: &str, item: ChainHash) -> Result<()> {
        Self::change(|pins| {
            if let Some(pin) = pins.stores.get_mut(store) {
                pin.paying.remove(&item.to_string());
            }
        })
    }

    /// The key that was being paid for when an earlier command ended.
    pub(super) fn noted(&self, store: &str, item: ChainHash) -> Option<BuyerKey> {
        self.stores.get(store)?.paying.get(&item.to_string())?.parse().ok()
    }

    fn pin(&mut self, store: &str, chain_id: u64, contract: Address) {
        let new = Pin { chain_id, contract, paying: BTreeMap::new() };
        match self.stores.get(store) {
            Some(pin) if (pin.chain_id, pin.contract) == (chain_id, contract) => {}
            _ => drop(self.stores.insert(store.to_owned(), new)),
        }
    }

    fn change(change: impl FnOnce(&mut Self)) -> Result<()> {
        let path = path()?;
        let mut pins = Self::load_from(&path)?;
        change(&mut pins);
        pins.save_to(&path)
    }

    fn load_from(path: &Path) -> Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            error @ Err(_) => error.doing("contracts_file", format_args!("read {}", path.display()))?,
        };
        serde_json::from_str(&text).map_err(|error| {
            let sentence = format!("{} is damaged: {error}", path.display());
            Failure::new("contracts_file", sentence).hint(
                "it says which contract each store sold by; put it right, or move it away and compare anew",
            )
        })
    }

    fn save_to(&self, path: &Path) -> Result<()> {
        let doing = format!("save {}", path.display());
        let text = serde_json::to_vec_pretty(self).doing("contracts_file", &doing)?;
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .doing("contracts_file", &doing)?;
        }
        private_file::write(path, &text).doing("contracts_file", &doing)
    }
}

fn path() -> Result<PathBuf> {
    Ok(session::folder()?.join("contracts.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: &str = "https://shop.example";
    const OURS: Address = Address::new([1; 20]);
    const OTHER: Address = Address::new([2; 20]);

    #[test]
    fn another_contract_or_chain_is_refused_until_it_is_named() {
        let mut pins = Pins::default();
        assert_eq!(pins.check(STORE, 1, OURS, None), Ok(()), "nothing is known yet");
        pins.pin(STORE, 1, OURS);
        assert_eq!(pins.check(STORE, 1, OURS, None), Ok(()));
        assert_eq!(pins.check("https://other.example", 1, OTHER, None), Ok(()));
        for (chain, contract) in [(1, OTHER), (2, OURS), (2, OTHER)] {
            assert_eq!(pins.check(STORE, chain, contract, None).unwrap_err().code(), "contract_changed");
            assert_eq!(pins.check(STORE, chain, contract, Some(contract)), Ok(()));
        }
    }

    #[test]
    fn what_is_remembered_outlasts_the_command_and_not_the_contract() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/contracts.json");
        let (item, key) = (ChainHash::new([5; 32]), BuyerKey::from_chain(vec![2; 33]));
        let mut pins = Pins::default();
        pins.pin(STORE, 1, OURS);
        pins.stores.get_mut(STORE).unwrap().paying.insert(item.to_string(), key.to_string());
        pins.pin(STORE, 1, OURS);
        pins.save_to(&path).unwrap();
        let mut pins = Pins::load_from(&path).unwrap();
        assert_eq!(pins.noted(STORE, item), Some(key));
        pins.pin(STORE, 1, OTHER);
        assert_eq!(pins.noted(STORE, item), None);
    }
}
