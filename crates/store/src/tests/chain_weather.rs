//! A chain with bad weather: forks, dropped transactions, refunds, endpoints that fail, stores that are opened anew. In the end what
//! is paid is obtainable, and what is not is not.

use http::StatusCode;
use sealpost_envelope::ecdh::{Curve, SecretKey};
use sealpost_market::chain::{ChainHash, item_id};

use super::chain_kit::{Action, FINALITY, Paid};
use super::chain_settling::price;
use super::chain_shop::*;
use crate::chain::{ChainFault, ChainPort, watch};

/// Numbers that a seed decides.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        // Xorshift (Marsaglia 2003).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// Somebody with a wallet.
struct Buyer {
    wallet: SecretKey,
    token: Option<String>,
    /// Pays too little.
    miser: bool,
    sent: Vec<ChainHash>,
}

impl Buyer {
    fn pays(&self) -> Paid {
        let paid = price(&self.wallet);
        Paid { amount: if self.miser { PRICE - 1 } else { PRICE }, ..paid }
    }
}

async fn stands(shop: &Shop, buyer: &Buyer) -> bool {
    let at = shop.chain.head();
    shop.chain.verified(item_id(ITEM), &on_chain(&buyer.wallet), at).await.unwrap()
}

/// For a while every question fails: whoever asks is told so, the store is closed and opened, time passes, and blocks come.
async fn rain(shop: &mut Shop, buyer: &Buyer, dice: &mut Dice) {
    shop.chain.fail(Some(ChainFault::Unreachable("rain".to_owned())));
    let state = shop.kit.store.state.clone();
    let port = state.chain.clone().unwrap();
    assert!(watch::round(&state, &*port).await.is_err());
    if let Some(tx) = buyer.sent.last() {
        let answer = shop.collect("", &buyer.wallet, *tx).await;
        assert!(answer.status != StatusCode::INTERNAL_SERVER_ERROR, "{}", answer.text());
        assert!(answer.status != StatusCode::OK || !buyer.miser);
    }
    if dice.below(2) == 0 {
        shop.kit = shop.kit.again().await;
    }
    shop.chain.mine(dice.below(4));
    shop.kit.pass_s(30);
    shop.chain.fail(None);
}

async fn storm(seed: u64) {
    let mut dice = Dice(seed);
    let mut shop = shop().await;
    let mut buyers = Vec::new();
    for (name, curve, miser) in
        [("ann", Curve::P256, false), ("ben", Curve::Secp256k1, false), ("cid", Curve::X25519, true)]
    {
        let wallet = wallet(curve);
        let token = if name == "ben" { None } else { Some(shop.holder(name, &wallet).await) };
        buyers.push(Buyer { wallet, token, miser, sent: Vec::new() });
    }
    for _ in 0..60 {
        let who = dice.below(3) as usize;
        match dice.below(12) {
            0..=2 => {
                // The contract takes one payment at a time: what was sent before is mined first.
                shop.chain.mine(0);
                if !stands(&shop, &buyers[who]).await {
                    let tx = shop.chain.send(Action::Pay(vec![buyers[who].pays()]));
                    buyers[who].sent.push(tx);
                }
            }
            3 => {
                shop.chain.mine(0);
                if stands(&shop, &buyers[who]).await {
                    let key = on_chain(&buyers[who].wallet);
                    shop.chain.send(Action::Refund { item: item_id(ITEM), key });
                }
            }
            4..=6 => shop.chain.mine(dice.below(6)),
            7 => {
                let depth = dice.below(8).min(shop.chain.head().number) as usize;
                shop.chain.fork(depth);
                if dice.below(3) == 0 {
                    shop.chain.drop_pool();
                }
                if dice.below(2) == 0 {
                    shop.chain.mine(dice.below(10));
                }
            }
            8 => {
                let buyer = &buyers[who];
                if let (Some(token), Some(tx)) = (&buyer.token, buyer.sent.last()) {
                    let answer = shop.buy(token, &buyer.wallet, *tx).await;
                    assert!(!answer.status.is_server_error(), "{seed}: {}", answer.text());
                }
            }
            9 => {
                if let Some(tx) = buyers[who].sent.last() {
                    let answer = shop.collect("", &buyers[who].wallet, *tx).await;
                    assert!(answer.status != StatusCode::INTERNAL_SERVER_ERROR, "{seed}: {}", answer.text());
                    assert!(answer.status != StatusCode::OK || !buyers[who].miser, "{seed}");
                }
            }
            10 => rain(&mut shop, &buyers[who], &mut dice).await,
            _ => shop.kit = shop.kit.again().await,
        }
        if dice.below(3) == 0 {
            shop.watch().await;
        }
    }
    shop.chain.drop_pool();
    shop.chain.mine(FINALITY + 10);
    shop.kit.pass_s(4_000);
    shop.watch().await;
    for buyer in &buyers {
        let paid = stands(&shop, buyer).await && !buyer.miser;
        let key = buyer.wallet.recipient().to_hex();
        let (mut open, mut newest) = (Vec::new(), None);
        for tx in &buyer.sent {
            if shop.collect("", &buyer.wallet, *tx).await.status == StatusCode::OK {
                open.push(*tx);
            }
            if let Some(block) = shop.chain.transaction(*tx).await.unwrap().block() {
                newest = newest.max(Some((block.number, *tx)));
            }
        }
        // The contract takes one payment at a time: what stands is the last one that was mined.
        let expected: Vec<_> = newest.filter(|_| paid).into_iter().map(|(_, tx)| tx).collect();
        assert_eq!(open, expected, "{seed} {key}: {:#?}", shop.payments().await);
    }
    let good = shop.licences().await.iter().filter(|licence| licence.payment == "good").count();
    let settled = shop.payments().await.iter().filter(|row| row.state == "settled").count();
    assert_eq!(good, settled, "{seed}");
    for purchase in shop.purchases().await {
        let of_it = shop.licences().await.iter().filter(|licence| licence.purchase == purchase.id).count();
        assert!(of_it <= 1, "{seed}: one payment, one licence");
    }
}

#[tokio::test]
async fn in_the_end_what_is_paid_is_obtainable_and_what_is_not_is_not() {
    for seed in 1..=6 {
        storm(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed)).await;
    }
}
