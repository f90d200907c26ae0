use proptest::prelude::*;
use rand_core::UnwrapErr;

use super::*;

const ENGLISH: &str = "legal winner thank year wave sausage worth useful legal winner thank yellow";

#[test]
fn fresh_words_of_every_count_and_language_are_read_back() {
    let mut rng = UnwrapErr(getrandom::SysRng);
    for language in Language::ALL {
        for count in WordCount::ALL {
            let fresh = Mnemonic::generate(count, language, &mut rng);
            assert_eq!((fresh.word_count(), fresh.language()), (count.words(), language));
            let text = fresh.expose();
            assert_eq!(Mnemonic::parse_in(language, &text).unwrap().expose(), text);
            let guessed = Mnemonic::parse(&text).unwrap();
            assert_eq!(guessed.seed("x"), fresh.seed("x"), "{language}");
        }
    }
}

#[test]
fn words_drawn_twice_differ() {
    let mut rng = UnwrapErr(getrandom::SysRng);
    let mut draw = || Mnemonic::generate(WordCount::Words12, Language::English, &mut rng).expose();
    assert_ne!(draw(), draw());
}

#[test]
fn case_spaces_and_normal_forms_do_not_matter() {
    let words = Mnemonic::parse(ENGLISH).unwrap();
    for text in [
        ENGLISH.to_uppercase(),
        format!("\t {} \r\n", ENGLISH.replace(' ', "  \u{3000}")),
        ENGLISH.replace('w', "\u{ff37}"),
    ] {
        assert_eq!(Mnemonic::parse(&text).unwrap().expose(), words.expose());
    }

    let mut rng = UnwrapErr(getrandom::SysRng);
    for language in Language::ALL {
        let words = Mnemonic::generate(WordCount::Words24, language, &mut rng);
        for text in [words.expose().nfc().collect::<String>(), words.expose().nfkc().collect()] {
            assert_eq!(Mnemonic::parse_in(language, &text).unwrap().expose(), words.expose(), "{language}");
        }
    }
}

#[test]
fn every_unknown_word_is_named_by_its_place() {
    let misspelt = ENGLISH.replace("thank", "thnak").replacen("sausage", "sausages", 1);
    let error = Mnemonic::parse(&misspelt).unwrap_err();
    assert_eq!(error, MnemonicError::Unknown { language: Language::English, places: vec![3, 6, 11] });
    assert_eq!(error.to_string(), "words 3, 6 and 11 are not in the english list");
    let first = ENGLISH.replacen("legal", "lgeal", 1);
    assert_eq!(Mnemonic::parse(&first).unwrap_err().to_string(), "word 1 is not in the english list");
}

#[test]
fn words_that_changed_places_are_told_from_unknown_ones() {
    let swapped = ENGLISH.replace("legal winner thank year", "winner legal thank year");
    let error = Mnemonic::parse(&swapped).unwrap_err();
    assert_eq!(error, MnemonicError::Checksum { language: Language::English });
}

#[test]
fn the_list_most_words_are_from_is_the_one_that_is_meant() {
    let mut rng = UnwrapErr(getrandom::SysRng);
    for language in [Language::Czech, Language::Japanese, Language::Korean, Language::Portuguese] {
        let words = Mnemonic::generate(WordCount::Words24, language, &mut rng).expose();
        let mut words: Vec<&str> = words.split_whitespace().collect();
        words[20] = "xyzzy";
        let error = Mnemonic::parse(&words.join(" ")).unwrap_err();
        assert_eq!(error, MnemonicError::Unknown { language, places: vec![21] });
    }
}

#[test]
fn other_numbers_of_words_are_refused() {
    for found in [0, 1, 11, 13, 25, 48] {
        let error = Mnemonic::parse(&vec!["abandon"; found].join(" ")).unwrap_err();
        assert_eq!(error, MnemonicError::Count { found });
    }
}

#[test]
fn text_that_is_no_wallet_is_told_so() {
    assert_eq!(Mnemonic::parse(&["xyzzy"; 12].join(" ")).unwrap_err(), MnemonicError::NoWords);
}

#[test]
fn debug_shows_no_word() {
    assert_eq!(format!("{:?}", Mnemonic::parse(ENGLISH).unwrap()), "Mnemonic([redacted])");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_without_its_words_in_the_error(text in "(\\PC{0,8}[ \u{3000}]){0,26}") {
        if let Err(error) = Mnemonic::parse(&text) {
            let told = format!("{error} {}", error.hint());
            let known = |word: &&str| Language::ALL.iter().any(|l| l.list().find_word(word).is_some());
            for word in text.split_whitespace().filter(|word| word.len() > 6 && !known(word)) {
                prop_assert!(!told.contains(word), "{word}");
            }
        }
    }

    #[test]
    fn a_changed_word_is_noticed_or_makes_another_wallet(place in 0usize..12, other in 0usize..2048) {
        let right = Mnemonic::parse(ENGLISH).unwrap();
        let mut words: Vec<&str> = ENGLISH.split(' ').collect();
        let other = Language::English.list().word_list()[other];
        prop_assume!(words[place] != other);
        words[place] = other;
        match Mnemonic::parse(&words.join(" ")) {
            Err(error) => prop_assert_eq!(error, MnemonicError::Checksum { language: Language::English }),
            Ok(changed) => prop_assert_ne!(changed.seed(""), right.seed("")),
        }
    }
}
