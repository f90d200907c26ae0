//! Endpoints that lie, fail, fall silent or send without end, beside honest ones.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};

use sealpost_chain::{ChainError, Heads, Reader, Sender, Settings, Signer};
use sealpost_market::chain::{CallData, ChainEvent, ChainHash, TxOutcome};
use serde_json::{Value, json};
use support::{
    Outcome,
    chain::{CONTRACT, Chain, HEIGHT, NO, YES, number_of},
    endpoint::{Endpoint, KEY, Reply},
};

type Lie = fn(&str, &Value) -> Option<Reply>;
type Failure = Box<dyn Fn() -> Reply + Send + Sync>;
type Change = fn(&mut Vec<Value>);

const PURCHASES: &[u64] = &[7, 40, 41, 90];

fn honest() -> Chain {
    Chain::new(PURCHASES)
}

/// An honest endpoint, but for what `lie` answers.
async fn liar(lie: impl Fn(&str, &Value) -> Option<Reply> + Send + Sync + 'static) -> Outcome<Endpoint> {
    let chain = honest();
    Endpoint::start(move |method, params| lie(method, params).unwrap_or_else(|| chain.answer(method, params)))
        .await
}

fn reader(endpoints: &[&Endpoint], timeout_ms: u64) -> Outcome<Reader> {
    let rpc: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.url.as_str()).collect();
    let settings: Settings = toml::from_str(&format!(
        "id = 1\ncontract = \"{CONTRACT}\"\nrpc = {rpc:?}\nfrom_block = 1\ntimeout_ms = {timeout_ms}\nmax_answer_bytes = 65536"
    ))?;
    Ok(Reader::new(settings)?)
}

/// Everything a store asks, as it is.
async fn the_truth_is_read(reader: &Reader, what: &str) -> Outcome {
    let chain = honest();
    let heads = Heads { latest: chain.block(HEIGHT), settled: chain.block(HEIGHT - 10) };
    assert_eq!(reader.heads().await?, heads, "{what}");
    assert_eq!(reader.block(50).await?, Some(chain.block(50).hash), "{what}");
    assert_eq!(reader.block(HEIGHT + 1).await?, None, "{what}");
    let events = reader.events(1, HEIGHT).await?;
    let blocks: Vec<_> = events.iter().map(|event| event.block().number).collect();
    assert_eq!(blocks, PURCHASES, "{what}");
    let TxOutcome::Mined { block, purchases } = reader.transaction(Chain::tx(40)).await? else {
        return Err(format!("{what}: not mined").into());
    };
    assert_eq!(block, chain.block(40), "{what}");
    assert_eq!(ChainEvent::Purchased(purchases[0].clone()), events[1], "{what}");
    assert_eq!((purchases[0].amount, purchases[0].block_time), (1040, 1_700_000_480), "{what}");
    assert_eq!(reader.transaction(ChainHash::new([9; 32])).await?, TxOutcome::Unknown, "{what}");
    assert!(reader.verified(Chain::item(), &Chain::key(40), chain.block(HEIGHT)).await?, "{what}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_lies_alone_among_three_changes_nothing() -> Outcome {
    let (a, b) = (liar(|_, _| None).await?, liar(|_, _| None).await?);
    let lies: Vec<(&str, Lie)> = vec![
        ("it is far ahead", |method, _| {
            (method == "eth_blockNumber").then(|| Reply::Result(json!("0xffffff")))
        }),
        ("it is far behind", |method, _| (method == "eth_blockNumber").then(|| Reply::Result(json!("0x3")))),
        ("everything is final", |method, params| {
            (params[0] == "finalized")
                .then(|| Reply::Result(Chain::new(&[]).head(HEIGHT)))
                .filter(|_| method.len() > 3)
        }),
        ("another chain of blocks", |method, params| {
            let fork = Chain { forked_at: 5, ..honest() };
            (method != "eth_chainId").then(|| fork.answer(method, params))
        }),
        ("nothing was bought", |method, _| match method {
            "eth_getLogs" => Some(Reply::Result(json!([]))),
            "eth_getTransactionReceipt" => Some(Reply::Result(Value::Null)),
            "eth_call" => Some(Reply::Result(json!(NO))),
            _ => None,
        }),
        ("more was bought", |method, params| {
            let chain = Chain::new(&[7, 20, 40, 41, 90]);
            (method != "eth_chainId").then(|| chain.answer(method, params))
        }),
        ("it reverted", |method, params| {
            let mut receipt = honest().receipt(40);
            receipt["status"] = json!("0x0");
            (method == "eth_getTransactionReceipt" && params[0] == json!(Chain::tx(40)))
                .then_some(Reply::Result(receipt))
        }),
        ("removed logs", |method, _| {
            let mut logs = honest().logs(7);
            logs[0]["removed"] = json!(true);
            (method == "eth_getLogs").then(|| Reply::Result(json!(logs)))
        }),
        ("what is unknown waits", |method, params| {
            (method == "eth_getTransactionByHash").then(|| Reply::Result(json!({ "hash": params[0] })))
        }),
    ];
    for (what, lie) in lies {
        let c = liar(lie).await?;
        for order in [[&a, &b, &c], [&a, &c, &b], [&c, &a, &b]] {
            the_truth_is_read(&reader(&order, 20_000)?, what).await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_among_three_changes_nothing() -> Outcome {
    let (a, b) = (liar(|_, _| None).await?, liar(|_, _| None).await?);
    let elsewhere = format!("{}/", a.url);
    let failures: Vec<(&str, Failure)> = vec![
        ("silent", Box::new(|| Reply::Silence)),
        ("closing", Box::new(|| Reply::Close)),
        ("endless", Box::new(|| Reply::Endless)),
        ("too large", Box::new(|| Reply::Result(json!("0".repeat(1 << 20))))),
        ("no JSON", Box::new(|| Reply::Body("200 OK", b"<html>hello</html>".to_vec()))),
        ("no UTF-8", Box::new(|| Reply::Body("200 OK", vec![0xff; 300]))),
        ("nothing at all", Box::new(|| Reply::Body("200 OK", Vec::new()))),
        ("no result", Box::new(|| Reply::Body("200 OK", b"{}".to_vec()))),
        ("deep", Box::new(|| Reply::Body("200 OK", "[".repeat(60_000).into_bytes()))),
        ("status 500", Box::new(|| Reply::Body("500 Internal Server Error", b"oops".to_vec()))),
        ("no right", Box::new(|| Reply::Error(json!({ "code": -32000, "message": "no" })))),
        ("an odd error", Box::new(|| Reply::Error(json!("no")))),
        ("another chain", Box::new(|| Reply::Result(json!("0x5")))),
        ("a number beyond 64 bits", Box::new(|| Reply::Result(json!(format!("0x{}", "f".repeat(17)))))),
        ("a number beyond 128 bits", Box::new(|| Reply::Result(json!(format!("0x{}", "f".repeat(64)))))),
        ("a number that is none", Box::new(|| Reply::Result(json!("0x+1")))),
        ("elsewhere", Box::new(move || Reply::Redirect(elsewhere.clone()))),
    ];
    for (what, fail) in failures {
        let fail = std::sync::Arc::new(fail);
        let at_once = std::sync::Arc::clone(&fail);
        let never_good = liar(move |_, _| Some(at_once())).await?;
        let good_at_first = liar(move |method, _| (method != "eth_chainId").then(|| fail())).await?;
        for c in [never_good, good_at_first] {
            the_truth_is_read(&reader(&[&c, &a, &b], 20_000)?, what).await?;
        }
    }
    let gone = liar(|_, _| None).await?;
    let c = reader(&[&gone, &a, &b], 20_000)?;
    drop(gone);
    the_truth_is_read(&c, "gone").await
}

#[tokio::test(flavor = "multi_thread")]
async fn where_too_few_say_the_same_nothing_counts() -> Outcome {
    let fork = |at| {
        move |method: &str, params: &Value| {
            let chain = Chain { forked_at: at, ..honest() };
            (method != "eth_chainId").then(|| chain.answer(method, params))
        }
    };
    let (a, b, c) = (
        liar(|_, _| None).await?,
        liar(fork(1)).await?,
        liar(|method, _| (method == "eth_getBlockByNumber").then(|| Reply::Result(Chain::new(&[]).head(1))))
            .await?,
    );
    let split = reader(&[&a, &b], 20_000)?;
    for outcome in [split.block(9).await.err(), split.events(1, 50).await.err(), split.heads().await.err()] {
        let Some(ChainError::Disagreement { groups, .. }) = &outcome else {
            return Err(format!("{outcome:?}").into());
        };
        assert!(groups.contains(" against 127.0.0.1:"), "{groups}");
    }
    let unreachable = reader(&[&a, &b, &c], 20_000)?.block(9).await.unwrap_err();
    assert!(matches!(unreachable, ChainError::Disagreement { .. }), "{unreachable}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_not_all_endpoints_have_seen_yet_waits() -> Outcome {
    let (a, b) = (
        liar(|_, _| None).await?,
        liar(|method, _| (method == "eth_getTransactionReceipt").then_some(Reply::Result(Value::Null)))
            .await?,
    );
    let outcome = reader(&[&a, &b], 20_000)?.transaction(Chain::tx(40)).await?;
    assert_eq!(outcome, TxOutcome::Unknown, "known to none of the pools");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_a_block_that_left_the_chain_is_none() -> Outcome {
    let stale = |method: &str, params: &Value| {
        let fork = Chain { forked_at: 30, ..honest() };
        (method == "eth_getBlockByNumber").then(|| fork.answer(method, params))
    };
    let only = liar(stale).await?;
    let reader = reader(&[&only], 20_000)?;
    assert_eq!(reader.transaction(Chain::tx(40)).await?, TxOutcome::Waiting);
    assert_eq!(reader.events(1, HEIGHT).await.unwrap_err(), ChainError::NotCanonical(40));
    let at = honest().block(40);
    let lost = reader.verified(Chain::item(), &Chain::key(40), at).await;
    assert_eq!(lost, Ok(true), "by hash the endpoint knows it");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_at_a_block_falls_back_to_its_number_and_looks_the_hash_up() -> Outcome {
    let old = liar(|method, params| {
        (method == "eth_call" && params[1].is_object())
            .then(|| Reply::Error(json!({ "code": -32602, "message": "invalid argument 1: hex string" })))
    })
    .await?;
    let reader = reader(&[&old], 20_000)?;
    assert!(reader.verified(Chain::item(), &Chain::key(40), honest().block(40)).await?);
    let forked = Chain { forked_at: 1, ..honest() }.block(40);
    let lost = reader.verified(Chain::item(), &Chain::key(40), forked).await.unwrap_err();
    assert_eq!(lost, ChainError::NotCanonical(40));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_that_are_refused_are_asked_for_in_parts() -> Outcome {
    let refusals: [fn() -> Reply; 3] = [
        || Reply::Error(json!({ "code": -32005, "message": "query returned more than 10000 results" })),
        || Reply::Result(json!("x".repeat(1 << 20))),
        || Reply::Body("413 Payload Too Large", Vec::new()),
    ];
    for refusal in refusals {
        let narrow = liar(move |method, params| {
            let bound = |name: &str| number_of(params[0][name].as_str().unwrap_or_default());
            (method == "eth_getLogs" && bound("toBlock") - bound("fromBlock") > 8).then(refusal)
        })
        .await?;
        let events = reader(&[&narrow], 20_000)?.events(1, HEIGHT).await?;
        assert_eq!(events.iter().map(|event| event.block().number).collect::<Vec<_>>(), PURCHASES);
    }
    let never = liar(|method, _| {
        (method == "eth_getLogs").then(|| Reply::Error(json!({ "code": -32000, "message": "no logs here" })))
    })
    .await?;
    let refused = reader(&[&never], 20_000)?.events(1, HEIGHT).await.unwrap_err();
    assert!(refused.to_string().contains("no logs here"), "{refused}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_looks_like_the_contract_counts_for_nothing() -> Outcome {
    let look_alike = |method: &str, params: &Value| {
        let chain = Chain { contract: sealpost_market::chain::Address::new([0xbb; 20]), ..honest() };
        match method {
            "eth_getTransactionReceipt" => Some(chain.answer(method, params)),
            "eth_getLogs" => Some(chain.answer(method, params)),
            _ => None,
        }
    };
    let only = liar(look_alike).await?;
    let reader = reader(&[&only], 20_000)?;
    let TxOutcome::Mined { purchases, .. } = reader.transaction(Chain::tx(40)).await? else {
        return Err("mined".into());
    };
    assert_eq!(purchases, []);
    let not_asked_for = reader.events(1, HEIGHT).await.unwrap_err();
    assert!(matches!(not_asked_for, ChainError::Unreachable { .. }), "{not_asked_for}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_no_marketplace_writes_are_refused() -> Outcome {
    let changes: [(&str, Change); 6] = [
        ("without its record", |logs| drop(logs.pop())),
        ("a record alone", |logs| drop(logs.remove(0))),
        ("apart", |logs| logs[1]["logIndex"] = json!("0x9")),
        ("of another key", |logs| logs[1]["topics"][2] = json!(NO)),
        ("of another item", |logs| logs[1]["topics"][1] = json!(NO)),
        ("an amount beyond 128 bits", |logs| {
            let data = logs[0]["data"].as_str().unwrap_or_default().to_owned();
            logs[0]["data"] = json!(format!("{}{}{}", &data[..66], "f".repeat(64), &data[130..]));
        }),
    ];
    for (what, change) in changes {
        let odd = liar(move |method, _| {
            let mut logs = honest().logs(40);
            change(&mut logs);
            (method == "eth_getLogs").then(|| Reply::Result(json!(logs)))
        })
        .await?;
        let refused = reader(&[&odd], 20_000)?.events(1, HEIGHT).await.unwrap_err();
        assert!(matches!(refused, ChainError::NotMarketplace(_)), "{what}: {refused}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_addresses_are_told_to_nobody() -> Outcome {
    let telling = liar(|_, _| {
        Some(Reply::Error(json!({ "code": -32001, "message": format!("the key {KEY} is over its quota") })))
    })
    .await?;
    let gone = liar(|_, _| None).await?;
    let reader = reader(&[&telling, &gone], 20_000)?;
    drop(gone);
    let told = reader.heads().await.unwrap_err();
    let settings = reader.settings();
    for text in
        [told.to_string(), format!("{told:?}"), format!("{settings:?}"), format!("{:?}", reader.endpoints())]
    {
        assert!(!text.contains(KEY) && text.contains("127.0.0.1:"), "{text}");
    }
    assert!(told.to_string().contains("over its quota"), "{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_of_another_chain_are_named_and_asked_for_nothing_else() -> Outcome {
    let other = |method: &str, _: &Value| (method == "eth_chainId").then(|| Reply::Result(json!("0x5")));
    let (a, b) = (liar(other).await?, liar(other).await?);
    let reader = reader(&[&a, &b], 20_000)?;
    for _ in 0..3 {
        let wrong = reader.block(1).await.unwrap_err();
        assert_eq!(wrong, ChainError::WrongChain { expected: 1, found: 5 });
    }
    for asked in [a.asked(), b.asked()] {
        assert!(asked.len() <= 1 && asked.iter().all(|method| method == "eth_chainId"), "{asked:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_down_says_nothing_against_another_chain_and_one_of_the_right_chain_does()
-> Outcome {
    let other = |method: &str, _: &Value| (method == "eth_chainId").then(|| Reply::Result(json!("0x5")));
    let (a, right) = (liar(other).await?, liar(|_, _| None).await?);
    let (down, ill) =
        (liar(|_, _| Some(Reply::Close)).await?, liar(|_, _| Some(Reply::Error(json!({"code": 1})))).await?);
    let told = reader(&[&a, &down], 20_000)?.block(1).await.unwrap_err();
    assert_eq!(told, ChainError::WrongChain { expected: 1, found: 5 });
    for others in [[&a, &down, &right], [&a, &ill, &down]] {
        let told = reader(&others, 20_000)?.block(1).await.unwrap_err();
        assert!(matches!(told, ChainError::Unreachable { .. }), "{told}");
        assert!(told.to_string().contains("it serves chain 5"), "{told}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_everywhere_ends_with_the_time() -> Outcome {
    let silent = liar(|_, _| Some(Reply::Silence)).await?;
    let gone = reader(&[&silent], 50)?.block(1).await.unwrap_err();
    assert!(gone.to_string().contains("no answer within 50 ms"), "{gone}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_that_gives_back_another_kind_of_value_is_refused() -> Outcome {
    let two = "0x0000000000000000000000000000000000000000000000000000000000000002";
    for (value, contract_missing) in [("0x", true), (two, false), ("0x01", false), (&YES[..65], false)] {
        let odd = liar(move |method, _| (method == "eth_call").then(|| Reply::Result(json!(value)))).await?;
        let refused =
            reader(&[&odd], 20_000)?.verified(Chain::item(), &Chain::key(1), honest().block(1)).await;
        match refused.unwrap_err() {
            ChainError::NoContract(_) => assert!(contract_missing),
            ChainError::NotMarketplace(_) | ChainError::Unreachable { .. } => assert!(!contract_missing),
            other => return Err(other.into()),
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_are_a_block_apart_are_asked_about_the_same_block() -> Outcome {
    let behind = liar(|method, params| {
        (method == "eth_call" && params[1] == "latest").then(|| Reply::Result(json!(NO)))
    });
    let (a, b) = (liar(|_, _| None).await?, behind.await?);
    assert_eq!(reader(&[&a, &b], 20_000)?.fee_bps().await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_behind_says_nothing_about_logs() -> Outcome {
    // Its address leads to two nodes: the one that is asked for the block alone is not the one that has no logs yet.
    let behind = || {
        let told = AtomicBool::new(false);
        liar(move |method, params| match method {
            "eth_getLogs" => {
                told.store(true, Ordering::Relaxed);
                Some(Reply::Result(json!([])))
            }
            "eth_getBlockByNumber" if params[0] == json!(format!("{HEIGHT:#x}")) => {
                told.load(Ordering::Relaxed).then_some(Reply::Result(Value::Null))
            }
            _ => None,
        })
    };
    let (a, b, c) = (behind().await?, behind().await?, liar(|_, _| None).await?);
    let told = reader(&[&a, &b, &c], 20_000)?.events(1, HEIGHT).await.unwrap_err();
    assert!(matches!(told, ChainError::Unreachable { answered: 1, .. }), "{told}");
    assert!(told.to_string().contains("it does not have block 100"), "{told}");
    let a = behind().await?;
    let (b, c) = (liar(|_, _| None).await?, c);
    assert_eq!(reader(&[&a, &b, &c], 20_000)?.events(1, HEIGHT).await?.len(), PURCHASES.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_that_take_one_question_at_a_time_are_asked_so() -> Outcome {
    let answers: [fn() -> Reply; 2] = [
        || Reply::Error(json!({ "code": -32600, "message": "no batches" })),
        || Reply::Body("400 Bad Request", b"no batches".to_vec()),
    ];
    for answer in answers {
        let chain = honest();
        let plain = Endpoint::start_plain(move |method, params| chain.answer(method, params), answer).await?;
        let reader = reader(&[&plain], 20_000)?;
        for _ in 0..3 {
            assert_eq!(reader.events(1, HEIGHT).await?.len(), PURCHASES.len());
        }
        assert_eq!(plain.asked().iter().filter(|method| *method == "batch").count(), 1);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_of_three_leave_out_counts_where_they_have_its_receipt() -> Outcome {
    let forgetful = || {
        liar(|method, params| {
            let first = number_of(params[0]["fromBlock"].as_str().unwrap_or_default());
            (method == "eth_getLogs" && first <= 41).then(|| Reply::Result(json!(honest().logs(7))))
        })
    };
    let (a, b, c) = (forgetful().await?, forgetful().await?, liar(|_, _| None).await?);
    for order in [[&a, &b, &c], [&a, &c, &b], [&c, &a, &b]] {
        let events = reader(&order, 20_000)?.events(1, HEIGHT).await?;
        assert_eq!(events.iter().map(|event| event.block().number).collect::<Vec<_>>(), PURCHASES);
    }
    // What only one tells of, receipt and all, is nothing.
    let inventive = liar(|method, params| {
        (method != "eth_chainId").then(|| Chain::new(&[7, 20, 40, 41, 90]).answer(method, params))
    })
    .await?;
    let honest = liar(|_, _| None).await?;
    let events = reader(&[&inventive, &honest, &c], 20_000)?.events(1, HEIGHT).await?;
    assert_eq!(events.len(), PURCHASES.len());
    Ok(())
}

const GWEI: u128 = 1_000_000_000;

/// An endpoint that takes transactions, and asks for this much above the base fee of one gwei.
async fn dear(tip: u128) -> Outcome<Endpoint> {
    liar(move |method, _| {
        Some(Reply::Result(match method {
            "eth_getBalance" => json!("0xde0b6b3a7640000"),
            "eth_estimateGas" => json!("0x186a0"),
            "eth_maxPriorityFeePerGas" => json!(format!("{tip:#x}")),
            "eth_getTransactionCount" => json!("0x7"),
            _ => return None,
        }))
    })
    .await
}

fn sender(endpoints: &[&Endpoint]) -> Outcome<Sender> {
    Ok(Sender::new(reader(endpoints, 20_000)?, Signer::from_bytes(&[7; 32])?))
}

#[tokio::test(flavor = "multi_thread")]
async fn one_endpoint_of_three_does_not_set_the_price_of_gas() -> Outcome {
    let call = CallData { to: CONTRACT, data: vec![1], value: 0 };
    let (a, b) = (dear(GWEI).await?, dear(2 * GWEI).await?);
    for odd in [0, 25 * GWEI, 1_000 * GWEI, u128::MAX] {
        let c = dear(odd).await?;
        for order in [[&a, &b, &c], [&a, &c, &b], [&c, &a, &b]] {
            let fee = sender(&order)?.highest_fee(&call).await?;
            let tip = if odd == 0 { GWEI } else { 2 * GWEI };
            assert_eq!(fee, 125_000 * (2 * GWEI + tip), "{odd}");
        }
    }
    // Where it is asked alone, it does not take more than some multiple of what the chain itself asks for.
    let alone = dear(1_000 * GWEI).await?;
    assert_eq!(sender(&[&alone])?.highest_fee(&call).await?, 125_000 * (2 * GWEI + 30 * GWEI));
    // An endpoint that says nothing holds up nobody.
    let silent = liar(|method, _| (method == "eth_maxPriorityFeePerGas").then_some(Reply::Silence)).await?;
    assert_eq!(sender(&[&silent, &a, &b])?.highest_fee(&call).await?, 125_000 * 4 * GWEI);
    Ok(())
}
