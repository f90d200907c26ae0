//! What is paid on chain, as texts, keys and offers.

use crate::desk::version;
use sealpost_market::chain::{
    Address, AddressError, BlockRef, BuyerKey, BuyerKeyError, ChainHash, ChainPurchase, Offer, PaymentEvent,
    PaymentState, Refusal, item_id, item_text, judge,
};
use sealpost_market::{DeviceKey, Timestamp};

const SELLER: Address = Address::new([0x5e; 20]);
const USDC: Address = Address::new([0xcc; 20]);
const SINCE: i64 = 1_800_000_000;

fn offer(amount: u128, since: i64, until: Option<i64>) -> Offer {
    Offer {
        listing: "l_1".parse().expect("id"),
        payout: SELLER,
        token: None,
        amount,
        since: Timestamp(since),
        until: until.map(Timestamp),
    }
}

fn paid(amount: u128, at: i64) -> ChainPurchase {
    ChainPurchase {
        tx: ChainHash::new([1; 32]),
        index: 0,
        block: BlockRef { number: 7, hash: ChainHash::new([2; 32]) },
        log_index: 0,
        block_time: at.unsigned_abs(),
        item: ChainHash::new([3; 32]),
        buyer_key: BuyerKey::from_chain([2; 33]),
        amount,
        fee: amount * 15 / 100,
        payer: Address::new([0xb0; 20]),
        publisher: SELLER,
        token: None,
    }
}

fn code(purchase: &ChainPurchase, offers: &[Offer]) -> Option<&'static str> {
    judge(purchase, offers).err().map(|refusal| refusal.code())
}

#[test]
fn an_item_is_the_keccak_hash_of_name_and_version() {
    // The vector of the contract's document.
    assert_eq!(
        item_id("com.publisher.my-plugin").to_string(),
        "0x79c36737d89f4336afd612b2926b5a913998f370d4af48a990cd7a5657fbb0ad"
    );
    assert_eq!(item_text("l_1", &version("1.2")), "l_1@1.2.0");
    assert_ne!(item_id("l_1@1.2.0"), item_id("l_1@1.2.1"));
}

#[test]
fn addresses_are_read_in_any_case_and_checked_where_it_is_mixed() {
    // Of EIP-55.
    for text in [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ] {
        let address: Address = text.parse().expect("address");
        assert_eq!(address.checksummed(), text);
        assert_eq!(address.to_string(), text.to_lowercase());
        assert_eq!(text.to_lowercase().parse(), Ok(address));
        assert_eq!(format!("0x{}", text[2..].to_uppercase()).parse(), Ok(address));
        let last = text.rfind(|c: char| c.is_ascii_alphabetic()).expect("letter");
        let flip = |(i, c): (usize, char)| match c {
            c if i != last => c,
            c if c.is_ascii_uppercase() => c.to_ascii_lowercase(),
            c => c.to_ascii_uppercase(),
        };
        let wrong: String = text.chars().enumerate().map(flip).collect();
        assert_eq!(wrong.parse::<Address>(), Err(AddressError::Checksum), "{wrong}");
    }
    for text in ["", "0x", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5aAe", &"0x0".repeat(15)] {
        assert_eq!(text.parse::<Address>(), Err(AddressError::Shape), "{text}");
    }
}

#[test]
fn hashes_are_read_whole_or_not_at_all() {
    let hash = ChainHash::new([0xab; 32]);
    assert_eq!(hash.to_string().parse(), Ok(hash));
    assert_eq!(hash.to_string().to_uppercase().parse(), Ok(hash));
    for text in ["", "0x", &hash.to_string()[2..], &format!("{hash}0"), &"0xzz".repeat(17)] {
        assert!(text.parse::<ChainHash>().is_err(), "{text}");
    }
}

#[test]
fn keys_of_every_curve_go_to_the_chain_and_back() {
    for (curve, prefix, len) in [
        ("secp256k1", "", 33),
        ("p256", "8024", 33),
        ("p384", "8124", 49),
        ("x25519", "ec01", 32),
        ("ed25519", "ed01", 32),
    ] {
        let device = DeviceKey { curve: curve.to_owned(), public_key: "02".repeat(len) };
        let key = BuyerKey::from_device(&device).expect("key");
        assert_eq!(key.to_string(), format!("0x{prefix}{}", device.public_key));
        assert_eq!(key.to_device(), Ok(device.clone()), "{curve}");
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        assert!(key.as_bytes().len() <= BuyerKey::MAX_BYTES);
        for len in [0, len - 1, len + 1] {
            let odd = DeviceKey { public_key: "02".repeat(len), ..device.clone() };
            assert_eq!(BuyerKey::from_device(&odd), Err(BuyerKeyError::Shape), "{curve} {len}");
        }
    }
    let unknown = DeviceKey { curve: "p521".to_owned(), public_key: "02".repeat(67) };
    assert_eq!(BuyerKey::from_device(&unknown), Err(BuyerKeyError::Curve("p521".to_owned())));
    for bytes in [vec![], vec![2; 32], vec![4; 65], vec![5; 33], vec![0x80; 35], vec![0xec, 1, 2]] {
        assert_eq!(BuyerKey::from_chain(bytes).to_device(), Err(BuyerKeyError::Shape));
    }
}

#[test]
fn a_payment_is_judged_by_the_offer_of_its_time() {
    let history = [offer(100, SINCE, Some(SINCE + 1_000)), offer(200, SINCE + 1_000, None)];
    assert_eq!(judge(&paid(100, SINCE), &history), Ok(&history[0]));
    assert_eq!(judge(&paid(200, SINCE + 1_000), &history), Ok(&history[1]));
    // The old price counts for one hour more, to the second.
    assert_eq!(code(&paid(100, SINCE + 1_000 + 3_599), &history), None);
    assert_eq!(code(&paid(100, SINCE + 1_000 + 3_600), &history), Some("payment_wrong_amount"));
    // Clocks differ, but not by this much.
    assert_eq!(code(&paid(100, SINCE - 600), &history), None);
    assert_eq!(code(&paid(100, SINCE - 601), &history), Some("payment_not_offered"));
    assert_eq!(code(&paid(100, SINCE), &[]), Some("payment_not_offered"));
    let ended = [offer(100, SINCE, Some(SINCE + 10))];
    assert_eq!(code(&paid(100, SINCE + 5_000), &ended), Some("payment_not_offered"));
}

#[test]
fn a_payment_that_differs_is_told_how() {
    let offers = [offer(100, SINCE, None)];
    for amount in [0, 1, 99, 101, u128::MAX] {
        assert_eq!(
            judge(&ChainPurchase { amount, ..paid(1, SINCE) }, &offers),
            Err(Refusal::WrongAmount { asked: 100, paid: amount })
        );
    }
    let token = ChainPurchase { token: Some(USDC), ..paid(100, SINCE) };
    assert_eq!(judge(&token, &offers), Err(Refusal::WrongToken { asked: None, paid: Some(USDC) }));
    let other = Address::new([9; 20]);
    let publisher = ChainPurchase { publisher: other, ..paid(100, SINCE) };
    assert_eq!(judge(&publisher, &offers), Err(Refusal::WrongPublisher(other)));
    // Amount and token of two offers do not make a third.
    let two = [offer(100, SINCE, None), Offer { token: Some(USDC), ..offer(7, SINCE, None) }];
    assert!(judge(&paid(7, SINCE), &two).is_err());
    assert!(judge(&ChainPurchase { token: Some(USDC), ..paid(100, SINCE) }, &two).is_err());
}

#[test]
fn every_refusal_has_a_code_of_its_own_and_words() {
    let all = [
        Refusal::Reverted,
        Refusal::WrongContract,
        Refusal::WrongListing,
        Refusal::NotOffered,
        Refusal::WrongAmount { asked: 1, paid: 2 },
        Refusal::WrongToken { asked: None, paid: Some(USDC) },
        Refusal::WrongPublisher(SELLER),
        Refusal::WrongKey,
        Refusal::Unknown,
        Refusal::Used,
        Refusal::BadKey,
        Refusal::NotVerified,
    ];
    let mut codes: Vec<_> = all.iter().map(Refusal::code).collect();
    for refusal in &all {
        assert!(refusal.code().starts_with("payment_") && !refusal.to_string().is_empty());
        assert_eq!(Refusal::describe_code(refusal.code()), Some((refusal.title(), refusal.hint())));
    }
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), all.len());
    assert_eq!(Refusal::describe_code("payment_odd"), None);
}

#[test]
fn what_is_not_settled_is_never_undone_or_given_back() {
    use PaymentEvent::{Drop, Refund, Refuse, See, Settle, Undo, UndoRefund};
    for state in [PaymentState::Seen, PaymentState::Dropped] {
        for event in [Undo, Refund, UndoRefund { counted: true }] {
            assert!(state.after(event).is_err(), "{state} {event:?}");
        }
        assert_eq!(state.after(Settle), Ok(PaymentState::Settled));
        assert_eq!(state.after(See), Ok(PaymentState::Seen));
    }
    assert!(PaymentState::Settled.after(Drop).is_err());
    assert!(PaymentState::Settled.after(Refuse).is_err());
    // A refund outlasts whatever is said of its payment again; only the chain takes it back.
    for event in [Settle, Refuse, See, Refund] {
        assert_eq!(PaymentState::Refunded.after(event), Ok(PaymentState::Refunded));
    }
    assert_eq!(PaymentState::Refunded.after(UndoRefund { counted: false }), Ok(PaymentState::Refused));
}
