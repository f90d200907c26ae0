//! What the environment asks for.

/// One wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) name: String,
    pub(crate) action: Action,
    /// The passing that it is for, counted from one.
    passing: u64,
    /// And all that follow.
    on: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Error,
    Kill,
    Slow { millis: u64 },
    Stop,
}

impl Wish {
    pub(crate) fn is_for(&self, name: &str, passing: u64) -> bool {
        self.name == name && (passing == self.passing || (self.on && passing > self.passing))
    }
}

/// Reads `NAME=ACTION@PASSING ...`; the error is the part that cannot be read.
pub(crate) fn read(text: &str) -> Result<Vec<Wish>, String> {
    text.split_whitespace().map(|part| wish(part).ok_or_else(|| part.to_owned())).collect()
}

fn wish(part: &str) -> Option<Wish> {
    let (name, rest) = part.split_once('=')?;
    let (action, when) = rest.split_once('@').unwrap_or((rest, "1"));
    let (number, on) = when.strip_suffix('+').map_or((when, false), |number| (number, true));
    let action = match action.split_once(':') {
        Some(("slow", millis)) => Action::Slow { millis: millis.parse().ok()? },
        None if action == "error" => Action::Error,
        None if action == "kill" => Action::Kill,
        None if action == "stop" => Action::Stop,
        _ => return None,
    };
    let passing = number.parse().ok().filter(|passing| *passing > 0)?;
    (!name.is_empty()).then(|| Wish { name: name.to_owned(), action, passing, on })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_for_its_own_passing_or_for_all_from_there() {
        let wishes = read("a.b=kill@3 c=slow:250@2+ d=stop").unwrap();
        let met = |wish: &Wish, name| (1..6).filter(|n| wish.is_for(name, *n)).collect::<Vec<_>>();
        assert_eq!(met(&wishes[0], "a.b"), [3]);
        assert_eq!(met(&wishes[1], "c"), [2, 3, 4, 5]);
        assert_eq!(wishes[1].action, Action::Slow { millis: 250 });
        assert_eq!(met(&wishes[2], "d"), [1]);
        assert_eq!(met(&wishes[2], "a.b"), [0; 0]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        for wrong in ["a", "a=b", "a=kill@0", "a=kill@x", "=kill", "a=slow@1", "a=kill:3", "a=slow:x"] {
            assert_eq!(read(&format!("ok=kill {wrong}")), Err(wrong.to_owned()));
        }
        assert_eq!(read("  "), Ok(Vec::new()));
    }
}
