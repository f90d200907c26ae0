//! Links that let one person in once: `…/setup#TOKEN` makes the first operator, `…/shop/sign-in#invitation=CODE` lets
//! somebody make an account. What is secret stands behind the `#`, which browsers send to nobody.

use zeroize::Zeroizing;

use crate::{
    failure::{Failure, Result},
    store_url::StoreUrl,
};

/// Which of the links it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Printed by `sealpost serve` where nobody has an account yet.
    Setup,
    /// Sent by an operator.
    Invitation,
}

/// A link taken apart.
pub(crate) struct OneTimeLink {
    /// Absent where the secret alone was given.
    pub(crate) store: Option<StoreUrl>,
    /// What lets in.
    pub(crate) secret: Zeroizing<String>,
}

impl OneTimeLink {
    pub(crate) fn parse(kind: Kind, link: &str) -> Result<Self> {
        let name = kind.name();
        let refused = |why: String| Failure::usage(kind.code(), why).hint(kind.hint());
        let Some((address, behind)) = link.trim().split_once('#') else {
            if link.contains('/') {
                return Err(refused(format!("the {name} has no `#` and nothing behind it")));
            }
            return Ok(Self { store: None, secret: Zeroizing::new(link.trim().to_owned()) });
        };
        let secret = behind.strip_prefix(kind.marked_by()).unwrap_or(behind);
        if secret.is_empty() {
            return Err(refused(format!("the {name} has nothing behind its `#`")));
        }
        let address = address.trim_end_matches('/');
        let store = address.strip_suffix(kind.page()).unwrap_or(address);
        let store = store.parse().map_err(|why: &str| refused(format!("the {name} is no link: {why}")))?;
        Ok(Self { store: Some(store), secret: Zeroizing::new(secret.to_owned()) })
    }
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Setup => "setup link",
            Self::Invitation => "invitation",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Setup => "bad_setup_link",
            Self::Invitation => "bad_invitation_link",
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Setup => "copy the whole line that `sealpost serve` printed",
            Self::Invitation => "copy the whole link that the store's operator sent",
        }
    }

    fn page(self) -> &'static str {
        match self {
            Self::Setup => "/setup",
            Self::Invitation => "/shop/sign-in",
        }
    }

    fn marked_by(self) -> &'static str {
        match self {
            Self::Setup => "",
            Self::Invitation => "invitation=",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_names_its_store_and_its_secret() {
        for (kind, link) in [
            (Kind::Setup, "http://127.0.0.1:8080/setup#tok"),
            (Kind::Setup, "http://127.0.0.1:8080/#tok"),
            (Kind::Setup, "http://127.0.0.1:8080/setup/#tok"),
            (Kind::Invitation, "http://127.0.0.1:8080/shop/sign-in#invitation=tok"),
            (Kind::Invitation, " http://127.0.0.1:8080/#tok\n"),
        ] {
            let link = OneTimeLink::parse(kind, link).unwrap();
            assert_eq!(link.store.unwrap().to_string(), "http://127.0.0.1:8080");
            assert_eq!(*link.secret, "tok");
        }
    }

    #[test]
    fn the_secret_alone_will_do() {
        let link = OneTimeLink::parse(Kind::Setup, "tok").unwrap();
        assert!(link.store.is_none());
        assert_eq!(*link.secret, "tok");
    }

    #[test]
    fn half_a_link_is_refused() {
        for link in ["http://127.0.0.1:8080/setup", "http://127.0.0.1:8080/setup#", "ftp://x#tok"] {
            assert!(OneTimeLink::parse(Kind::Setup, link).is_err(), "{link}");
        }
        let cut = "http://127.0.0.1:8080/shop/sign-in#invitation=";
        assert!(OneTimeLink::parse(Kind::Invitation, cut).is_err());
    }
}
