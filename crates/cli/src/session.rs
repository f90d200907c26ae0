//! Who is signed in where: one file, readable by its owner alone.

use std::{
    collections::BTreeMap,
    env, fmt, fs,
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    failure::{Doing as _, Failure, Result},
    output::say,
    private_file,
};

/// A token that does not show itself.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub(crate) struct Token(String);

impl Token {
    /// Takes over a token.
    pub(crate) fn new(token: String) -> Self {
        Self(token)
    }

    /// The token itself, for the header it travels in.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// One sign-in.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Session {
    /// User token.
    pub(crate) token: Token,
    /// Account id.
    pub(crate) user_id: String,
    /// Address that signed in.
    pub(crate) email: String,
    /// Whether this store was allowed to be spoken to in the clear.
    #[serde(default)]
    pub(crate) allow_http: bool,
}

/// Every sign-in of this person, by the store's address.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(crate) struct Sessions {
    /// Store of the latest sign-in: the one that is meant when none is named.
    #[serde(default)]
    pub(crate) default_store: Option<String>,
    /// By the store's address.
    #[serde(default)]
    pub(crate) stores: BTreeMap<String, Session>,
}

impl Sessions {
    /// What is saved; nothing where the file is absent.
    pub(crate) fn load() -> Result<Self> {
        Self::load_from(&path()?)
    }

    /// Replaces what is saved.
    pub(crate) fn save(&self) -> Result<()> {
        self.save_to(&path()?)
    }

    fn load_from(path: &Path) -> Result<Self> {
        let text = match fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            error @ Err(_) => {
                Zeroizing::new(error.doing("session_file", format_args!("read {}", path.display()))?)
            }
        };
        warn_when_others_can_read(path);
        // The parser's own message could quote a token.
        serde_json::from_str(&text).map_err(|error| {
            let sentence = format!("{} is damaged at line {}", path.display(), error.line());
            Failure::new("session_file", sentence).hint("move the file away and sign in again")
        })
    }

    fn save_to(&self, path: &Path) -> Result<()> {
        let doing = format!("save the sign-in to {}", path.display());
        let text = Zeroizing::new(serde_json::to_vec_pretty(self).doing("session_file", &doing)?);
        if let Some(folder) = path.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).doing("session_file", &doing)?;
        }
        private_file::write(path, &text).doing("session_file", &doing)
    }
}

/// `$SEALPOST_CONFIG_DIR`, else `$XDG_CONFIG_HOME/sealpost`, else `~/.config/sealpost`.
pub(crate) fn folder() -> Result<PathBuf> {
    let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("SEALPOST_CONFIG_DIR")
        .or_else(|| named("XDG_CONFIG_HOME").map(|config| config.join("sealpost")))
        .or_else(|| named("HOME").map(|home| home.join(".config/sealpost")))
        .ok_or_else(|| {
            Failure::new("no_home", "there is no folder to keep sign-ins and wallets in")
                .hint("set HOME, or SEALPOST_CONFIG_DIR to a folder of your own")
        })
}

fn path() -> Result<PathBuf> {
    Ok(folder()?.join("stores.json"))
}

fn warn_when_others_can_read(path: &Path) {
    if fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
        let path = path.display();
        say!("sealpost: warning: others can read {path}, which holds your tokens; run `chmod 600 {path}`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        Session {
            token: Token::new("secret-token".into()),
            user_id: "u_1".into(),
            email: "ada@example.org".into(),
            allow_http: false,
        }
    }

    #[test]
    fn a_saved_session_comes_back_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/stores.json");
        let mut sessions = Sessions::default();
        sessions.stores.insert("https://shop.example".into(), session());
        sessions.save_to(&path).unwrap();
        let loaded = Sessions::load_from(&path).unwrap();
        assert_eq!(loaded.stores["https://shop.example"].token.expose(), "secret-token");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn saving_over_an_open_file_closes_it_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stores.json");
        fs::write(&path, "{}").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        Sessions::default().save_to(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn no_file_means_nobody_is_signed_in() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Sessions::load_from(&folder.path().join("stores.json")).unwrap().stores.is_empty());
    }

    #[test]
    fn a_damaged_file_is_told_without_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stores.json");
        fs::write(&path, r#"{"stores": "secret-token"}"#).unwrap();
        let failure = Sessions::load_from(&path).unwrap_err();
        assert_eq!(failure.code(), "session_file");
        assert!(!failure.to_string().contains("secret-token"));
    }

    #[test]
    fn debug_shows_no_token() {
        assert!(!format!("{:?}", session()).contains("secret-token"));
    }
}
