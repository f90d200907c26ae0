//! One file for the store and for the chain it sells on, of which the store itself knows nothing.

use std::fmt;

use sealpost_store::Config;
use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, Error as _, IntoDeserializer as _, MapAccess, Visitor, value::MapAccessDeserializer,
    },
};

/// The table of the chain.
const CHAIN: &str = "chain";

/// A whole file of settings.
#[derive(Clone, Debug, Default)]
pub(in crate::commands) struct Settings {
    /// Everything but the chain.
    pub(in crate::commands) store: Config,
    /// The chain, where one is sold on.
    pub(super) chain: Option<sealpost_chain::Settings>,
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WholeFile)
    }
}

struct WholeFile;

impl<'de> Visitor<'de> for WholeFile {
    type Value = Settings;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store's settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Settings, A::Error> {
        let mut chain = None;
        let store = Config::deserialize(MapAccessDeserializer::new(WithoutChain { map, chain: &mut chain }))?;
        Ok(Settings { store, chain })
    }
}

/// The file as the store reads it, which refuses what it does not know: the chain is taken out on the way, and every error
/// keeps its line.
struct WithoutChain<'a, A> {
    map: A,
    chain: &'a mut Option<sealpost_chain::Settings>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithoutChain<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let mut seed = seed;
        loop {
            match self.map.next_key_seed(Key(seed))? {
                None => return Ok(None),
                Some(Ok(key)) => return Ok(Some(key)),
                Some(Err(unused)) => seed = unused,
            }
            if self.chain.replace(self.map.next_value()?).is_some() {
                return Err(A::Error::duplicate_field(CHAIN));
            }
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A key of the store's, or what reads them unused where it is the chain's. What is unknown is refused inside the file's
/// own reader, which knows the line.
struct Key<K>(K);

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for Key<K> {
    type Value = Result<K::Value, K>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let name = String::deserialize(deserializer)?;
        if name == CHAIN {
            return Ok(Err(self.0));
        }
        self.0.deserialize(name.into_deserializer()).map(Ok)
    }
}
