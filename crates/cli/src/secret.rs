//! Secrets a person hands over: typed without echo, from a file, or from standard input. Never as an argument, which
//! every user of the machine can read.

use std::{
    fs::File,
    io::{self, BufRead as _, IsTerminal as _, Read},
    path::Path,
};

use zeroize::Zeroizing;

use crate::{
    age_key,
    failure::{Doing as _, Failure, Result},
};

/// Longest secret there is; more is a file given by mistake.
const LIMIT: u64 = 4096;

/// Reads a secret: the first line of `file` (`-`: the next line of standard input), or typed at the terminal.
///
/// `option` is what the hint names when there is neither a file nor a terminal.
pub(crate) fn read(what: &str, file: Option<&Path>, option: &str) -> Result<Zeroizing<String>> {
    let secret = match file {
        Some(path) if path == Path::new("-") => next_line_of_stdin(what)?,
        Some(path) => {
            let hint = "its first line is the secret, as text; check the name, and that you may read it";
            let opened = File::open(path).doing("secret_file", format_args!("open {}", path.display()));
            let opened = opened.map_err(|failure| as_argument(path).unwrap_or(failure.hint(hint)))?;
            let line = first_line(opened).doing("secret_file", format_args!("read {}", path.display()));
            line.map_err(|failure| failure.hint(hint))?
        }
        None => typed(what, option)?,
    };
    if secret.is_empty() {
        return Err(Failure::usage("empty_secret", format!("nothing was given for the {what}"))
            .hint("type it, or put it on the first line of the file"));
    }
    Ok(secret)
}

/// Tells somebody who typed a secret where the name of a file belongs, without quoting it.
pub(crate) fn as_argument(path: &Path) -> Option<Failure> {
    let sentence = "there is no file of that name, and it looks like a secret";
    path.to_str().is_some_and(looks_secret).then(|| {
        Failure::usage("secret_argument", sentence).hint(
            "secrets come from files, or from standard input with `-`. What is typed as an argument other programs \
             can read, and the shell remembers it: if this is a secret, make a new one",
        )
    })
}

/// Whether a text has the shape of a private key or of a wallet's words. Public keys have it too.
pub(crate) fn looks_secret(text: &str) -> bool {
    is_hex_key(text)
        || text.to_ascii_uppercase().contains(age_key::IDENTITY)
        || text.split_whitespace().count() >= 12
}

/// The beginning of what may be a public key, to see which one is meant; nothing of words and identities.
pub(crate) fn shortened(text: &str) -> String {
    if !is_hex_key(text) {
        return "[not shown]".to_owned();
    }
    text.chars().take(8).chain(['\u{2026}']).collect()
}

/// Hex of 32 bytes or more, maybe behind the name of an option or curve.
fn is_hex_key(text: &str) -> bool {
    let last = text.rsplit(['=', ':']).next().unwrap_or(text);
    last.len() >= 64 && last.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Reads a new secret; typed ones are typed twice.
pub(crate) fn read_new(what: &str, file: Option<&Path>, option: &str) -> Result<Zeroizing<String>> {
    let secret = read(what, file, option)?;
    if file.is_none() && *read(&format!("{what} once more"), None, option)? != *secret {
        return Err(Failure::usage("secrets_differ", format!("the two {what}s differ")).hint("type it again"));
    }
    Ok(secret)
}

fn typed(what: &str, option: &str) -> Result<Zeroizing<String>> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("no_terminal", format!("there is no terminal to ask for the {what}"))
            .hint(format!("give it in a file with {option} FILE, or on standard input with {option} -")));
    }
    let mut prompt = what.to_owned();
    if let Some(first) = prompt.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let answer = rpassword::prompt_password(format!("{prompt}: "))
        .doing("terminal", format_args!("ask for the {what}"))?;
    Ok(Zeroizing::new(answer))
}

/// One line at a time, so that two secrets can come by the same pipe.
fn next_line_of_stdin(what: &str) -> Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    io::stdin()
        .lock()
        .take(LIMIT)
        .read_line(&mut line)
        .doing("secret_file", format_args!("read the {what} from standard input"))?;
    Ok(trimmed(&line))
}

fn first_line(source: impl Read) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    io::BufReader::new(source.take(LIMIT)).read_line(&mut line)?;
    Ok(trimmed(&line))
}

fn trimmed(line: &str) -> Zeroizing<String> {
    Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_end_is_cut_from_a_secret() {
        assert_eq!(*first_line(&b" pass word \r\nsecond"[..]).unwrap(), " pass word ");
        assert_eq!(*first_line(&b"no newline"[..]).unwrap(), "no newline");
    }

    #[test]
    fn a_file_that_is_no_text_is_an_error() {
        assert!(first_line(&b"\xff\xfe\n"[..]).is_err());
    }
}
