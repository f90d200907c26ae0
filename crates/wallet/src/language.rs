use std::{fmt, str::FromStr};

use bip39::Language as List;

/// A word list of BIP-39.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Language {
    /// Simplified Chinese.
    ChineseSimplified,
    /// Traditional Chinese.
    ChineseTraditional,
    /// Czech.
    Czech,
    /// English, which every wallet reads.
    #[default]
    English,
    /// French.
    French,
    /// Italian.
    Italian,
    /// Japanese.
    Japanese,
    /// Korean.
    Korean,
    /// Portuguese.
    Portuguese,
    /// Spanish.
    Spanish,
}

impl Language {
    /// Every list, English first: the order in which words are tried.
    pub const ALL: [Self; 10] = [
        Self::English,
        Self::ChineseSimplified,
        Self::ChineseTraditional,
        Self::Czech,
        Self::French,
        Self::Italian,
        Self::Japanese,
        Self::Korean,
        Self::Portuguese,
        Self::Spanish,
    ];

    /// Its name in keystores and on the command line, such as `english` or `chinese-simplified`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChineseSimplified => "chinese-simplified",
            Self::ChineseTraditional => "chinese-traditional",
            Self::Czech => "czech",
            Self::English => "english",
            Self::French => "french",
            Self::Italian => "italian",
            Self::Japanese => "japanese",
            Self::Korean => "korean",
            Self::Portuguese => "portuguese",
            Self::Spanish => "spanish",
        }
    }

    pub(crate) fn list(self) -> List {
        match self {
            Self::ChineseSimplified => List::SimplifiedChinese,
            Self::ChineseTraditional => List::TraditionalChinese,
            Self::Czech => List::Czech,
            Self::English => List::English,
            Self::French => List::French,
            Self::Italian => List::Italian,
            Self::Japanese => List::Japanese,
            Self::Korean => List::Korean,
            Self::Portuguese => List::Portuguese,
            Self::Spanish => List::Spanish,
        }
    }

    /// What stands between two words: Japanese words are written apart by an ideographic space.
    pub(crate) fn space(self) -> char {
        if self == Self::Japanese { '\u{3000}' } else { ' ' }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|language| language.as_str() == name).ok_or(UnknownLanguage)
    }
}

/// A name that is no word list's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "word lists are english, chinese-simplified, chinese-traditional, czech, french, italian, japanese, korean, \
     portuguese and spanish"
)]
pub struct UnknownLanguage;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_of_the_library_is_there_once_and_found_by_its_name() {
        for list in List::ALL {
            assert_eq!(Language::ALL.iter().filter(|language| language.list() == *list).count(), 1, "{list}");
        }
        for language in Language::ALL {
            assert_eq!(language.to_string().parse(), Ok(language));
        }
        assert_eq!("klingon".parse::<Language>(), Err(UnknownLanguage));
        assert!(Language::ALL.iter().all(|language| UnknownLanguage.to_string().contains(language.as_str())));
    }
}
