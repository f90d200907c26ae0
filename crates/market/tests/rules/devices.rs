//! Devices of plugin licences: counted once for each key, never more than allowed, and what each is given.

use std::collections::HashSet;

use proptest::prelude::*;

use crate::desk::{self, NOW, version};
use sealpost_market::{
    Device, DeviceKey, Fact, Licence, LicenceState, Listing, ListingKind, NewPurchase, Party, PaymentMethod,
    Price, PurchaseEvent, PurchaseState, PurchaseTransition, Registration, Release, ReleaseState, RuleError,
    Timestamp, Voucher, start_purchase,
};

fn licence(allowed: u32) -> Licence {
    Licence { kind: ListingKind::Plugin, ..desk::licence(allowed, 1) }
}

fn device(id: &str, key: &str) -> Device {
    let key = DeviceKey { curve: "x25519".to_owned(), public_key: key.to_owned() };
    Device { id: id.parse().expect("id"), key }
}

fn release(text: &str, state: ReleaseState) -> Release {
    let id = format!("r_{}", text.replace('.', "-")).parse().expect("id");
    Release { id, listing: "l_1".parse().expect("id"), version: version(text), state }
}

fn plugin(price: Price) -> Listing {
    desk::listing(ListingKind::Plugin, price, 2)
}

fn buy(
    listing: &Listing,
    method: PaymentMethod,
    device: Option<Device>,
) -> Result<PurchaseTransition, RuleError> {
    let voucher = (method == PaymentMethod::Voucher).then(|| Voucher {
        listing: listing.id.clone(),
        uses_left: 1,
        prints: Some(7),
        expires_at: None,
        disabled: false,
    });
    let new = NewPurchase {
        id: "pu_1".parse().expect("id"),
        licence: "lic_1".parse().expect("id"),
        buyer: "a_1".parse().expect("id"),
        method,
        voucher,
        version: Some(version("1.2.0")),
        publisher_key: Some("aa".to_owned()),
        device,
    };
    start_purchase(listing, new, NOW)
}

#[test]
fn a_key_is_counted_once_and_a_new_one_only_while_there_is_room() {
    let first = licence(2).register_device(&[], device("d_1", "aa"), NOW).expect("first");
    assert!(first.fresh);
    assert_eq!(first.facts.len(), 1);
    let known = [first.device];
    let again = first.licence.clone().register_device(&known, device("d_2", "aa"), NOW).expect("again");
    assert_eq!((&again.device, again.fresh, again.licence.used), (&known[0], false, 1));
    assert!(again.facts.is_empty());
    let second = first.licence.register_device(&known, device("d_2", "bb"), NOW).expect("second");
    let known = [known[0].clone(), second.device];
    assert_eq!(
        second.licence.clone().register_device(&known, device("d_3", "cc"), NOW),
        Err(RuleError::DeviceLimit { allowed: 2 })
    );
    let again = second.licence.register_device(&known, device("d_3", "bb"), NOW).expect("known");
    assert_eq!(again.device, known[1]);
}

#[test]
fn a_licence_that_gives_no_keys_takes_no_device_not_even_a_known_one() {
    let full = licence(1).register_device(&[], device("d_1", "aa"), NOW).expect("first");
    let known = [full.device];
    let release = release("1.0.0", ReleaseState::Active);
    let revoked = Licence { state: LicenceState::Revoked, ..full.licence.clone() };
    let suspended = Licence { state: LicenceState::Suspended, ..full.licence.clone() };
    let expired = Licence { expires_at: Some(NOW), ..full.licence };
    for (licence, code) in
        [(revoked, "licence_inactive"), (suspended, "licence_inactive"), (expired, "licence_expired")]
    {
        let refused = licence.clone().register_device(&known, device("d_2", "aa"), NOW).expect_err("refused");
        assert_eq!(refused.code(), code);
        assert_eq!(licence.wrap_key(&known[0], &release, NOW).expect_err("refused").code(), code);
    }
}

#[test]
fn prints_have_no_devices_and_plugins_are_not_printed() {
    let prints = desk::licence(2, 1);
    let release = release("1.0.0", ReleaseState::Active);
    assert_eq!(prints.clone().register_device(&[], device("d_1", "aa"), NOW), Err(RuleError::NoDevices));
    assert_eq!(prints.pick_plugin(std::slice::from_ref(&release), None, |_| true), Err(RuleError::NoDevices));
    assert_eq!(prints.wrap_key(&device("d_1", "aa"), &release, NOW), Err(RuleError::NoDevices));
    assert_eq!(licence(2).reserve(NOW), Err(RuleError::NotPrintable));
    let gcode = Listing { kind: ListingKind::Gcode, ..plugin(Price::Free) };
    assert_eq!(buy(&gcode, PaymentMethod::Free, Some(device("d_1", "aa"))), Err(RuleError::NoDevices));
}

#[test]
fn a_purchase_brings_its_first_device_as_soon_as_it_is_paid() {
    let paid = buy(&plugin(Price::Free), PaymentMethod::Free, Some(device("d_1", "aa"))).expect("paid");
    let licence = paid.licence.expect("licence");
    assert_eq!((licence.allowed, licence.used, licence.kind), (2, 1, ListingKind::Plugin));
    assert_eq!(licence.publisher_key.as_deref(), Some("aa"));
    assert!(paid.facts.iter().any(|fact| matches!(fact, Fact::DeviceRegistered { .. })));

    let price = Price::Fixed("4.50 EUR".parse().expect("money"));
    let begun =
        buy(&plugin(price.clone()), PaymentMethod::MarkedPaid, Some(device("d_1", "aa"))).expect("begun");
    assert_eq!((begun.purchase.state, &begun.licence), (PurchaseState::Pending, &None));
    assert!(!begun.facts.iter().any(|fact| matches!(fact, Fact::DeviceRegistered { .. })));
    let pay = PurchaseEvent::Paid { licence: "lic_7".parse().expect("id") };
    let paid = begun.purchase.apply(None, pay, NOW).expect("paid");
    assert_eq!(paid.licence.expect("licence").used, 1);

    let by_voucher = buy(&plugin(price), PaymentMethod::Voucher, Some(device("d_1", "aa"))).expect("paid");
    assert_eq!(by_voucher.licence.expect("licence").allowed, 7, "a voucher says how many devices");
}

#[test]
fn a_plugin_without_a_version_is_not_sold() {
    let new = NewPurchase {
        id: "pu_1".parse().expect("id"),
        licence: "lic_1".parse().expect("id"),
        buyer: "a_1".parse().expect("id"),
        method: PaymentMethod::Free,
        voucher: None,
        version: None,
        publisher_key: None,
        device: None,
    };
    assert_eq!(start_purchase(&plugin(Price::Free), new, NOW), Err(RuleError::NoRelease));
}

#[test]
fn after_a_key_was_wrapped_a_refund_is_a_decision() {
    let paid = buy(&plugin(Price::Free), PaymentMethod::Free, Some(device("d_1", "aa"))).expect("paid");
    let licence = paid.licence.expect("licence");
    let one = release("1.0.0", ReleaseState::Active);
    let (licence, facts) = licence.wrap_key(&device("d_1", "aa"), &one, NOW).expect("wrapped");
    assert_eq!((licence.keys_released, facts.len()), (1, 1));
    let refund = PurchaseEvent::Refund { by: Party::Buyer };
    assert_eq!(paid.purchase.apply(Some(licence), refund, NOW), Err(RuleError::RefundNeedsDecision));
}

#[test]
fn the_newest_active_version_that_is_covered_is_given() {
    use ReleaseState::{Active, Yanked};
    let all = [
        release("1.0.0", Active),
        release("1.1.0", Active),
        release("2.0.0", Active),
        release("2.1.0", Yanked),
    ];
    let version_of =
        |licence: &Licence| licence.pick_plugin(&all, None, |_| true).map(|r| r.version.to_string());
    assert_eq!(version_of(&licence(1)).as_deref(), Ok("2.0.0"));
    let old = Licence { covers: Some(version("1.1.0")), ..licence(1) };
    assert_eq!(version_of(&old).as_deref(), Ok("1.1.0"));
    let newer = old.pick_plugin(&all, Some(&version("2.0.0")), |_| true).expect_err("not covered");
    assert_eq!(newer.code(), "release_not_covered");
    assert_eq!(
        old.wrap_key(&device("d_1", "aa"), &all[2], NOW).expect_err("not covered").code(),
        "release_not_covered"
    );
}

#[test]
fn what_was_taken_back_is_given_by_name_to_those_who_had_it() {
    let all = [release("1.0.0", ReleaseState::Yanked)];
    let wanted = version("1.0.0");
    let licence = licence(1);
    assert_eq!(licence.pick_plugin(&all, Some(&wanted), |_| true).map(|r| &r.version), Ok(&wanted));
    let yanked = Err(RuleError::ReleaseYanked(wanted.clone()));
    assert_eq!(licence.pick_plugin(&all, Some(&wanted), |_| false), yanked);
    assert_eq!(licence.pick_plugin(&all, None, |_| true), yanked);
    assert_eq!(licence.pick_plugin(&all, Some(&version("3.0.0")), |_| true), Err(RuleError::NoRelease));
    assert_eq!(licence.pick_plugin(&[], None, |_| true), Err(RuleError::NoRelease));
}

/// What may happen to a licence, in any order.
#[derive(Clone, Debug)]
enum Step {
    Register(u8),
    Wrap(u8),
    Turn(LicenceState),
    Wait(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let state =
        prop_oneof![Just(LicenceState::Active), Just(LicenceState::Suspended), Just(LicenceState::Revoked)];
    let step = prop_oneof![
        6 => (0..12u8).prop_map(Step::Register),
        2 => (0..12u8).prop_map(Step::Wrap),
        1 => state.prop_map(Step::Turn),
        1 => (0..60u32).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..60)
}

proptest! {
    #[test]
    fn whatever_happens_no_more_keys_are_counted_than_allowed_and_none_out_of_season(
        allowed in 1..6u32,
        lasts in prop::option::of(1..300u32),
        steps in steps(),
    ) {
        let mut now: Timestamp = NOW;
        let mut licence = Licence { expires_at: lasts.map(|s| NOW.plus_seconds(s)), ..licence(allowed) };
        let mut known: Vec<Device> = Vec::new();
        let release = release("1.0.0", ReleaseState::Active);
        for (at, step) in steps.into_iter().enumerate() {
            let gives = licence.check_active(now).is_ok();
            let before = licence.clone();
            match step {
                Step::Register(key) => {
                    let asked = device(&format!("d_{at}"), &format!("{key:02x}"));
                    let had = known.iter().find(|device| device.key == asked.key).cloned();
                    match licence.clone().register_device(&known, asked, now) {
                        Ok(Registration { licence: after, device, fresh, .. }) => {
                            prop_assert!(gives);
                            prop_assert_eq!(fresh, had.is_none());
                            if fresh { known.push(device) } else { prop_assert_eq!(Some(device), had) }
                            licence = after;
                        }
                        Err(RuleError::DeviceLimit { .. }) => {
                            prop_assert!(had.is_none() && known.len() == allowed as usize);
                        }
                        Err(_) => prop_assert!(!gives),
                    }
                }
                Step::Wrap(key) => {
                    let wrapped = licence.clone().wrap_key(&device("d_x", &format!("{key:02x}")), &release, now);
                    prop_assert_eq!(wrapped.is_ok(), gives);
                    if let Ok((after, _)) = wrapped {
                        prop_assert_eq!(after.keys_released, before.keys_released + 1);
                        licence = after;
                    }
                }
                Step::Turn(to) => {
                    if let Ok((after, _)) = licence.clone().change_state(to, Party::Operator) {
                        prop_assert!(before.state != LicenceState::Revoked || to == LicenceState::Revoked);
                        licence = after;
                    }
                }
                Step::Wait(seconds) => now = now.plus_seconds(seconds),
            }
            let keys: HashSet<_> = known.iter().map(|device| &device.key).collect();
            prop_assert_eq!(keys.len(), known.len());
            prop_assert_eq!(known.len(), licence.used as usize);
            prop_assert!(licence.used <= licence.allowed);
        }
    }
}
