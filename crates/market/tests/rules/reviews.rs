//! Reviews come from people who paid and used what they review.

use sealpost_market::{
    AccountId, Held, LicencePayment, REVIEW_TEXT_MAX, ReviewError, Stars, is_refunded, is_shown, may_answer,
    may_review, rating_rank, review_text,
};

fn person(name: &str) -> AccountId {
    AccountId::parse(name).expect("a name of an account")
}

const GOOD: Held = Held { payment: LicencePayment::Good, refunded: false, used: true };

#[test]
fn only_who_paid_and_used_it_may_review() {
    let (author, publisher) = (person("u_a"), person("u_p"));
    let may = |held: &[Held]| may_review(&author, &publisher, held);
    assert_eq!(may(&[]), Err(ReviewError::NotBought));
    assert_eq!(may(&[Held { used: false, ..GOOD }]), Err(ReviewError::NotUsed));
    assert_eq!(may(&[Held { refunded: true, ..GOOD }]), Err(ReviewError::NotBought));
    for payment in [LicencePayment::Undone, LicencePayment::Refunded] {
        assert_eq!(may(&[Held { payment, ..GOOD }]), Err(ReviewError::NotBought));
    }
    assert_eq!(may(&[GOOD]), Ok(()));
    // Used under a licence that was paid back, and another one that was not used.
    let mixed = [Held { refunded: true, ..GOOD }, Held { used: false, ..GOOD }];
    assert_eq!(may(&mixed), Err(ReviewError::NotUsed));
    assert_eq!(may_review(&publisher, &publisher, &[GOOD]), Err(ReviewError::OwnListing));
}

#[test]
fn a_review_is_heard_after_money_back_and_not_where_the_payment_never_came() {
    let back = Held { refunded: true, ..GOOD };
    let back_on_chain = Held { payment: LicencePayment::Refunded, ..GOOD };
    let undone = Held { payment: LicencePayment::Undone, ..GOOD };
    for (held, shown, refunded) in [
        (vec![GOOD], true, false),
        (vec![back], true, true),
        (vec![back_on_chain], true, true),
        (vec![back, Held { used: false, ..GOOD }], true, false),
        (vec![undone], false, false),
        (vec![undone, back], true, true),
        (vec![], false, false),
    ] {
        assert_eq!((is_shown(&held), is_refunded(&held)), (shown, refunded), "{held:?}");
    }
}

#[test]
fn the_publisher_answers_once_and_nobody_else_does() {
    let (other, publisher) = (person("u_a"), person("u_p"));
    assert_eq!(may_answer(&publisher, &publisher, false), Ok(()));
    assert_eq!(may_answer(&publisher, &publisher, true), Err(ReviewError::Answered));
    assert_eq!(may_answer(&other, &publisher, false), Err(ReviewError::NotPublisher));
}

#[test]
fn stars_are_one_to_five() {
    for count in 0..=u8::MAX {
        assert_eq!(Stars::new(count).is_ok(), (1..=5).contains(&count), "{count}");
    }
}

#[test]
fn a_text_is_kept_as_plain_text() {
    assert_eq!(review_text(" good\r\nreally \n").unwrap(), "good\nreally");
    assert_eq!(review_text("").unwrap(), "");
    assert_eq!(review_text("a\u{1b}[31m"), Err(ReviewError::Text));
    assert_eq!(review_text("a\0"), Err(ReviewError::Text));
    assert!(review_text(&"ü".repeat(REVIEW_TEXT_MAX)).is_ok());
    assert_eq!(review_text(&"ü".repeat(REVIEW_TEXT_MAX + 1)), Err(ReviewError::Text));
}

#[test]
fn many_good_opinions_stand_above_one_that_is_perfect() {
    assert_eq!(rating_rank(0, 0), 0);
    assert!(rating_rank(192, 40) > rating_rank(5, 1));
    assert!(rating_rank(5, 1) > rating_rank(4, 1));
    assert!(rating_rank(1, 1) > rating_rank(0, 0));
    assert!(rating_rank(u32::MAX, u32::MAX) < 5001);
}
