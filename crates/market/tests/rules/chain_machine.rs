//! A payment and its licence through any order of events, as a store drives them.

use proptest::prelude::*;
use sealpost_market::chain::{PaymentEvent, PaymentState};
use sealpost_market::{
    Fact, Licence, LicencePayment, LicenceState, ListingKind, NewPurchase, Party, PaymentMethod, Price,
    Purchase, PurchaseEvent, PurchaseState, RuleError, start_chain_purchase,
};

use crate::desk::{NOW, listing, version};

#[derive(Clone, Copy, Debug)]
enum Step {
    Payment(PaymentEvent),
    /// A person decides about the licence.
    Decide(LicenceState),
    /// A person tries to give the money back by hand.
    ByHand,
    /// A job wants a print.
    Print,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    use PaymentEvent as Event;
    let payment = prop_oneof![
        1 => Just(Event::See),
        4 => Just(Event::Settle),
        1 => Just(Event::Refuse),
        3 => Just(Event::Undo),
        2 => Just(Event::Refund),
        2 => any::<bool>().prop_map(|counted| Event::UndoRefund { counted }),
        1 => Just(Event::Drop),
    ];
    let decision = prop_oneof![
        2 => Just(LicenceState::Suspended),
        2 => Just(LicenceState::Active),
        1 => Just(LicenceState::Revoked),
    ];
    let step = prop_oneof![
        6 => payment.prop_map(Step::Payment),
        1 => decision.prop_map(Step::Decide),
        1 => Just(Step::ByHand),
        1 => Just(Step::Print),
    ];
    proptest::collection::vec(step, 1..40)
}

struct Till {
    payment: PaymentState,
    /// Whether it was what had been offered when it was judged last.
    counted: bool,
    purchase: Purchase,
    licence: Option<Licence>,
    /// What people decided last.
    decided: LicenceState,
    granted: usize,
}

impl Till {
    fn new() -> Self {
        let price: sealpost_market::Money = "0.5 ETH".parse().expect("money");
        let new = NewPurchase {
            id: "pu_1".parse().expect("id"),
            licence: "lic_1".parse().expect("id"),
            buyer: "a_1".parse().expect("id"),
            method: PaymentMethod::Chain,
            voucher: None,
            version: Some(version("1.0.0")),
            publisher_key: None,
            device: None,
        };
        let offered = listing(ListingKind::Gcode, Price::Fixed(price.clone()), 50);
        let begun = start_chain_purchase(&offered, new, price).expect("begun");
        assert!(begun.licence.is_none());
        Self {
            payment: PaymentState::Seen,
            counted: false,
            purchase: begun.purchase,
            licence: None,
            decided: LicenceState::Active,
            granted: 0,
        }
    }

    fn apply(&mut self, event: PurchaseEvent) -> Result<(), RuleError> {
        let step = self.purchase.clone().apply(self.licence.clone(), event, NOW)?;
        self.granted += step.facts.iter().filter(|fact| matches!(fact, Fact::LicenceGranted { .. })).count();
        (self.purchase, self.licence) = (step.purchase, step.licence);
        Ok(())
    }

    /// As a store takes what the chain says.
    fn take(&mut self, event: PaymentEvent) {
        let event = match event {
            PaymentEvent::UndoRefund { .. } => PaymentEvent::UndoRefund { counted: self.counted },
            other => other,
        };
        let Ok(after) = self.payment.after(event) else { return };
        let changed = after != self.payment;
        self.payment = after;
        let paid = || PurchaseEvent::Paid { licence: "lic_1".parse().expect("id") };
        let has_licence = self.licence.is_some();
        let applied = match (event, after) {
            (PaymentEvent::Settle, PaymentState::Settled) => {
                self.counted = true;
                self.apply(paid())
            }
            (PaymentEvent::Refuse, PaymentState::Refused) => {
                self.counted = false;
                if self.purchase.state == PurchaseState::Pending {
                    self.apply(PurchaseEvent::Failed)
                } else {
                    Ok(())
                }
            }
            (PaymentEvent::Undo, _) if changed && has_licence => self.apply(PurchaseEvent::Undone),
            (PaymentEvent::Refund, _) if changed => self.apply(PurchaseEvent::RefundedOnChain),
            (PaymentEvent::UndoRefund { counted: true }, _) if has_licence => {
                self.apply(PurchaseEvent::Restored)
            }
            (PaymentEvent::UndoRefund { counted: false }, _) if has_licence => {
                self.apply(PurchaseEvent::Undone)
            }
            _ => Ok(()),
        };
        applied.expect("the store never asks for what the rules refuse");
    }

    fn check(&self) {
        let gives = self.licence.as_ref().is_some_and(|licence| licence.check_active(NOW).is_ok());
        let settled = self.payment == PaymentState::Settled;
        assert_eq!(
            gives,
            settled && self.decided == LicenceState::Active,
            "{:?} {:?}",
            self.payment,
            self.licence
        );
        assert_eq!(settled, self.purchase.state == PurchaseState::Paid);
        assert!(self.granted <= 1, "one payment is one licence");
        assert_eq!(self.licence.as_ref().map(|licence| &licence.id), self.purchase.licence.as_ref());
        let Some(licence) = &self.licence else { return };
        assert_eq!(licence.state, self.decided, "only people change what people decided");
        assert!(licence.used + licence.reserved <= licence.allowed);
        let shown = licence.shown_state();
        match self.payment {
            PaymentState::Settled => assert_eq!(shown, self.decided),
            PaymentState::Refunded => assert_eq!(shown, LicenceState::Revoked),
            _ => assert_ne!(shown, LicenceState::Active),
        }
        assert_eq!(
            licence.payment == LicencePayment::Refunded,
            self.payment == PaymentState::Refunded && self.licence.is_some()
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn keys_are_given_exactly_while_the_payment_stands_and_nobody_took_them_away(steps in steps()) {
        let mut till = Till::new();
        for step in steps {
            match step {
                Step::Payment(event) => till.take(event),
                Step::Decide(to) => {
                    if let Some(licence) = till.licence.clone()
                        && let Ok((licence, _)) = licence.change_state(to, Party::Operator)
                    {
                        till.decided = licence.state;
                        till.licence = Some(licence);
                    }
                }
                Step::ByHand => {
                    let before = till.purchase.clone();
                    let refused = till.apply(PurchaseEvent::Refund { by: Party::Operator });
                    prop_assert_eq!(refused, Err(RuleError::RefundOnChain));
                    prop_assert_eq!(before, till.purchase.clone());
                }
                Step::Print => {
                    if let Some(licence) = till.licence.clone()
                        && let Ok(licence) = licence.reserve(NOW)
                    {
                        till.licence = Some(licence.consume().expect("reserved"));
                    }
                }
            }
            till.check();
        }
    }
}
