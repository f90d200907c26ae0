//! The words of a wallet: any text, and good words written in many ways.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealpost_fuzz::{Counting, edited};
use sealpost_wallet::{Language, Mnemonic, WordCount};

fuzz_target!(|data: &[u8]| {
    if let Ok(text) = std::str::from_utf8(data) {
        read(text);
    }
    let [language, count, draw, script @ ..] = data else { return };
    let language = Language::ALL[usize::from(*language) % Language::ALL.len()];
    let count = WordCount::ALL[usize::from(*count) % WordCount::ALL.len()];
    let drawn = Mnemonic::generate(count, language, &mut Counting::from(*draw));
    assert_eq!(drawn.word_count(), count.words());
    let words = drawn.expose();
    assert_eq!(*Mnemonic::parse_in(language, &words).unwrap().expose(), *words);
    assert_eq!(*Mnemonic::parse_in(language, &words.to_uppercase()).unwrap().expose(), *words);
    assert_eq!(Mnemonic::parse(&words).unwrap().word_count(), count.words());

    if let Ok(changed) = String::from_utf8(edited(words.as_bytes(), script)) {
        read(&changed);
    }
});

fn read(text: &str) {
    let Ok(mnemonic) = Mnemonic::parse(text) else { return };
    assert!(WordCount::try_from(mnemonic.word_count()).is_ok());
    assert_eq!(text.split_whitespace().count(), mnemonic.word_count());
    let words = mnemonic.expose();
    let same = Mnemonic::parse_in(mnemonic.language(), &words).unwrap();
    assert_eq!(*same.expose(), *words);
}
