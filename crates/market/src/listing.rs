//! What is offered, for how much, and on which terms.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AccountId, Fact, ListingId, Money, RuleError};

/// What a listing's file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ListingKind {
    /// Sliced G-code for printers; a licence counts prints.
    Gcode,
    /// A WASM plugin; a licence counts devices.
    Plugin,
}

/// Whether a listing is shown and sold. None of these takes anything from those who bought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ListingState {
    /// Being made: seen by its publisher alone, and not sold. Once it is published it is no draft again.
    Draft,
    /// Shown in the catalogue and sold.
    Listed,
    /// Not shown; sold to whoever has its address.
    Unlisted,
    /// Not sold. Only an operator suspends and lifts it.
    Suspended,
}

/// What a purchase costs.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "money")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Price {
    /// Nothing.
    Free,
    /// This much.
    Fixed(Money),
}

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Party {
    /// Whoever bought, or owns the printer.
    Buyer,
    /// Whoever published the listing.
    Publisher,
    /// Whoever runs the store.
    Operator,
    /// The store by itself: a deadline, a payment provider.
    Store,
}

/// What one purchase gives. Copied into the licence when it is granted, so later changes reach later purchases only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Terms {
    /// Prints (devices, for plugins) a purchase grants; at least 1.
    pub prints: u32,
    /// How many failed or cancelled prints of one licence are given back.
    #[serde(default = "one")]
    pub free_retries: u32,
    /// Jobs take the release's blob as it is, with one new envelope each, instead of a re-sealed copy with its own key.
    #[serde(default)]
    pub seal_once: bool,
    /// Holders of an older release may use newer ones.
    #[serde(default = "yes")]
    pub free_updates: bool,
    /// How long a licence lasts, in seconds from its grant; for ever when absent.
    #[serde(default)]
    pub valid_seconds: Option<u32>,
}

/// What is offered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Its identifier.
    pub id: ListingId,
    /// Whose it is.
    pub publisher: AccountId,
    /// What its file is.
    pub kind: ListingKind,
    /// Whether it is shown and sold.
    pub state: ListingState,
    /// What it costs.
    pub price: Price,
    /// What a purchase gives.
    pub terms: Terms,
}

impl Default for Terms {
    fn default() -> Self {
        Self { prints: 1, free_retries: 1, seal_once: false, free_updates: true, valid_seconds: None }
    }
}

impl Listing {
    /// Whether it can be bought now.
    ///
    /// # Errors
    /// [`RuleError::ListingNotForSale`] while suspended or a draft, [`RuleError::NoPrints`] when its terms grant nothing.
    pub fn check_sale(&self) -> Result<(), RuleError> {
        if !self.state.is_for_sale() {
            return Err(RuleError::ListingNotForSale(self.state));
        }
        if self.terms.prints == 0 {
            return Err(RuleError::NoPrints);
        }
        Ok(())
    }

    /// Publishes, shows, hides, suspends it or lifts a suspension.
    ///
    /// # Errors
    /// [`RuleError::NotAllowed`]: publishers move between listed and unlisted, operators anywhere, others nowhere.
    /// [`RuleError::AlreadyPublished`]: nothing becomes a draft again.
    pub fn change_state(mut self, to: ListingState, by: Party) -> Result<(Self, Vec<Fact>), RuleError> {
        let suspension = self.state == ListingState::Suspended || to == ListingState::Suspended;
        match by {
            Party::Operator => {}
            Party::Publisher if !suspension => {}
            Party::Publisher => return Err(RuleError::NotAllowed("an operator")),
            Party::Buyer | Party::Store => return Err(RuleError::NotAllowed("the publisher")),
        }
        if to == ListingState::Draft && self.state != ListingState::Draft {
            return Err(RuleError::AlreadyPublished);
        }
        let mut facts = Vec::new();
        if self.state != to {
            facts.push(Fact::ListingStateChanged { listing: self.id.clone(), from: self.state, to, by });
            self.state = to;
        }
        Ok((self, facts))
    }

    /// Ends a suspension: it is what it was before, which was no sale where it was a draft; unlisted where nobody knows.
    ///
    /// # Errors
    /// [`RuleError::NotAllowed`] for anybody but an operator.
    pub fn lift(mut self, before: Option<ListingState>, by: Party) -> Result<(Self, Vec<Fact>), RuleError> {
        if by != Party::Operator {
            return Err(RuleError::NotAllowed("an operator"));
        }
        if self.state != ListingState::Suspended {
            return Ok((self, Vec::new()));
        }
        let to = match before {
            Some(before) if before != ListingState::Suspended => before,
            _ => ListingState::Unlisted,
        };
        let from = std::mem::replace(&mut self.state, to);
        Ok((self.clone(), vec![Fact::ListingStateChanged { listing: self.id, from, to, by }]))
    }
}

impl ListingState {
    /// Whether it is sold to whoever knows of it.
    #[must_use]
    pub fn is_for_sale(self) -> bool {
        matches!(self, Self::Listed | Self::Unlisted)
    }

    /// Its name, as it travels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Listed => "listed",
            Self::Unlisted => "unlisted",
            Self::Suspended => "suspended",
        }
    }
}

impl fmt::Display for ListingState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl ListingKind {
    /// Its name, as it travels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gcode => "gcode",
            Self::Plugin => "plugin",
        }
    }
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}
