use alloy::primitives::{Bytes, U256};
use proptest::{collection::vec, prelude::*};

use super::*;

const CONTRACT: Address = Address::new([0xc0; 20]);
const BLOCK: BlockRef = BlockRef { number: 9, hash: ChainHash::new([9; 32]) };

fn log(index: u64, tx: u8, event: &impl SolEvent) -> Log {
    let data = event.encode_log_data();
    Log {
        address: CONTRACT,
        topics: data.topics().iter().map(|topic| to_hash(*topic)).collect(),
        data: data.data.to_vec(),
        block: BLOCK,
        tx: ChainHash::new([tx; 32]),
        index,
    }
}

fn sale(index: u64, tx: u8, key: &[u8], amount: u128) -> [Log; 2] {
    let purchased = PluginPurchased {
        pluginId: B256::repeat_byte(5),
        buyerPubkey: Bytes::copy_from_slice(key),
        amount: U256::from(amount),
        platformFee: U256::from(amount / 7),
    };
    let recorded = PurchaseRecorded {
        pluginId: B256::repeat_byte(5),
        buyerKeyHash: hash(BuyerKey::from_chain(key).hash()),
        payer: [1; 20].into(),
        publisher: [2; 20].into(),
        token: [3; 20].into(),
    };
    [log(index, tx, &purchased), log(index + 1, tx, &recorded)]
}

fn read(logs: &[Log]) -> Result<Vec<ChainEvent>, &'static str> {
    events(CONTRACT, logs, &HashMap::from([(BLOCK, 1_700_000_000)]))
}

fn bytes_of(log: &mut Log) -> Vec<&mut u8> {
    log.data.iter_mut().collect()
}

#[test]
fn purchases_and_refunds_are_counted_within_their_transaction() {
    let refunded = PurchaseRefunded {
        pluginId: B256::repeat_byte(5),
        buyerKeyHash: B256::repeat_byte(6),
        payer: [1; 20].into(),
        token: [0; 20].into(),
        amount: U256::from(5),
        by: [2; 20].into(),
    };
    let logs: Vec<Log> = [
        sale(1, 1, &[2; 33], 10).to_vec(),
        vec![log(3, 1, &refunded)],
        sale(4, 1, &[3; 33], 20).to_vec(),
        sale(8, 2, &[2; 33], 30).to_vec(),
        vec![log(10, 3, &refunded)],
    ]
    .concat();
    let indices: Vec<_> = read(&logs)
        .unwrap()
        .iter()
        .map(|event| match event {
            ChainEvent::Purchased(purchase) => (true, purchase.tx.as_bytes()[0], purchase.index),
            ChainEvent::Refunded(refund) => (false, refund.tx.as_bytes()[0], refund.index),
        })
        .collect();
    assert_eq!(indices, [(true, 1, 0), (false, 1, 0), (true, 1, 1), (true, 2, 0), (false, 3, 0)]);
}

#[test]
fn logs_out_of_order_are_refused() {
    let (a, b) = (sale(1, 1, &[2; 33], 10), sale(5, 2, &[2; 33], 10));
    assert!(read(&[a.clone(), b.clone()].concat()).is_ok());
    assert!(read(&[b.clone(), a.clone()].concat()).is_err());
    assert!(read(&[a.clone(), a.clone()].concat()).is_err());
    let split = sale(9, 1, &[3; 33], 10);
    assert!(read(&[a, b, split].concat()).is_err(), "a transaction is in one place");
}

#[test]
fn logs_of_others_are_passed_over_and_end_no_pair() {
    let [purchased, recorded] = sale(1, 1, &[2; 33], 10);
    let foreign = Log { address: Address::new([0xbb; 20]), index: 0, ..purchased.clone() };
    assert_eq!(read(&[foreign.clone(), purchased.clone(), recorded.clone()]).unwrap().len(), 1);
    let between = Log { index: 2, ..foreign };
    let late = Log { index: 3, ..recorded };
    assert_eq!(read(&[purchased, between, late]).unwrap_err(), "a purchase without its record");
}

proptest! {
    #[test]
    fn whatever_a_sale_says_is_read_as_it_was_written(key in vec(any::<u8>(), 0..80), amount: u128) {
        let events = read(&sale(1, 1, &key, amount)).unwrap();
        let ChainEvent::Purchased(purchase) = &events[0] else { panic!("a purchase") };
        prop_assert_eq!(purchase.buyer_key.as_bytes(), &key[..]);
        prop_assert_eq!((purchase.amount, purchase.fee), (amount, amount / 7));
        prop_assert_eq!(purchase.token, Some(Address::new([3; 20])));
        prop_assert_eq!(purchase.block_time, 1_700_000_000);
    }

    #[test]
    fn a_changed_byte_is_another_sale_or_none(which in 0..2_usize, at: prop::sample::Index, to: u8) {
        let mut logs = sale(1, 1, &[2; 33], 1000);
        let honest = read(&logs).unwrap();
        let mut bytes = bytes_of(&mut logs[which]);
        let index = at.index(bytes.len());
        let changed = std::mem::replace(bytes[index], to) != to;
        if let Ok(events) = read(&logs) {
            prop_assert_eq!(changed, events != honest);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(
        logs in vec((vec(vec(any::<u8>(), 32), 0..5), vec(any::<u8>(), 0..200), any::<u64>(), 0..4_usize), 0..6),
    ) {
        let logs: Vec<Log> = logs
            .into_iter()
            .map(|(topics, data, index, first)| {
                let mut topics: Vec<ChainHash> =
                    topics.into_iter().map(|topic| ChainHash::new(topic.try_into().unwrap())).collect();
                if let (Some(topic), Some(known)) = (topics.first_mut(), super::topics().get(first)) {
                    *topic = *known;
                }
                Log { address: CONTRACT, topics, data, block: BLOCK, tx: ChainHash::new([1; 32]), index }
            })
            .collect();
        let _whatever = read(&logs);
    }

    #[test]
    fn no_answer_makes_reading_it_panic(text in ".{0,200}", number in "0x[0-9a-fA-F]{0,70}") {
        use crate::rpc::{Block, Bytes, Mined, Quantity, Wide};
        let _whatever = serde_json::from_str::<Block>(&text);
        let _whatever = serde_json::from_str::<Mined>(&text);
        let quoted = format!("\"{number}\"");
        let (narrow, wide) = (serde_json::from_str::<Quantity>(&quoted), serde_json::from_str::<Wide>(&quoted));
        if let Ok(Quantity(narrow)) = narrow {
            prop_assert_eq!(wide.unwrap().0, u128::from(narrow));
        }
        let _whatever = serde_json::from_str::<Bytes>(&quoted);
    }
}
