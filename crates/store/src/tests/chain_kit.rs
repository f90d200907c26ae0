//! A chain that does what tests say: blocks, forks, a contract that keeps what was bought, endpoints that fail.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use sealpost_market::chain::{
    Address, BlockRef, BuyerKey, CallData, ChainEvent, ChainHash, ChainPurchase, ChainRefund, ContractCall,
    TxOutcome, item_id, keccak256,
};
use tokio::sync::Notify;

use crate::chain::{
    ChainBalance, ChainFault, ChainListing, ChainPort, ChainTerms, CoinTerms, Heads, TokenTerms,
};

/// Blocks on top of one that make it settled.
pub(crate) const FINALITY: u64 = 3;
/// Who sells in tests.
pub(crate) const SELLER: Address = Address::new([0x5e; 20]);
/// Who pays in tests.
pub(crate) const PAYER: Address = Address::new([0xb0; 20]);
pub(crate) const TREASURY: Address = Address::new([0x7e; 20]);
pub(crate) const USDC: Address = Address::new([0xcc; 20]);

/// The chain, and what it was asked.
#[derive(Debug)]
pub(crate) struct Chain {
    terms: ChainTerms,
    script: Mutex<Script>,
}

#[derive(Clone, Debug, Default)]
struct Script {
    /// From block 0 on.
    blocks: Vec<Block>,
    /// Transactions that are sent and not mined.
    pool: Vec<(ChainHash, Action)>,
    listings: BTreeMap<ChainHash, ChainListing>,
    balances: HashMap<Address, Vec<ChainBalance>>,
    fault: Option<ChainFault>,
    /// `verifyPurchase` says no, whatever the blocks say.
    unverified: bool,
    /// Events are left out, as if there were none.
    silent: bool,
    /// `verifyPurchase` cannot be asked at settled blocks.
    pruned: bool,
    asked: HashMap<&'static str, usize>,
    /// How many more questions of a method are answered, where that is limited.
    budgets: HashMap<&'static str, usize>,
    /// Transactions whose events the endpoints do not show.
    hidden: HashSet<ChainHash>,
    /// The next question of a method waits behind it.
    gate: Option<(&'static str, Arc<Gate>)>,
    counter: u64,
}

/// A question under way.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Rings when it was answered, before whoever asked hears of it.
    pub(crate) answered: Notify,
    /// Ring it to let the answer through.
    pub(crate) opened: Notify,
}

#[derive(Clone, Debug)]
struct Block {
    at: BlockRef,
    time: u64,
    txs: Vec<(ChainHash, Action)>,
}

/// What a transaction does.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// Pays, as often as there are payments.
    Pay(Vec<Paid>),
    /// Gives a payment back.
    Refund { item: ChainHash, key: BuyerKey },
    /// Fails.
    Revert,
    /// Does something that is none of our contract's business.
    Other,
}

/// One payment.
#[derive(Clone, Debug)]
pub(crate) struct Paid {
    pub(crate) item: ChainHash,
    pub(crate) key: BuyerKey,
    pub(crate) amount: u128,
    pub(crate) publisher: Address,
    pub(crate) token: Option<Address>,
}

impl Chain {
    /// A chain of one block, at this time (seconds since 1970).
    pub(crate) fn new(time: u64) -> Arc<Self> {
        let coin = CoinTerms { symbol: "ETH".parse().unwrap(), decimals: 18 };
        let usdc = TokenTerms { symbol: "USDC".parse().unwrap(), address: USDC, decimals: 6 };
        let terms = ChainTerms {
            chain_id: 31_337,
            contract: Address::new([0xc0; 20]),
            coin,
            tokens: vec![usdc],
            from_block: 0,
            finality: FINALITY.to_string(),
            explorer: Some("https://explorer.example".to_owned()),
        };
        Self::with(terms, time)
    }

    /// The same chain and contract, by settings that name no token.
    pub(crate) fn without_tokens(time: u64) -> Arc<Self> {
        Self::with(ChainTerms { tokens: Vec::new(), ..Self::new(time).terms.clone() }, time)
    }

    /// Another contract of the same chain.
    pub(crate) fn elsewhere(time: u64) -> Arc<Self> {
        Self::with(ChainTerms { contract: Address::new([0xc1; 20]), ..Self::new(time).terms.clone() }, time)
    }

    fn with(terms: ChainTerms, time: u64) -> Arc<Self> {
        let chain = Self { terms, script: Mutex::default() };
        chain.change(|script| script.mine(time));
        Arc::new(chain)
    }

    /// Endpoints forget the state of settled blocks.
    pub(crate) fn prune(&self, pruned: bool) {
        self.change(|script| script.pruned = pruned);
    }

    /// The same chain, as other settings have it.
    pub(crate) fn under(&self, change: impl FnOnce(&mut ChainTerms)) -> Arc<Self> {
        let mut terms = self.terms.clone();
        change(&mut terms);
        Arc::new(Self { terms, script: Mutex::new(self.change(|script| script.clone())) })
    }

    /// The contract sells an item.
    pub(crate) fn list(&self, item_text: &str, publisher: Address, token: Option<Address>, price: u128) {
        let listing = ChainListing { publisher, token, price, fee_bps: 1_500, active: true };
        self.change(|script| script.listings.insert(item_id(item_text), listing));
    }

    /// The contract sells an item no more.
    pub(crate) fn unlist(&self, item_text: &str) {
        self.change(|script| {
            if let Some(listing) = script.listings.get_mut(&item_id(item_text)) {
                listing.active = false;
            }
        });
    }

    /// A transaction is sent.
    pub(crate) fn send(&self, action: Action) -> ChainHash {
        self.change(|script| {
            script.counter += 1;
            let tx = keccak256(format!("tx {}", script.counter).as_bytes());
            script.pool.push((tx, action));
            tx
        })
    }

    /// A transaction that was sent before is sent again.
    pub(crate) fn resend(&self, tx: ChainHash, action: Action) {
        self.change(|script| script.pool.push((tx, action)));
    }

    /// A transaction is sent that pays for one item in the coin.
    pub(crate) fn pay(&self, item_text: &str, key: &BuyerKey, amount: u128) -> ChainHash {
        let paid =
            Paid { item: item_id(item_text), key: key.clone(), amount, publisher: SELLER, token: None };
        self.send(Action::Pay(vec![paid]))
    }

    /// What was sent is mined, and so many empty blocks on top of it.
    pub(crate) fn mine(&self, on_top: u64) {
        self.change(|script| {
            for _ in 0..=on_top {
                let time = script.blocks.last().map_or(0, |block| block.time) + 12;
                script.mine(time);
            }
        });
    }

    /// As [`Chain::mine`], the first block at this time (seconds since 1970).
    pub(crate) fn mine_at(&self, time: u64, on_top: u64) {
        self.change(|script| script.mine(time));
        if on_top > 0 {
            self.mine(on_top - 1);
        }
    }

    /// So many of the newest blocks are of the chain no more; their transactions wait again.
    pub(crate) fn fork(&self, depth: usize) {
        self.change(|script| {
            let kept = script.blocks.len() - depth;
            for block in script.blocks.split_off(kept) {
                script.pool.extend(block.txs);
            }
        });
    }

    /// What was sent and is not mined is forgotten.
    pub(crate) fn drop_pool(&self) {
        self.change(|script| script.pool.clear());
    }

    /// Every question fails like this; `None` ends it.
    pub(crate) fn fail(&self, fault: Option<ChainFault>) {
        self.change(|script| script.fault = fault);
    }

    /// So many more questions of this method are answered, and then none; `None` ends it.
    pub(crate) fn allow(&self, method: &'static str, budget: Option<usize>) {
        self.change(|script| match budget {
            Some(budget) => script.budgets.insert(method, budget),
            None => script.budgets.remove(method),
        });
    }

    /// Whether the endpoints leave out the events of a transaction.
    pub(crate) fn hide(&self, tx: ChainHash, hides: bool) {
        self.change(|script| if hides { script.hidden.insert(tx) } else { script.hidden.remove(&tx) });
    }

    /// Holds the next answer of a method back.
    pub(crate) fn gate(&self, method: &'static str) -> Arc<Gate> {
        let gate = Arc::new(Gate::default());
        self.change(|script| script.gate = Some((method, gate.clone())));
        gate
    }

    /// Whether the contract denies every purchase.
    pub(crate) fn deny(&self, denies: bool) {
        self.change(|script| script.unverified = denies);
    }

    /// Whether all events are left out, whatever the blocks hold.
    pub(crate) fn leave_out(&self, leaves_out: bool) {
        self.change(|script| script.silent = leaves_out);
    }

    /// What the contract holds for an account.
    pub(crate) fn hold(&self, account: Address, balances: Vec<ChainBalance>) {
        self.change(|script| script.balances.insert(account, balances));
    }

    /// How often a method was asked.
    pub(crate) fn asked(&self, method: &str) -> usize {
        self.change(|script| script.asked.get(method).copied().unwrap_or_default())
    }

    /// The newest block.
    pub(crate) fn head(&self) -> BlockRef {
        self.change(|script| script.blocks.last().unwrap().at)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().unwrap())
    }

    /// Waits behind the gate of a method, if there is one.
    async fn pass(&self, method: &'static str) {
        let gate = self.change(|script| script.gate.take_if(|(held, _)| *held == method));
        if let Some((_, gate)) = gate {
            gate.answered.notify_one();
            gate.opened.notified().await;
        }
    }

    fn ask<T>(&self, method: &'static str, read: impl FnOnce(&Script) -> T) -> Result<T, ChainFault> {
        self.change(|script| {
            *script.asked.entry(method).or_default() += 1;
            if let Some(left) = script.budgets.get_mut(method) {
                *left = left
                    .checked_sub(1)
                    .ok_or_else(|| ChainFault::Unreachable("too many requests".to_owned()))?;
            }
            match &script.fault {
                Some(fault) => Err(fault.clone()),
                None => Ok(read(script)),
            }
        })
    }
}

impl Script {
    fn mine(&mut self, time: u64) {
        self.counter += 1;
        let number = self.blocks.len() as u64;
        let hash = keccak256(format!("block {number} {}", self.counter).as_bytes());
        let txs = std::mem::take(&mut self.pool);
        self.blocks.push(Block { at: BlockRef { number, hash }, time, txs });
    }

    fn settled(&self) -> BlockRef {
        let newest = self.blocks.len() - 1;
        self.blocks[newest.saturating_sub(FINALITY as usize)].at
    }

    fn events(&self, block: &Block) -> Vec<ChainEvent> {
        let mut events = Vec::new();
        for (place, (tx, action)) in block.txs.iter().enumerate() {
            match action {
                Action::Pay(all) => {
                    events.extend(purchases(block, place, *tx, all).into_iter().map(ChainEvent::Purchased));
                }
                Action::Refund { item, key } => {
                    let paid = self.paid(*item, key, block.at.number);
                    let refund = ChainRefund {
                        tx: *tx,
                        index: 0,
                        block: block.at,
                        log_index: first_log(place),
                        item: *item,
                        key_hash: key.hash(),
                        payer: PAYER,
                        token: paid.as_ref().and_then(|paid| paid.token),
                        amount: paid.map_or(0, |paid| paid.amount),
                        by: SELLER,
                    };
                    events.push(ChainEvent::Refunded(refund));
                }
                Action::Revert | Action::Other => {}
            }
        }
        events
    }

    /// What was paid last for this item and key, in the blocks up to this one.
    fn paid(&self, item: ChainHash, key: &BuyerKey, until: u64) -> Option<Paid> {
        let blocks = self.blocks.iter().filter(|block| block.at.number <= until);
        let mut all = blocks.flat_map(|block| &block.txs).filter_map(|(_, action)| match action {
            Action::Pay(all) => all.iter().find(|paid| paid.item == item && paid.key == *key).cloned(),
            _ => None,
        });
        all.next_back()
    }

    /// Whether the contract stands by a purchase after this block.
    fn stands(&self, item: ChainHash, key: &BuyerKey, until: u64) -> bool {
        let blocks = self.blocks.iter().filter(|block| block.at.number <= until);
        blocks.flat_map(|block| &block.txs).fold(false, |stands, (_, action)| match action {
            Action::Pay(all) if all.iter().any(|paid| paid.item == item && paid.key == *key) => true,
            Action::Refund { item: given, key: of } if *given == item && of == key => false,
            _ => stands,
        })
    }
}

fn first_log(place: usize) -> u64 {
    place as u64 * 1_000
}

fn purchases(block: &Block, place: usize, tx: ChainHash, all: &[Paid]) -> Vec<ChainPurchase> {
    let purchase = |(index, paid): (usize, &Paid)| ChainPurchase {
        tx,
        index: index as u32,
        block: block.at,
        log_index: first_log(place) + 2 * index as u64,
        block_time: block.time,
        item: paid.item,
        buyer_key: paid.key.clone(),
        amount: paid.amount,
        fee: paid.amount * 15 / 100,
        payer: PAYER,
        publisher: paid.publisher,
        token: paid.token,
    };
    all.iter().enumerate().map(purchase).collect()
}

#[async_trait::async_trait]
impl ChainPort for Chain {
    fn terms(&self) -> &ChainTerms {
        &self.terms
    }

    async fn heads(&self) -> Result<Heads, ChainFault> {
        self.ask("heads", |script| Heads {
            latest: script.blocks.last().unwrap().at,
            settled: script.settled(),
        })
    }

    async fn block(&self, number: u64) -> Result<Option<ChainHash>, ChainFault> {
        self.ask("block", |script| script.blocks.get(number as usize).map(|block| block.at.hash))
    }

    async fn events(&self, from: u64, to: u64) -> Result<Vec<ChainEvent>, ChainFault> {
        self.ask("events", |script| {
            let blocks = script.blocks.iter().filter(|block| (from..=to).contains(&block.at.number));
            let events = blocks.flat_map(|block| script.events(block));
            let shown = |event: &ChainEvent| match event {
                _ if script.silent => false,
                ChainEvent::Purchased(paid) => !script.hidden.contains(&paid.tx),
                ChainEvent::Refunded(refund) => !script.hidden.contains(&refund.tx),
            };
            events.filter(shown).collect()
        })
    }

    async fn transaction(&self, tx: ChainHash) -> Result<TxOutcome, ChainFault> {
        self.ask("transaction", |script| {
            if script.pool.iter().any(|(waiting, _)| *waiting == tx) {
                return TxOutcome::Waiting;
            }
            let mined = script.blocks.iter().find_map(|block| {
                let place = block.txs.iter().position(|(mined, _)| *mined == tx)?;
                Some((block, place, &block.txs[place].1))
            });
            match mined {
                None => TxOutcome::Unknown,
                Some((block, _, Action::Revert)) => TxOutcome::Reverted { block: block.at },
                Some((block, place, Action::Pay(all))) => {
                    TxOutcome::Mined { block: block.at, purchases: purchases(block, place, tx, all) }
                }
                Some((block, ..)) => TxOutcome::Mined { block: block.at, purchases: Vec::new() },
            }
        })
    }

    async fn verified(&self, item: ChainHash, key: &BuyerKey, at: BlockRef) -> Result<bool, ChainFault> {
        let is_old =
            |script: &Script| script.pruned && script.blocks.last().is_some_and(|block| block.at != at);
        if self.change(|script| is_old(script)) {
            return Err(ChainFault::Unreachable("rpc.example: missing trie node".to_owned()));
        }
        let answer = self.ask("verified", |script| {
            let canonical = script.blocks.get(at.number as usize).is_some_and(|block| block.at == at);
            canonical.then(|| !script.unverified && script.stands(item, key, at.number))
        })?;
        self.pass("verified").await;
        answer.ok_or_else(|| ChainFault::Disagreement("the block is of the chain no more".to_owned()))
    }

    async fn listing(&self, item: ChainHash) -> Result<Option<ChainListing>, ChainFault> {
        self.ask("listing", |script| script.listings.get(&item).cloned())
    }

    async fn fee_bps(&self) -> Result<u16, ChainFault> {
        self.ask("fee_bps", |_| 1_500)
    }

    async fn treasury(&self) -> Result<Address, ChainFault> {
        self.ask("treasury", |_| TREASURY)
    }

    async fn balances(&self, account: Address) -> Result<Vec<ChainBalance>, ChainFault> {
        self.ask("balances", |script| {
            let nothing = |token| ChainBalance { token, available: 0, unsettled_fees: 0 };
            let held = script.balances.get(&account).cloned();
            held.unwrap_or_else(|| vec![nothing(None), nothing(Some(USDC))])
        })
    }

    /// The call in words, for tests to read.
    fn call(&self, call: &ContractCall) -> CallData {
        let (to, value) = match call {
            ContractCall::Approve { token, .. } => (*token, 0),
            ContractCall::Purchase { token: None, amount, .. } => (self.terms.contract, *amount),
            _ => (self.terms.contract, 0),
        };
        CallData { to, data: format!("{call:?}").into_bytes(), value }
    }
}

/// The words of a prepared call.
pub(crate) fn words(call: &serde_json::Value) -> String {
    let data = call["data"].as_str().unwrap();
    String::from_utf8(hex::decode(data.strip_prefix("0x").unwrap()).unwrap()).unwrap()
}
