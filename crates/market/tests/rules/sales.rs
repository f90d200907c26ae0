//! Listings, versions, vouchers, purchases, money and identifiers.

use crate::desk::{self, NOW, version};
use sealpost_market::{
    AccountId, JobId, Licence, LicenceState, Listing, ListingKind, ListingState, Money, MoneyError,
    NewPurchase, Party, PaymentMethod, Price, PurchaseEvent, PurchaseState, PurchaseTransition, Release,
    ReleaseState, RuleError, Version, Voucher, VoucherCode, pick_release, start_purchase,
};

fn listing(price: Price) -> Listing {
    desk::listing(ListingKind::Gcode, price, 3)
}

fn priced() -> Listing {
    listing(Price::Fixed("4.50 EUR".parse().expect("money")))
}

fn buy(
    listing: &Listing,
    method: PaymentMethod,
    voucher: Option<Voucher>,
) -> Result<PurchaseTransition, RuleError> {
    let new = NewPurchase {
        id: "pu_1".parse().expect("id"),
        licence: "lic_1".parse().expect("id"),
        buyer: "a_1".parse().expect("id"),
        method,
        voucher,
        version: Some(version("1.2.0")),
        publisher_key: None,
        device: None,
    };
    start_purchase(listing, new, NOW)
}

fn voucher(uses_left: u32, prints: Option<u32>) -> Voucher {
    Voucher {
        listing: "l_1".parse().expect("id"),
        uses_left,
        prints,
        expires_at: Some(NOW.plus_seconds(60)),
        disabled: false,
    }
}

fn paid() -> (sealpost_market::Purchase, Licence) {
    let bought = buy(&priced(), PaymentMethod::Voucher, Some(voucher(1, None))).expect("bought");
    (bought.purchase, bought.licence.expect("licence"))
}

#[test]
fn a_free_listing_is_paid_at_once_and_brings_its_licence() {
    let bought = buy(&listing(Price::Free), PaymentMethod::Free, None).expect("bought");
    let licence = bought.licence.expect("licence");
    assert_eq!(bought.purchase.state, PurchaseState::Paid);
    assert_eq!(bought.purchase.licence.as_ref(), Some(&licence.id));
    assert_eq!((licence.allowed, licence.used, licence.reserved), (3, 0, 0));
    assert_eq!(licence.free_retries, 1);
}

#[test]
fn a_listing_with_a_price_is_not_taken_for_free() {
    assert_eq!(buy(&priced(), PaymentMethod::Free, None), Err(RuleError::NotFree));
}

#[test]
fn an_unpaid_purchase_has_no_licence_until_it_is_paid_and_then_one() {
    let begun = buy(&priced(), PaymentMethod::MarkedPaid, None).expect("begun");
    assert_eq!((begun.purchase.state, &begun.licence), (PurchaseState::Pending, &None));
    let pay = PurchaseEvent::Paid { licence: "lic_7".parse().expect("id") };
    let paid = begun.purchase.apply(None, pay, NOW).expect("paid");
    assert_eq!(paid.purchase.state, PurchaseState::Paid);
    let again = PurchaseEvent::Paid { licence: "lic_8".parse().expect("id") };
    let told_twice = paid.purchase.clone().apply(paid.licence.clone(), again, NOW).expect("again");
    assert_eq!((told_twice.purchase, told_twice.licence), (paid.purchase, paid.licence));
    assert!(told_twice.facts.is_empty());
}

#[test]
fn a_failed_purchase_cannot_be_paid_or_refunded() {
    let begun = buy(&priced(), PaymentMethod::MarkedPaid, None).expect("begun");
    let failed = begun.purchase.apply(None, PurchaseEvent::Failed, NOW).expect("failed").purchase;
    let pay = PurchaseEvent::Paid { licence: "lic_7".parse().expect("id") };
    assert_eq!(failed.clone().apply(None, pay, NOW).expect_err("failed").code(), "purchase_state");
    let refund = PurchaseEvent::Refund { by: Party::Operator };
    assert_eq!(failed.apply(None, refund, NOW).expect_err("failed").code(), "purchase_state");
}

#[test]
fn an_external_payment_that_was_given_up_still_counts_when_it_comes() {
    let begun = buy(&priced(), PaymentMethod::Webhook, None).expect("begun");
    let given_up = begun.purchase.apply(None, PurchaseEvent::Failed, NOW).expect("given up").purchase;
    let pay = PurchaseEvent::Paid { licence: "lic_7".parse().expect("id") };
    let late = given_up.clone().apply(None, pay, NOW).expect("late");
    assert_eq!(
        (late.purchase.state, late.licence.map(|licence| licence.allowed)),
        (PurchaseState::Paid, Some(3))
    );
    let refund = PurchaseEvent::Refund { by: Party::Operator };
    assert_eq!(given_up.apply(None, refund, NOW).expect_err("given up").code(), "purchase_state");
}

#[test]
fn an_order_that_waits_is_cancelled_by_its_buyer_and_declined_by_its_seller_and_by_nobody_else() {
    for method in [PaymentMethod::MarkedPaid, PaymentMethod::Webhook] {
        for by in [Party::Buyer, Party::Publisher, Party::Operator, Party::Store] {
            let begun = buy(&priced(), method, None).expect("begun").purchase;
            let cancelled = begun.clone().apply(None, PurchaseEvent::Cancel { by }, NOW);
            let declined = begun.apply(None, PurchaseEvent::Decline { by }, NOW);
            let after = |done: Result<PurchaseTransition, RuleError>| {
                done.map(|step| (step.purchase.state, step.facts.len())).map_err(|refused| refused.code())
            };
            let may_cancel = by == Party::Buyer;
            let may_decline = matches!(by, Party::Publisher | Party::Operator);
            let expected = |may: bool, state| if may { Ok((state, 1)) } else { Err("not_allowed") };
            assert_eq!(after(cancelled), expected(may_cancel, PurchaseState::Cancelled), "{by:?}");
            assert_eq!(after(declined), expected(may_decline, PurchaseState::Declined), "{by:?}");
        }
    }
}

#[test]
fn what_was_called_off_stays_so_unless_money_moved() {
    let cancel = PurchaseEvent::Cancel { by: Party::Buyer };
    let decline = PurchaseEvent::Decline { by: Party::Publisher };
    for method in [PaymentMethod::MarkedPaid, PaymentMethod::Webhook] {
        for (off, other) in [(&cancel, &decline), (&decline, &cancel)] {
            let begun = buy(&priced(), method, None).expect("begun").purchase;
            let ended = begun.apply(None, off.clone(), NOW).expect("called off").purchase;
            let again = ended.clone().apply(None, off.clone(), NOW).expect("the same again");
            assert_eq!((&again.purchase, again.facts.len()), (&ended, 0));
            let word = PurchaseEvent::Paid { licence: "lic_7".parse().expect("id") };
            for refused in [other.clone(), word, PurchaseEvent::Failed] {
                assert_eq!(
                    ended.clone().apply(None, refused, NOW).expect_err("over").code(),
                    "purchase_state"
                );
            }
            let money = PurchaseEvent::Received { licence: "lic_7".parse().expect("id") };
            let paid = ended.apply(None, money.clone(), NOW).expect("money came");
            assert_eq!(paid.purchase.state, PurchaseState::Paid);
            let licence = paid.licence.clone();
            assert_eq!(licence.as_ref().map(|licence| licence.allowed), Some(3));
            let twice = paid.purchase.clone().apply(licence, money, NOW).expect("told twice");
            assert!(twice.facts.is_empty());
            for late in [off.clone(), other.clone()] {
                let refused = twice.purchase.clone().apply(twice.licence.clone(), late, NOW);
                assert_eq!(refused.expect_err("it is paid").code(), "purchase_state");
            }
        }
    }
}

#[test]
fn money_that_went_back_is_not_received_again() {
    let (purchase, licence) = paid();
    let refund = PurchaseEvent::Refund { by: Party::Publisher };
    let refunded = purchase.apply(Some(licence), refund, NOW).expect("refund");
    let money = PurchaseEvent::Received { licence: "lic_8".parse().expect("id") };
    let again = refunded.purchase.apply(refunded.licence, money, NOW);
    assert_eq!(again.expect_err("refunded").code(), "purchase_state");
}

#[test]
fn a_refund_goes_by_itself_while_no_key_was_released() {
    for by in [Party::Buyer, Party::Store, Party::Publisher, Party::Operator] {
        let (purchase, licence) = paid();
        let refunded = purchase.apply(Some(licence), PurchaseEvent::Refund { by }, NOW).expect("refund");
        assert_eq!(refunded.purchase.state, PurchaseState::Refunded);
        assert_eq!(refunded.licence.expect("licence").state, LicenceState::Revoked);
    }
}

#[test]
fn a_refund_after_a_key_was_released_needs_publisher_or_operator() {
    for (by, allowed) in
        [(Party::Buyer, false), (Party::Store, false), (Party::Publisher, true), (Party::Operator, true)]
    {
        let (purchase, mut licence) = paid();
        licence.keys_released = 1;
        let refunded = purchase.apply(Some(licence), PurchaseEvent::Refund { by }, NOW);
        assert_eq!(refunded.is_ok(), allowed, "{by:?}");
        if let Err(refused) = refunded {
            assert_eq!(refused, RuleError::RefundNeedsDecision);
        }
    }
}

#[test]
fn a_purchase_with_anothers_licence_is_refused() {
    let (purchase, mut licence) = paid();
    licence.id = "lic_9".parse().expect("id");
    let refund = PurchaseEvent::Refund { by: Party::Operator };
    assert_eq!(purchase.apply(Some(licence), refund, NOW), Err(RuleError::OtherLicence));
}

#[test]
fn a_voucher_pays_with_its_own_number_of_prints() {
    let bought = buy(&priced(), PaymentMethod::Voucher, Some(voucher(2, Some(5)))).expect("bought");
    assert_eq!(bought.licence.expect("licence").allowed, 5);
    assert_eq!(bought.voucher.expect("voucher").uses_left, 1);
}

#[test]
fn a_voucher_is_refused_when_used_up_late_or_for_another_listing() {
    let code = |voucher| buy(&priced(), PaymentMethod::Voucher, Some(voucher)).expect_err("refused").code();
    assert_eq!(code(voucher(0, None)), "voucher_used_up");
    assert_eq!(code(Voucher { expires_at: Some(NOW), ..voucher(1, None) }), "voucher_expired");
    assert_eq!(
        code(Voucher { listing: "l_2".parse().expect("id"), ..voucher(1, None) }),
        "voucher_for_other"
    );
    assert_eq!(code(voucher(1, Some(0))), "no_prints");
    assert_eq!(buy(&priced(), PaymentMethod::Voucher, None), Err(RuleError::VoucherMismatch));
    assert_eq!(
        buy(&priced(), PaymentMethod::Webhook, Some(voucher(1, None))),
        Err(RuleError::VoucherMismatch)
    );
}

#[test]
fn voucher_codes_are_read_as_people_type_them_and_never_shown_by_debug() {
    let code = VoucherCode::generate(&[7; 13]);
    let typed = code.expose().to_ascii_lowercase().replace('0', "o").replace('1', "l");
    let typed = format!(" {}-{} ", &typed[..8], &typed[8..]);
    assert_eq!(VoucherCode::parse(&typed), Ok(code.clone()));
    assert!(!format!("{code:?}").contains(code.expose()));
    for bad in ["", "short", "with!sign!", &"A".repeat(41)] {
        assert!(VoucherCode::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_suspended_listing_is_not_sold_and_only_an_operator_lifts_it() {
    let (suspended, facts) =
        priced().change_state(ListingState::Suspended, Party::Operator).expect("suspended");
    assert_eq!(facts.len(), 1);
    let refused = buy(&suspended, PaymentMethod::MarkedPaid, None).expect_err("suspended");
    assert_eq!(refused, RuleError::ListingNotForSale(ListingState::Suspended));
    for before in [ListingState::Draft, ListingState::Listed, ListingState::Unlisted] {
        assert!(suspended.clone().lift(Some(before), Party::Publisher).is_err());
        let (lifted, facts) = suspended.clone().lift(Some(before), Party::Operator).expect("lifted");
        assert_eq!((lifted.state, facts.len()), (before, 1));
    }
    let (lifted, _) = suspended.clone().lift(None, Party::Operator).expect("lifted");
    assert_eq!(lifted.state, ListingState::Unlisted);
    let (listed, facts) = priced().lift(Some(ListingState::Draft), Party::Operator).expect("nothing to lift");
    assert_eq!((listed.state, facts.len()), (priced().state, 0));
    assert!(suspended.clone().change_state(ListingState::Listed, Party::Publisher).is_err());
    assert!(suspended.change_state(ListingState::Listed, Party::Operator).is_ok());
    assert!(priced().change_state(ListingState::Suspended, Party::Publisher).is_err());
    assert!(priced().change_state(ListingState::Unlisted, Party::Buyer).is_err());
    let (unlisted, _) = priced().change_state(ListingState::Unlisted, Party::Publisher).expect("unlisted");
    assert!(unlisted.check_sale().is_ok(), "whoever has its address may buy it");
}

fn releases(list: &[(&str, ReleaseState)]) -> Vec<Release> {
    let release = |(i, (text, state)): (usize, &(&str, ReleaseState))| Release {
        id: format!("r_{i}").parse().expect("id"),
        listing: "l_1".parse().expect("id"),
        version: version(text),
        state: *state,
    };
    list.iter().enumerate().map(release).collect()
}

#[test]
fn the_newest_active_release_is_picked_and_a_yanked_one_by_name_only() {
    use ReleaseState::{Active, Yanked};
    let all = releases(&[
        ("1.0.0", Active),
        ("1.10.0", Active),
        ("1.9.0", Active),
        ("2.0.0", Yanked),
        ("3.0.0-rc.1", Active),
    ]);
    let pick = |covered: Option<&str>, wanted: Option<&str>| {
        let (covered, wanted) = (covered.map(version), wanted.map(version));
        pick_release(&all, covered.as_ref(), wanted.as_ref()).map(|r| r.version.to_string())
    };
    assert_eq!(pick(None, None).as_deref(), Ok("1.10.0"));
    assert_eq!(pick(Some("1.9.5"), None).as_deref(), Ok("1.9.0"));
    assert_eq!(pick(None, Some("2.0.0")).as_deref(), Ok("2.0.0"));
    assert_eq!(pick(None, Some("3.0.0-rc.1")).as_deref(), Ok("3.0.0-rc.1"));
    assert_eq!(pick(None, Some("4.0.0")), Err(RuleError::NoRelease));
    assert_eq!(pick(Some("1.9.5"), Some("1.10.0")), Err(RuleError::ReleaseNotCovered(version("1.9.5"))));
    assert_eq!(pick(Some("0.1.0"), None), Err(RuleError::ReleaseNotCovered(version("0.1.0"))));
    assert_eq!(pick_release(&releases(&[("1.0.0", Yanked)]), None, None).err(), Some(RuleError::NoRelease));
}

#[test]
fn versions_are_read_short_and_full() {
    assert_eq!(version("2"), version("2.0.0"));
    assert_eq!(version("2.1-rc.1").to_string(), "2.1.0-rc.1");
    for bad in ["", "v1", "1.2.3.4", "1..2", "01.2.3", "1.2.3 ", &"1".repeat(65)] {
        assert!(bad.parse::<Version>().is_err(), "{bad:?}");
    }
}

#[test]
fn without_free_updates_a_licence_covers_what_was_sold() {
    let mut old = listing(Price::Free);
    old.terms.free_updates = false;
    let licence = buy(&old, PaymentMethod::Free, None).expect("bought").licence.expect("licence");
    assert_eq!(licence.covers, Some(version("1.2.0")));
}

#[test]
fn a_licence_is_suspended_lifted_and_revoked_for_good() {
    let change = |licence: Licence, to, by| licence.change_state(to, by);
    let licence = desk::licence(1, 1);
    assert!(change(licence.clone(), LicenceState::Revoked, Party::Buyer).is_err());
    let (suspended, facts) = change(licence, LicenceState::Suspended, Party::Publisher).expect("suspended");
    assert_eq!(facts.len(), 1);
    assert_eq!(suspended.clone().reserve(NOW), Err(RuleError::LicenceInactive(LicenceState::Suspended)));
    let (lifted, _) = change(suspended, LicenceState::Active, Party::Operator).expect("lifted");
    let (revoked, _) = change(lifted, LicenceState::Revoked, Party::Operator).expect("revoked");
    assert!(change(revoked.clone(), LicenceState::Active, Party::Operator).is_err());
    assert!(change(revoked, LicenceState::Revoked, Party::Operator).expect("again").1.is_empty());
}

#[test]
fn a_release_is_yanked_by_those_who_answer_for_it() {
    let release = releases(&[("1.0.0", ReleaseState::Active)]).remove(0);
    assert!(release.clone().change_state(ReleaseState::Yanked, Party::Buyer).is_err());
    let (yanked, facts) = release.change_state(ReleaseState::Yanked, Party::Publisher).expect("yanked");
    assert_eq!((yanked.state, facts.len()), (ReleaseState::Yanked, 1));
}

#[test]
fn money_is_exact_from_text_to_text() {
    for (text, amount, shown) in [
        ("19.99 EUR", 1999, "19.99 EUR"),
        ("0.05 usd", 5, "0.05 USD"),
        ("7 EUR", 700, "7.00 EUR"),
        ("500 JPY", 500, "500 JPY"),
        ("0.000000000000000001 ETH", 1, "0.000000000000000001 ETH"),
        ("123456789.5 ETH", 123_456_789_500_000_000_000_000_000, "123456789.50 ETH"),
        ("1.5 USDC", 1_500_000, "1.50 USDC"),
    ] {
        let money: Money = text.parse().expect(text);
        assert_eq!((money.amount, money.to_string().as_str()), (amount, shown));
        assert_eq!(money.to_string().parse(), Ok(money));
    }
}

#[test]
fn money_travels_as_text_and_odd_amounts_are_refused() {
    let wei = Money::parse("340282366920938463463374607431768211455", "ETH").expect("money");
    let json = serde_json::to_string(&wei).expect("json");
    assert_eq!(json, r#"{"amount":"340282366920938463463374607431768211455","currency":"ETH"}"#);
    assert_eq!(serde_json::from_str::<Money>(&json).expect("money"), wei);
    for bad in ["", "-1", "+1", "1.5", "1e3", " 1", "340282366920938463463374607431768211456"] {
        assert_eq!(Money::parse(bad, "EUR"), Err(MoneyError::Amount), "{bad:?}");
    }
    assert!(serde_json::from_str::<Money>(r#"{"amount":12,"currency":"EUR"}"#).is_err());
    assert_eq!("1.234 EUR".parse::<Money>(), Err(MoneyError::Decimals));
    assert_eq!("1 E".parse::<Money>(), Err(MoneyError::Currency));
    assert_eq!("12".parse::<Money>(), Err(MoneyError::Shape));
    assert_eq!("-1 EUR".parse::<Money>(), Err(MoneyError::Amount));
    assert_eq!(". JPY".parse::<Money>(), Err(MoneyError::Amount));
}

#[test]
fn ids_are_safe_in_paths_and_scripts() {
    let id = JobId::generate(&[0xff; 13]);
    assert_eq!(id.as_str(), "j_zzzzzzzzzzzzzzzzzzzz");
    assert_eq!(JobId::parse(id.as_str()), Ok(id));
    assert_ne!(JobId::generate(&[1; 13]), JobId::generate(&[2; 13]));
    for bad in ["", "A", "a b", "a\n", "ü", "a/b", "../x", &"a".repeat(65)] {
        assert!(AccountId::parse(bad).is_err(), "{bad:?}");
        assert!(serde_json::from_value::<AccountId>(bad.into()).is_err());
    }
}

#[test]
fn a_draft_is_sold_to_nobody_and_what_was_published_is_no_draft_again() {
    let draft = Listing { state: ListingState::Draft, ..priced() };
    let refused = buy(&draft, PaymentMethod::MarkedPaid, None).expect_err("a draft");
    assert_eq!(refused, RuleError::ListingNotForSale(ListingState::Draft));
    for to in [ListingState::Listed, ListingState::Unlisted] {
        let (published, facts) = draft.clone().change_state(to, Party::Publisher).expect("published");
        assert_eq!(facts.len(), 1);
        assert!(published.check_sale().is_ok());
        for by in [Party::Publisher, Party::Operator] {
            let refused = published.clone().change_state(ListingState::Draft, by).expect_err("published");
            assert_eq!(refused, RuleError::AlreadyPublished);
        }
    }
    let (same, facts) = draft.clone().change_state(ListingState::Draft, Party::Publisher).expect("as it was");
    assert_eq!((same.state, facts.len()), (ListingState::Draft, 0));
    assert!(draft.change_state(ListingState::Listed, Party::Buyer).is_err());
}

#[test]
fn a_voucher_that_was_taken_back_pays_for_nothing() {
    let voucher = Voucher { disabled: true, ..voucher(1, None) };
    assert_eq!(voucher.redeem(&priced().id, NOW), Err(RuleError::VoucherDisabled));
}
