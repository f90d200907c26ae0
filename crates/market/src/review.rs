//! Reviews: who may write one, what may stand in it, who is heard.

use crate::{AccountId, LicencePayment, RuleClass};

/// Characters of a review or an answer, at most.
pub const REVIEW_TEXT_MAX: usize = 5_000;

/// One to five.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stars(u8);

/// What somebody has of a listing, as far as it counts for a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Whether the payment of the licence stands. What else became of the licence does not count: a publisher who revokes
    /// one ends no opinion.
    pub payment: LicencePayment,
    /// Whether its purchase was given back.
    pub refunded: bool,
    /// Whether a print of it ended, or a device of it was registered.
    pub used: bool,
}

/// Why a review or an answer is not taken. `Display` is the sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// Nobody praises their own.
    #[error("this listing is your own")]
    OwnListing,
    /// No licence that is paid for.
    #[error("only those who bought this can review it")]
    NotBought,
    /// A licence that gave nothing yet.
    #[error("you have not used this yet")]
    NotUsed,
    /// Not one to five.
    #[error("a review has 1 to 5 stars")]
    Stars,
    /// Too long, or with characters that are no text.
    #[error("a text has at most {REVIEW_TEXT_MAX} characters, without control characters")]
    Text,
    /// An answer that says nothing.
    #[error("an answer has a text")]
    EmptyAnswer,
    /// Somebody else's listing.
    #[error("only the publisher answers a review")]
    NotPublisher,
    /// Publishers answer once.
    #[error("this review was answered already")]
    Answered,
    /// Neither its author nor an operator.
    #[error("only its author or an operator removes a review")]
    NotYours,
}

impl Stars {
    /// # Errors
    /// [`ReviewError::Stars`] when it is not 1 to 5.
    pub fn new(count: u8) -> Result<Self, ReviewError> {
        if (1..=5).contains(&count) { Ok(Self(count)) } else { Err(ReviewError::Stars) }
    }

    /// How many.
    #[must_use]
    pub fn count(self) -> u8 {
        self.0
    }
}

/// Whether somebody may write a review of a publisher's listing, with all they hold of it.
///
/// # Errors
/// [`ReviewError::OwnListing`], [`ReviewError::NotBought`], [`ReviewError::NotUsed`].
pub fn may_review(author: &AccountId, publisher: &AccountId, held: &[Held]) -> Result<(), ReviewError> {
    if author == publisher {
        return Err(ReviewError::OwnListing);
    }
    let mut paid = held.iter().filter(|held| held.is_paid()).peekable();
    if paid.peek().is_none() {
        return Err(ReviewError::NotBought);
    }
    if paid.any(|held| held.used) { Ok(()) } else { Err(ReviewError::NotUsed) }
}

/// Whether a review that was written is shown: while a payment of its author's was not undone. Money that is given back silences
/// nobody, or a publisher would buy bad reviews away.
#[must_use]
pub fn is_shown(held: &[Held]) -> bool {
    held.iter().any(|held| held.payment != LicencePayment::Undone)
}

/// Whether a review is shown as that of somebody who has all their money back.
#[must_use]
pub fn is_refunded(held: &[Held]) -> bool {
    is_shown(held) && !held.iter().any(Held::is_paid)
}

/// Whether an answer can be written.
///
/// # Errors
/// [`ReviewError::NotPublisher`], [`ReviewError::Answered`].
pub fn may_answer(by: &AccountId, publisher: &AccountId, answered: bool) -> Result<(), ReviewError> {
    match (by == publisher, answered) {
        (false, _) => Err(ReviewError::NotPublisher),
        (true, true) => Err(ReviewError::Answered),
        (true, false) => Ok(()),
    }
}

/// A text as it is kept: without space around it, line ends as one character. It may be empty.
///
/// # Errors
/// [`ReviewError::Text`].
pub fn review_text(text: &str) -> Result<String, ReviewError> {
    let text = text.replace("\r\n", "\n");
    let text = text.trim();
    let printable = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    if text.chars().count() > REVIEW_TEXT_MAX || !text.chars().all(printable) {
        return Err(ReviewError::Text);
    }
    Ok(text.to_owned())
}

/// By what listings are sorted as well liked: the mean in thousandths of a star, drawn towards the middle while few people
/// said something; 0 while nobody did. One person's five stars stand below forty people's 4.8.
#[must_use]
pub fn rating_rank(stars: u32, reviews: u32) -> u32 {
    /// So many middling opinions are counted along.
    const DOUBTS: u64 = 3;
    const MIDDLE: u64 = 3;
    if reviews == 0 {
        return 0;
    }
    let rank = (u64::from(stars) + DOUBTS * MIDDLE) * 1000 / (u64::from(reviews) + DOUBTS);
    u32::try_from(rank).unwrap_or(u32::MAX)
}

impl Held {
    fn is_paid(&self) -> bool {
        self.payment == LicencePayment::Good && !self.refunded
    }
}

impl ReviewError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OwnListing => "review_own_listing",
            Self::NotBought => "review_not_bought",
            Self::NotUsed => "review_not_used",
            Self::Stars => "review_stars",
            Self::Text => "review_text",
            Self::EmptyAnswer => "review_answer_empty",
            Self::NotPublisher => "review_not_publisher",
            Self::Answered => "review_answered",
            Self::NotYours => "review_not_yours",
        }
    }

    /// What to do.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::OwnListing => "Leave the opinion to those who buy it.",
            Self::NotBought => {
                "Buy it and use it first. After a refund a review that stands is kept, and none is written."
            }
            Self::NotUsed => "Print it once, or register a device, and come back.",
            Self::Stars => "Choose 1 to 5 stars.",
            Self::Text => "Shorten it, and write plain text.",
            Self::EmptyAnswer => "Write what you want to say.",
            Self::NotPublisher => "Buyers write reviews of their own.",
            Self::Answered => "A review is answered once; ask the operator to remove what breaks the rules.",
            Self::NotYours => "Ask the operator to remove what breaks the rules.",
        }
    }

    /// What kind of refusal it is.
    #[must_use]
    pub fn class(&self) -> RuleClass {
        match self {
            Self::OwnListing | Self::NotBought | Self::NotUsed | Self::NotPublisher | Self::NotYours => {
                RuleClass::Forbidden
            }
            Self::Answered => RuleClass::Conflict,
            Self::Stars | Self::Text | Self::EmptyAnswer => RuleClass::Invalid,
        }
    }
}
