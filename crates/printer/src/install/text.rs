//! Configuration files as people keep them: a block of whole lines is put in and taken out, everything else stays to the byte.

use std::path::Path;

const SAVE_CONFIG: &str = "#*# <---------------------- SAVE_CONFIG ---------------------->";

/// Whether the block stands in the text, on whole lines.
pub(super) fn contains(text: &str, block: &str) -> bool {
    find(text, block).is_some()
}

/// Whether a file is settings, in which all that follows a table's head belongs to the table.
pub(super) fn is_settings(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml")
}

/// Whether the file at `path` says what the block says.
pub(super) fn says(path: &Path, text: &str, block: &str) -> bool {
    if !is_settings(path) {
        return contains(text, block);
    }
    let (Ok(said), Ok(wanted)) = (text.parse::<toml::Table>(), block.parse::<toml::Table>()) else {
        return false;
    };
    wanted.iter().all(|(key, value)| said.get(key) == Some(value))
}

/// Whether the file at `path` still says everything it said.
pub(super) fn keeps(path: &Path, before: &str, after: &str) -> bool {
    !is_settings(path) || before.parse::<toml::Table>().is_ok() && says(path, after, before)
}

/// The text of the file at `path` with the block where it counts.
pub(super) fn put_in(path: &Path, text: &str, block: &str) -> String {
    if is_settings(path) { format!("{block}{text}") } else { insert(text, block) }
}

/// The text with the block at its end, but before what Klipper keeps there itself.
pub(super) fn insert(text: &str, block: &str) -> String {
    let at = text.lines_with_offsets().find(|(_, line)| line.trim_end() == SAVE_CONFIG);
    let at = at.map_or(text.len(), |(offset, _)| offset);
    let (before, after) = text.split_at(at);
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    format!("{before}{gap}{block}{after}")
}

/// The text without the block; `None` where it does not stand there as it was put in.
pub(super) fn remove(text: &str, block: &str) -> Option<String> {
    let at = find(text, block)?;
    Some(format!("{}{}", &text[..at], &text[at + block.len()..]))
}

/// The text without the lines of the block, whatever became of line ends, blanks and comments around them; `None` where not all of
/// those that say something stand there any more.
pub(super) fn take_out(text: &str, block: &str) -> Option<String> {
    if let Some(without) = remove(text, block) {
        return Some(without);
    }
    let mut open: Vec<&str> = block.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut kept = String::new();
    for line in text.split_inclusive('\n') {
        match open.iter().position(|ours| *ours == line.trim()) {
            Some(found) => drop(open.remove(found)),
            None => kept.push_str(line),
        }
    }
    open.iter().all(|line| line.starts_with('#')).then_some(kept)
}

/// Whether any line of the block that says something still stands in the text.
pub(super) fn contains_part(text: &str, block: &str) -> bool {
    let says = |line: &&str| !line.is_empty() && !line.starts_with('#');
    block.lines().map(str::trim).filter(says).any(|line| text.lines().any(|other| other.trim() == line))
}

/// Whether a section of that name is there.
pub(super) fn has_section(text: &str, name: &str) -> bool {
    sections(text).any(|section| section == name)
}

/// What the lines `[include ...]` say.
pub(super) fn includes(text: &str) -> impl Iterator<Item = &str> {
    sections(text).filter_map(|section| section.strip_prefix("include ")).map(str::trim)
}

/// Names of the sections, in order. One with brackets in it is given as older and as newer readers take it: up to the first
/// bracket that closes, and up to the last.
fn sections(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| {
        let said = line.split('#').next().unwrap_or_default();
        let rest = said.strip_prefix('[').unwrap_or_default();
        let first = rest.split_once(']').map(|(name, _)| name.trim());
        let last = rest.rsplit_once(']').map(|(name, _)| name.trim());
        first.into_iter().chain(last.filter(|last| Some(*last) != first))
    })
}

/// The value of an option of a section, with the lines that continue it.
pub(super) fn option(text: &str, section: &str, name: &str) -> Option<String> {
    let mut inside = false;
    let mut value: Option<String> = None;
    for line in text.lines() {
        let said = line.split(['#', ';']).next().unwrap_or_default();
        if let Some(value) = &mut value {
            if said.starts_with([' ', '\t']) {
                value.push('\n');
                value.push_str(said.trim());
                continue;
            }
            if line.is_empty() || said.is_empty() && line.starts_with(['#', ';']) {
                continue;
            }
            break;
        }
        if let Some(rest) = said.strip_prefix('[') {
            inside = rest.split_once(']').is_some_and(|(found, _)| found.trim() == section);
        } else if inside && let Some((found, rest)) = said.split_once([':', '=']) {
            value = (found.trim() == name).then(|| rest.trim().to_owned());
        }
    }
    value
}

trait Lines {
    fn lines_with_offsets(&self) -> impl Iterator<Item = (usize, &str)>;
}

impl Lines for str {
    fn lines_with_offsets(&self) -> impl Iterator<Item = (usize, &str)> {
        self.split_inclusive('\n').scan(0, |next, line| {
            let offset = *next;
            *next += line.len();
            Some((offset, line))
        })
    }
}

fn find(text: &str, block: &str) -> Option<usize> {
    text.match_indices(block).map(|(at, _)| at).find(|at| *at == 0 || text.as_bytes()[at - 1] == b'\n')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCK: &str = "# Sealpost\n[include sealpost.cfg]\n";

    proptest! {
        #[test]
        fn what_is_put_in_is_taken_out_to_the_byte(
            lines in proptest::collection::vec("(\\[[a-z ]{1,9}\\]|[a-z]{1,5}: [a-z0-9]{0,5}|#[a-z ]{0,5}|é\\r|)", 0..12),
            saved in any::<bool>(),
        ) {
            let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            if saved {
                text.push_str(&format!("{SAVE_CONFIG}\n#*# [extruder]\n#*# pid_kp = 21\n"));
            }
            let with = insert(&text, BLOCK);
            prop_assert!(contains(&with, BLOCK));
            prop_assert_eq!(remove(&with, BLOCK), Some(text));
        }
    }

    #[test]
    fn the_block_stands_before_what_klipper_keeps_itself() {
        let text = format!("[mcu]\nserial: /dev/x\n\n{SAVE_CONFIG}\n#*# [heater_bed]\n");
        let with = insert(&text, BLOCK);
        assert_eq!(with, format!("[mcu]\nserial: /dev/x\n\n{BLOCK}{SAVE_CONFIG}\n#*# [heater_bed]\n"));
    }

    #[test]
    fn a_last_line_without_an_end_stays_a_line_of_its_own() {
        assert_eq!(insert("[mcu]\nserial: x", BLOCK), format!("[mcu]\nserial: x\n{BLOCK}"));
    }

    #[test]
    fn a_block_its_owner_changed_is_not_taken_for_ours() {
        let with = insert("[mcu]\n", BLOCK);
        let changed = with.replace("[include", "#[include");
        assert_eq!(remove(&changed, BLOCK), None);
        assert!(!contains_part(&changed, BLOCK));
        assert!(contains_part(&with.replace("# Sealpost\n", ""), BLOCK));
    }

    #[test]
    fn options_are_read_as_klipper_and_moonraker_do() {
        let text = "[server]\nport: 7126 # other\n[authorization]\ntrusted_clients:\n    10.0.0.0/8\n\n    127.0.0.1\nforce_logins = True\n";
        assert_eq!(option(text, "server", "port").as_deref(), Some("7126"));
        assert_eq!(
            option(text, "authorization", "trusted_clients").as_deref(),
            Some("\n10.0.0.0/8\n127.0.0.1")
        );
        assert_eq!(option(text, "authorization", "force_logins").as_deref(), Some("True"));
        assert_eq!(option(text, "authorization", "port"), None);
    }

    #[test]
    fn sections_are_seen_as_klipper_reads_them() {
        let found = |text| sections(text).collect::<Vec<_>>();
        assert_eq!(found("[include [s]eal.cfg]\n"), ["include [s", "include [s]eal.cfg"]);
        assert_eq!(found("[mcu] # see [x]\r\n# [include a]\n a: [b]\n[ mcu 2 ]"), ["mcu", "mcu 2"]);
        assert_eq!(
            includes("[include a.cfg]\n[include  b c.cfg ]\n[included]\n").collect::<Vec<_>>(),
            ["a.cfg", "b c.cfg"]
        );
    }

    #[test]
    fn lines_are_taken_out_whatever_an_editor_did_around_them() {
        let with = insert("[mcu]\n", BLOCK);
        for (changed, without) in [
            (with.clone(), Some("[mcu]\n")),
            (with.replace('\n', "\r\n"), Some("[mcu]\r\n")),
            (with.replace("# Sealpost\n", ""), Some("[mcu]\n")),
            (with.replace("# Sealpost\n", "\n# Sealpost\n\n"), Some("[mcu]\n\n\n")),
            (with.replace("cfg]\n", "cfg]  "), Some("[mcu]\n")),
            (with.replace("[include ", "[include ./"), None),
            ("[mcu]\n".to_owned(), None),
        ] {
            assert_eq!(take_out(&changed, BLOCK).as_deref(), without, "{changed:?}");
        }
    }
}
