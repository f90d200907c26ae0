//! Which files a line `[include ...]` reads along, as Klipper finds them.

use std::{
    borrow::Cow,
    path::{Component, Path, PathBuf},
};

use glob::{MatchOptions, Pattern};

use super::tree::Tree;

/// A dot in front is found only by a dot, as a shell does.
const AS_PYTHON: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Whether the line says a name, not a pattern: the file has to be there.
pub(super) fn by_name(said: &str) -> bool {
    !said.contains(['*', '?', '['])
}

/// The files that `[include said]` in the configuration at `path` reads along; of a name the one that it names, there or not.
/// More than `limit` only in the last step.
pub(super) fn found(tree: &Tree, path: &Path, said: &str, limit: usize) -> Vec<PathBuf> {
    let pattern = path.parent().unwrap_or(Path::new("/")).join(said);
    let mut found = vec![PathBuf::from("/")];
    let mut is_searched = false;
    for part in pattern.components() {
        let name = match part {
            Component::Normal(name) => name,
            Component::ParentDir => {
                found.iter_mut().for_each(|folder| folder.push(".."));
                continue;
            }
            _ => continue,
        };
        let text = name.to_string_lossy();
        let pattern = if by_name(&text) { None } else { pattern_of(&text) };
        found = match pattern {
            None => {
                let inside = found.into_iter().map(|folder| folder.join(name));
                inside.filter(|path| !is_searched || tree.exists(path)).collect()
            }
            Some(pattern) => {
                is_searched = true;
                let inside = |folder: PathBuf| {
                    let names = tree.names(&folder).into_iter();
                    let names = names.filter(|name| pattern.matches_with(name, AS_PYTHON));
                    names.map(move |name| folder.join(name)).collect::<Vec<_>>()
                };
                found.into_iter().take(limit).flat_map(inside).collect()
            }
        };
    }
    found
}

/// Whether it reads `file` along, once that is there; links are not looked at.
pub(super) fn covers(path: &Path, said: &str, file: &Path) -> bool {
    let pattern = path.parent().unwrap_or(Path::new("/")).join(said);
    let mut parts = Vec::new();
    for part in pattern.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy()),
            Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    let names: Vec<_> = file.components().skip(1).map(|part| part.as_os_str().to_string_lossy()).collect();
    let is_it = |(part, name): (&Cow<'_, str>, &Cow<'_, str>)| {
        part == name
            || !by_name(part) && pattern_of(part).is_some_and(|pattern| pattern.matches_with(name, AS_PYTHON))
    };
    parts.len() == names.len() && parts.iter().zip(&names).all(is_it)
}

/// Two stars in a row are one there, and a bracket that nobody closes is a bracket.
fn pattern_of(text: &str) -> Option<Pattern> {
    let mut text = text.to_owned();
    while text.contains("**") {
        text = text.replace("**", "*");
    }
    Pattern::new(&text).or_else(|_| Pattern::new(&text.replace('[', "[[]"))).ok()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn files_are_found_by_every_part_as_klipper_finds_them() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("c");
        for name in ["sealpost.cfg", "sub/a.cfg", "sub/b.cfg", "sub/.hidden.cfg", "other/a.cfg", "x[1.cfg"] {
            fs::create_dir_all(config.join(name).parent().unwrap()).unwrap();
            fs::write(config.join(name), "").unwrap();
        }
        symlink("/c", folder.path().join("link")).unwrap();
        let tree = Tree::new(folder.path());
        let found = |said: &str| -> Vec<String> {
            let found = found(&tree, Path::new("/c/printer.cfg"), said, 100);
            let mut found: Vec<_> =
                found.iter().map(|path| tree.resolve(path).display().to_string()).collect();
            found.sort();
            found
        };
        for said in [
            "sealpost.cfg",
            "./sealpost.cfg",
            "/c/sealpost.cfg",
            "/link/sealpost.cfg",
            "sub/../sealpost.cfg",
            "../c/sealpost.cfg",
            "[s]ealpost.cfg",
            "[!x]ealpost.cfg",
            "s*l??st.*",
            "../*/sealpost.cfg",
        ] {
            assert!(found(said).contains(&"/c/sealpost.cfg".to_owned()), "{said}: {:?}", found(said));
        }
        assert_eq!(found("sub/*.cfg"), ["/c/sub/a.cfg", "/c/sub/b.cfg"]);
        assert_eq!(found("*/a.cfg"), ["/c/other/a.cfg", "/c/sub/a.cfg"]);
        assert_eq!(found("**.cfg"), ["/c/sealpost.cfg", "/c/x[1.cfg"]);
        assert_eq!(found("x[1.cf?"), ["/c/x[1.cfg"]);
        assert_eq!(found("missing.cfg"), ["/c/missing.cfg"]);
        assert_eq!(found("more/*.cfg"), [""; 0]);
    }

    #[test]
    fn what_will_be_read_along_is_known_before_it_is_there() {
        for (said, covered) in [
            ("sealpost.cfg", true),
            ("./sealpost.cfg", true),
            ("/c/sealpost.cfg", true),
            ("x/../sealpost.cfg", true),
            ("*.cfg", true),
            ("s*l??st.*", true),
            ("*", true),
            ("more/*.cfg", false),
            ("m*.cfg", false),
        ] {
            let covers = covers(Path::new("/c/printer.cfg"), said, Path::new("/c/sealpost.cfg"));
            assert_eq!(covers, covered, "{said}");
        }
    }
}
