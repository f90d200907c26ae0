//! A command line that makes no sense, told like every other failure.

use std::ffi::OsString;

use clap::{Error, error::ErrorKind};

use crate::{
    failure::Failure,
    secret::{looks_secret, shortened},
};

/// Whether a command line that could not be understood asks for JSON.
pub(crate) fn wants_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json")
}

/// What is wrong with the command line; nothing where it asks for help, or is empty and gets some.
pub(crate) fn failure(error: &Error, arguments: &[OsString]) -> Option<Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return None,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if !wants_json(arguments) => return None,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            return Some(Failure::usage("usage", "no command is given").hint(MORE));
        }
        _ => {}
    }
    let mut text = error.render().to_string();
    for secret in arguments.iter().filter_map(|argument| argument.to_str()).filter(|text| looks_secret(text))
    {
        // Given as `--option=value`, the value alone is quoted.
        for quoted in [Some(secret), secret.split_once('=').map(|(_, value)| value)].into_iter().flatten() {
            text = text.replace(quoted, &shortened(quoted));
        }
    }
    let mut paragraphs = text.trim().split("\n\n").map(joined);
    let sentence = paragraphs.next().unwrap_or_default();
    let mut hints: Vec<_> = paragraphs.filter(|hint| !hint.starts_with("For more information")).collect();
    hints.push(MORE.to_owned());
    let sentence = sentence.strip_prefix("error: ").unwrap_or(&sentence);
    Some(Failure::usage("usage", sentence).hint(hints.join("\n")))
}

const MORE: &str = "for more information, try '--help'";

/// The lines of a paragraph as one; below a colon they are a list.
fn joined(paragraph: &str) -> String {
    let lines: Vec<_> = paragraph.lines().map(str::trim).collect();
    let text = match lines.split_first() {
        Some((first, list)) if first.ends_with(':') => format!("{first} {}", list.join(", ")),
        _ => lines.join(" "),
    };
    let text = text.strip_prefix("tip: ").unwrap_or(&text);
    text.strip_prefix("Usage: ").map_or_else(|| text.to_owned(), |usage| format!("usage: {usage}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Cli;

    fn told(arguments: &[&str]) -> Option<Failure> {
        let arguments: Vec<OsString> =
            std::iter::once("sealpost").chain(arguments.iter().copied()).map(OsString::from).collect();
        failure(&Cli::try_parse_from(&arguments).unwrap_err(), &arguments)
    }

    #[test]
    fn what_is_missing_is_one_sentence() {
        let failure = told(&["open", "--cipher", "age"]).unwrap();
        assert_eq!(
            failure.to_string(),
            "the following required arguments were not provided: --dek-file <FILE>, <IN>, <OUT> (usage)"
        );
    }

    #[test]
    fn help_is_no_failure() {
        assert_eq!(told(&["--help"]), None);
        assert_eq!(told(&["envelope"]), None);
        assert_eq!(told(&["--version"]), None);
    }

    #[test]
    fn a_secret_on_the_command_line_is_not_quoted() {
        let key = "AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SFJ2ZSE";
        let words = ["abandon"; 12].join(" ");
        let hex = "5e".repeat(32);
        for secret in [key, &words, &hex] {
            for arguments in [
                vec!["open", secret, "in", "out", "more"],
                vec!["open", "--cipher", secret],
                vec!["wallet", "show", secret],
            ] {
                let failure = format!("{:?}", told(&arguments).unwrap());
                assert!(!failure.contains(&secret[..9]), "{failure}");
            }
            let option = format!("--cipher={secret}");
            let failure = format!("{:?}", told(&["seal", &option, "in", "out"]).unwrap());
            assert!(!failure.contains(&secret[..9]), "{failure}");
        }
    }
}
