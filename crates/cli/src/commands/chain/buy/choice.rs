//! Which key is paid for: every key that the buyer may have paid for before is looked at first.

use sealpost_api::{
    chain::{KeyList, PaymentList, RecordedPayment},
    purchase::Licence,
};
use sealpost_envelope::ecdh::SecretKey;
use sealpost_market::{
    DeviceKey,
    chain::{BuyerKey, ChainHash},
};

use super::{BuyArgs, Till};
use crate::{
    commands::{
        buying::{fetch_licences, prints_left},
        chain::{buying_key::Candidate, link::link, pins::Pins},
    },
    failure::{Failure, Result},
};

/// What is to be done.
pub(super) enum Choice {
    /// The buyer has it.
    Had(Box<Licence>),
    /// This key was paid for, and nothing came of it yet.
    GoOn(Box<Candidate>, ChainHash),
    /// Nothing was paid: pay for this key.
    Pay(Box<Candidate>),
}

/// What a key was paid for.
enum Standing {
    /// Nothing, or it was given back.
    Free,
    /// It was, and the store made no licence of it yet.
    Unsettled(ChainHash),
    /// The buyer's licence came of it.
    Had(Box<Licence>),
    /// A licence of the buyer's came of it that opens nothing more.
    UsedUp,
    /// A licence of somebody else's came of it.
    Others(ChainHash),
}

impl Till {
    /// Looks at every key that this buyer may have paid for before one is paid for: those of the wallet up to `first`, those
    /// that are linked to the account, and the one that an earlier command was about to pay for.
    pub(super) async fn choose(&self, args: &BuyArgs, first: u32) -> Result<Choice> {
        let noted = Pins::load()?.noted(&self.store(), self.item.id);
        let mut keys = args.device.keys(0)?;
        let (mut chosen, mut seen) = (None, Vec::new());
        loop {
            let candidate = Box::new(keys.next()?);
            seen.push(candidate.on_chain.clone());
            let is_last = keys.is_one() || candidate.recipient.index.is_none_or(|index| index >= first);
            match self.standing(&candidate.on_chain, Some(&candidate.key)).await? {
                Standing::Free if noted.as_ref() == Some(&candidate.on_chain) => chosen = Some(candidate),
                Standing::Free if is_last => chosen = chosen.or(Some(candidate)),
                Standing::Free => {}
                Standing::UsedUp if !keys.is_one() => continue,
                Standing::Had(licence) => return Ok(Choice::Had(licence)),
                Standing::Unsettled(tx) => return Ok(Choice::GoOn(candidate, tx)),
                Standing::UsedUp => return Err(self.ended()),
                Standing::Others(tx) => return Err(self.bought_before(Some(tx))),
            }
            if is_last {
                break;
            }
        }
        let linked: KeyList = self.client.get(&["api", "v1", "keys", "mine"], &[]).await?;
        let linked = linked.keys.into_iter().filter_map(|key| {
            BuyerKey::from_device(&DeviceKey { curve: key.curve, public_key: key.public_key }).ok()
        });
        for key in linked.chain(noted) {
            if seen.contains(&key) {
                continue;
            }
            match self.standing(&key, None).await? {
                Standing::Had(licence) => return Ok(Choice::Had(licence)),
                Standing::Unsettled(tx) => {
                    return Err(Failure::new(
                        "payment_under_way",
                        format!(
                            "{} was paid for already, for another key of yours, in transaction {tx}",
                            self.item.text
                        ),
                    )
                    .hint(format!(
                        "wait for it: sealpost chain status {tx} --wait\n--again pays for one more"
                    )));
                }
                Standing::Free | Standing::UsedUp | Standing::Others(_) => {}
            }
            seen.push(key);
        }
        chosen.map(Choice::Pay).ok_or_else(|| self.bought_before(None))
    }

    /// The first key from `first` on of which no licence came.
    pub(super) async fn choose_another(&self, args: &BuyArgs, first: u32) -> Result<Choice> {
        let mut keys = args.device.keys(first)?;
        loop {
            let candidate = Box::new(keys.next()?);
            match self.standing(&candidate.on_chain, Some(&candidate.key)).await? {
                Standing::Free => return Ok(Choice::Pay(candidate)),
                Standing::Unsettled(tx) => return Ok(Choice::GoOn(candidate, tx)),
                Standing::Had(_) | Standing::UsedUp | Standing::Others(_) if keys.is_one() => {
                    return Err(self.bought_before(None));
                }
                Standing::Had(_) | Standing::UsedUp | Standing::Others(_) => {}
            }
        }
    }

    /// What a key was paid for; one whose private half is here is linked to the account, which brings along what was bought
    /// for it without one.
    async fn standing(&self, key: &BuyerKey, own: Option<&SecretKey>) -> Result<Standing> {
        if !self.contract.verified(self.item.id, key).await? {
            return Ok(Standing::Free);
        }
        let paid = self.contract.purchase_of(self.item.id, key).await?.ok_or_else(|| {
            Failure::new(
                "payment_not_found",
                "the contract knows a purchase for this key, and no endpoint finds its event",
            )
            .hint("name another endpoint with --rpc; this one may keep no old events")
        })?;
        if let Some(own) = own {
            link(&self.client, own).await?;
        }
        let settled = self.settled_payments(paid).await?;
        if settled.is_empty() {
            return Ok(Standing::Unsettled(paid));
        }
        // Only now: it may have come while the wallet was being opened.
        let licences = fetch_licences(&self.client).await?.licences;
        if let Some(licence) = licences.iter().find(|licence| is_good_for(licence, &self.listing.id)) {
            return Ok(Standing::Had(Box::new(licence.clone())));
        }
        let of_this = |licence: &&Licence| {
            settled.iter().any(|payment| payment.purchase.as_ref() == Some(&licence.purchase))
        };
        match licences.iter().any(|licence| of_this(&licence)) {
            true => Ok(Standing::UsedUp),
            false => Ok(Standing::Others(paid)),
        }
    }

    /// The payments of a transaction for this item that the store made a licence of, be it one that rests.
    async fn settled_payments(&self, tx: ChainHash) -> Result<Vec<RecordedPayment>> {
        let known = self.client.get(&["api", "v1", "payments", &tx.to_string()], &[]).await;
        let known: PaymentList = match known {
            Ok(known) => known,
            Err(failure) if failure.status() == Some(404) => return Ok(Vec::new()),
            Err(failure) => return Err(failure),
        };
        let of_item =
            |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok()) == Some(self.item.id);
        let payments = known.payments.into_iter().filter(|known| of_item(&known.item));
        Ok(payments.filter(|known| known.payment.state == "settled").collect())
    }

    fn ended(&self) -> Failure {
        let text =
            format!("the licence of {} that this key paid for has ended, or is used up", self.item.text);
        Failure::new("already_bought", text).hint(
            "the contract sells a version to a key once, so it cannot be renewed for this one: pay for another key, with --index N or --again",
        )
    }

    fn bought_before(&self, tx: Option<ChainHash>) -> Failure {
        let tx = tx.map(|tx| format!(", in transaction {tx}")).unwrap_or_default();
        Failure::new("already_bought", format!("{} was bought for this key before{tx}", self.item.text)).hint(
            "`sealpost licences` shows what you have; another key buys it once more, with --index N or --again",
        )
    }
}

/// A licence that rests counts too: what suspended it passes, and the money for another would be lost.
pub(super) fn is_good_for(licence: &Licence, listing: &str) -> bool {
    licence.listing == listing
        && matches!(licence.state.as_str(), "active" | "suspended")
        && (licence.devices.is_some() || prints_left(licence) > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_licence_that_rests_is_had_and_one_that_ended_is_not() {
        let of = |state: &str| Licence {
            listing: "l_1".into(),
            state: state.into(),
            devices: Some(Vec::new()),
            ..Licence::default()
        };
        assert!(is_good_for(&of("active"), "l_1") && is_good_for(&of("suspended"), "l_1"));
        assert!(!is_good_for(&of("revoked"), "l_1"));
        assert!(!is_good_for(&Licence { listing: "l_2".into(), ..of("active") }, "l_1"));
        assert!(!is_good_for(&Licence { devices: None, ..of("active") }, "l_1"), "no prints are left");
    }
}
