//! The words of a wallet (BIP-39).

use std::fmt;

use rand_core::CryptoRng;
use sealpost_envelope::ErrorCode;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

use crate::Language;

/// 12 to 24 words that lead to every key of a wallet; checked, erased when dropped, shown nowhere.
#[derive(Clone)]
pub struct Mnemonic {
    words: bip39::Mnemonic,
    language: Language,
}

impl Mnemonic {
    /// Draws fresh words.
    pub fn generate(count: WordCount, language: Language, rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let mut entropy = Zeroizing::new([0; 32]);
        let entropy = &mut entropy[..count.entropy()];
        rng.fill_bytes(entropy);
        let words = bip39::Mnemonic::from_entropy_in(language.list(), entropy);
        Self {
            words: words.unwrap_or_else(|_| unreachable!("WordCount knows the lengths there are")),
            language,
        }
    }

    /// Reads words of whatever language: in either case, apart by any space, in any Unicode normal form.
    ///
    /// Words that are good in two lists (the Chinese ones share many) lead to the same keys in both.
    ///
    /// # Errors
    /// What is wrong in the list that most of the words are from.
    pub fn parse(text: &str) -> Result<Self, MnemonicError> {
        let text = tidy(text)?;
        let mut closest = (0, MnemonicError::NoWords);
        for language in Language::ALL {
            match parse_tidy(language, &text) {
                Ok(mnemonic) => return Ok(mnemonic),
                Err(error) => {
                    let known = text.split_whitespace().count() - error.unknown();
                    if known > closest.0 {
                        closest = (known, error);
                    }
                }
            }
        }
        Err(closest.1)
    }

    /// Reads words of one language.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn parse_in(language: Language, text: &str) -> Result<Self, MnemonicError> {
        parse_tidy(language, &tidy(text)?)
    }

    /// How many words there are.
    pub fn word_count(&self) -> usize {
        self.words.word_count()
    }

    /// The list they are from.
    pub fn language(&self) -> Language {
        self.language
    }

    /// The words themselves. Show them only to their owner.
    pub fn expose(&self) -> Zeroizing<String> {
        let space = self.language.space();
        let length = self.words.words().map(|word| word.len() + space.len_utf8()).sum();
        let mut text = Zeroizing::new(String::with_capacity(length));
        for word in self.words.words() {
            if !text.is_empty() {
                text.push(space);
            }
            text.push_str(word);
        }
        text
    }

    /// The seed of BIP-32; `passphrase` is BIP-39's own, empty where there is none.
    pub(crate) fn seed(&self, passphrase: &str) -> Zeroizing<[u8; 64]> {
        Zeroizing::new(self.words.to_seed_normalized(&nfkd(passphrase)))
    }
}

impl fmt::Debug for Mnemonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mnemonic([redacted])")
    }
}

/// How many words a mnemonic has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum WordCount {
    /// 128 bits.
    Words12,
    /// 160 bits.
    Words15,
    /// 192 bits.
    Words18,
    /// 224 bits.
    Words21,
    /// 256 bits.
    #[default]
    Words24,
}

impl WordCount {
    /// Every count there is.
    pub const ALL: [Self; 5] = [Self::Words12, Self::Words15, Self::Words18, Self::Words21, Self::Words24];

    /// As a number.
    pub fn words(self) -> usize {
        match self {
            Self::Words12 => 12,
            Self::Words15 => 15,
            Self::Words18 => 18,
            Self::Words21 => 21,
            Self::Words24 => 24,
        }
    }

    /// Bytes of randomness behind them.
    fn entropy(self) -> usize {
        self.words() / 3 * 4
    }
}

impl TryFrom<usize> for WordCount {
    type Error = MnemonicError;

    fn try_from(words: usize) -> Result<Self, Self::Error> {
        Self::ALL
            .into_iter()
            .find(|count| count.words() == words)
            .ok_or(MnemonicError::Count { found: words })
    }
}

/// What is wrong with words. It names them by their place alone, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MnemonicError {
    /// Every word is known, but they do not belong together.
    #[error("every word is in the {language} list, but together they do not add up")]
    Checksum {
        /// The list.
        language: Language,
    },
    /// Too few or too many.
    #[error("a wallet has 12, 15, 18, 21 or 24 words, not {found}")]
    Count {
        /// Words that were given.
        found: usize,
    },
    /// No word is in any list.
    #[error("none of these words is in a list of wallet words")]
    NoWords,
    /// Some words are not in the list that the others are from.
    #[error("{} in the {language} list", these_are_not(.places))]
    Unknown {
        /// The list.
        language: Language,
        /// Where those words stand, counted from 1.
        places: Vec<usize>,
    },
}

impl MnemonicError {
    fn unknown(&self) -> usize {
        match self {
            Self::Unknown { places, .. } => places.len(),
            _ => 0,
        }
    }
}

impl ErrorCode for MnemonicError {
    fn code(&self) -> &'static str {
        match self {
            Self::Checksum { .. } => "mnemonic_checksum",
            Self::Count { .. } => "mnemonic_count",
            Self::NoWords => "mnemonic_no_words",
            Self::Unknown { .. } => "mnemonic_unknown_word",
        }
    }

    fn hint(&self) -> &'static str {
        match self {
            Self::Checksum { .. } => {
                "Look for two words that changed places, or a word that looks like another."
            }
            Self::Count { .. } => {
                "Look for a word that is missing or there twice; all of them stand on one line."
            }
            Self::NoWords => "Give the words of a wallet, apart by spaces, on one line.",
            Self::Unknown { .. } => "Compare those words with what you wrote down.",
        }
    }
}

/// "word 3 is not", "words 3, 7 and 9 are not".
fn these_are_not(places: &[usize]) -> String {
    let numbers: Vec<String> = places.iter().map(usize::to_string).collect();
    match numbers.as_slice() {
        [] => "no word is".to_owned(),
        [one] => format!("word {one} is not"),
        [most @ .., last] => format!("words {} and {last} are not", most.join(", ")),
    }
}

/// Lower case and NFKD, once the number of words is right.
fn tidy(text: &str) -> Result<Zeroizing<String>, MnemonicError> {
    WordCount::try_from(text.split_whitespace().take(1000).count())?;
    Ok(nfkd(&Zeroizing::new(text.to_lowercase())))
}

fn parse_tidy(language: Language, text: &str) -> Result<Mnemonic, MnemonicError> {
    let list = language.list();
    match bip39::Mnemonic::parse_in_normalized(list, text) {
        Ok(words) => Ok(Mnemonic { words, language }),
        Err(bip39::Error::BadWordCount(found)) => Err(MnemonicError::Count { found }),
        Err(bip39::Error::UnknownWord(_)) => {
            let words = text.split_whitespace().zip(1..);
            let unknown = words.filter(|(word, _)| list.find_word(word).is_none());
            Err(MnemonicError::Unknown { language, places: unknown.map(|(_, place)| place).collect() })
        }
        Err(_) => Err(MnemonicError::Checksum { language }),
    }
}

/// In one allocation of the right size, so that growing leaves no copies behind.
fn nfkd(text: &str) -> Zeroizing<String> {
    let mut normal = Zeroizing::new(String::with_capacity(text.nfkd().map(char::len_utf8).sum()));
    normal.extend(text.nfkd());
    normal
}

#[cfg(test)]
mod tests;
