//! Payments and calls, as they travel.

use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::EntityTrait;
use sealpost_api::chain::{ChainCall, ChainPayment, ChainReason};
use sealpost_database::clock::rfc3339;
use sealpost_market::chain::{BlockRef, ChainPurchase, ContractCall, PaymentState, Refusal};

use super::port::{ChainPort, ChainTerms};
use super::price;
use crate::fault::{Result, sentence};
use crate::schema::chain_cursor;
use crate::schema::chain_payment::Model;
use crate::state::AppState;

/// How payments are shown now: which chain they are on, and how far it is.
pub(crate) struct View<'a> {
    pub(crate) port: Option<&'a dyn ChainPort>,
    latest: Option<u64>,
    /// Whether the chain was asked in vain: it is not asked for every row again.
    silent: AtomicBool,
}

/// A call, ready for a wallet.
pub(crate) fn call(port: &dyn ChainPort, call: &ContractCall) -> ChainCall {
    let data = port.call(call);
    ChainCall {
        chain_id: port.terms().chain_id,
        to: data.to.to_string(),
        data: format!("0x{}", hex::encode(&data.data)),
        value: format!("{:#x}", data.value),
    }
}

impl<'a> View<'a> {
    /// The view of this moment. Works without a chain, too: what was paid is shown for ever.
    pub(crate) async fn load(state: &'a AppState) -> Result<Self> {
        let port = state.chain.as_deref();
        let cursor = match port {
            Some(port) => {
                let source = super::source(port.terms());
                chain_cursor::Entity::find_by_id(source).one(state.db.read()).await?
            }
            None => None,
        };
        Ok(Self { port, latest: cursor.map(|row| row.latest.unsigned_abs()), silent: AtomicBool::new(false) })
    }

    /// How far a payment is. The call that gives it back is added by [`super::refund::offer`].
    pub(crate) fn payment(&self, row: &Model) -> Result<ChainPayment> {
        let token = row.paid_token()?;
        let block = row.block()?;
        let paid = row.amount.is_some();
        let money = self.terms_of(row).and_then(|terms| price::currency(terms, token)).filter(|_| paid);
        let (currency, decimals) = money.unzip();
        let state = match (row.payment_state()?, block) {
            (PaymentState::Seen, None) => "waiting",
            (PaymentState::Seen, Some(_)) => "confirming",
            (state, _) => state.as_str(),
        };
        Ok(ChainPayment {
            state: state.to_owned(),
            paid_at: row.block_time.map(|seconds| rfc3339(seconds.saturating_mul(1000))),
            chain_id: chain_id(&row.source),
            amount: row.amount.clone(),
            currency,
            decimals,
            token: row.token.clone(),
            fee: row.fee.clone(),
            payer: row.payer.clone(),
            reason: why(row.reason.as_deref(), state, row.detail.clone()),
            explorer_url: self.explorer_url(self.terms_of(row), &row.tx_hash),
            refund_tx: row.refund_tx.clone(),
            ..self.in_block(&row.tx_hash, block)
        })
    }

    /// A payment that the chain shows and the store has not recorded.
    pub(crate) fn seen(&self, terms: &ChainTerms, paid: &ChainPurchase) -> ChainPayment {
        let (currency, decimals) = price::currency(terms, paid.token).unzip();
        let time = i64::try_from(paid.block_time).unwrap_or(i64::MAX);
        let tx_hash = paid.tx.to_string();
        ChainPayment {
            state: "confirming".to_owned(),
            paid_at: Some(rfc3339(time.saturating_mul(1000))),
            chain_id: terms.chain_id,
            amount: Some(paid.amount.to_string()),
            currency,
            decimals,
            token: paid.token.map(String::from),
            fee: Some(paid.fee.to_string()),
            payer: Some(paid.payer.to_string()),
            explorer_url: self.explorer_url(Some(terms), &tx_hash),
            ..self.in_block(&tx_hash, Some(paid.block))
        }
    }

    /// A transaction that pays for nothing, or is not mined.
    pub(crate) fn transaction(
        &self,
        terms: &ChainTerms,
        tx_hash: &str,
        block: Option<BlockRef>,
        refusal: Option<&Refusal>,
    ) -> ChainPayment {
        ChainPayment {
            state: if refusal.is_some() { "refused" } else { "waiting" }.to_owned(),
            chain_id: terms.chain_id,
            reason: refusal.map(|refusal| reason(refusal.code(), Some(sentence(&refusal.to_string())))),
            explorer_url: self.explorer_url(Some(terms), tx_hash),
            ..self.in_block(tx_hash, block)
        }
    }

    /// Whether a payment was taken by the contract that this store sells on now.
    pub(crate) fn is_current(&self, row: &Model) -> bool {
        self.terms_of(row).is_some()
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }

    pub(crate) fn note_silence(&self) {
        self.silent.store(true, Ordering::Relaxed);
    }

    fn in_block(&self, tx_hash: &str, block: Option<BlockRef>) -> ChainPayment {
        let on_top = |block: BlockRef| self.latest.unwrap_or(block.number).saturating_sub(block.number);
        ChainPayment {
            tx_hash: tx_hash.to_owned(),
            confirmations: block.map(on_top).unwrap_or_default(),
            needed: self.port.and_then(|port| port.terms().finality.parse().ok()),
            block: block.map(|block| block.number),
            block_hash: block.map(|block| block.hash.to_string()),
            ..ChainPayment::default()
        }
    }

    fn terms_of(&self, row: &Model) -> Option<&'a ChainTerms> {
        self.port.map(|port| port.terms()).filter(|terms| super::source(terms) == row.source)
    }

    fn explorer_url(&self, terms: Option<&ChainTerms>, tx_hash: &str) -> Option<String> {
        terms?.explorer.as_ref().map(|explorer| format!("{}/tx/{tx_hash}", explorer.trim_end_matches('/')))
    }
}

/// Why a payment does not count; one that never came is unknown.
fn why(code: Option<&str>, state: &str, detail: Option<String>) -> Option<ChainReason> {
    let never_came = (state == PaymentState::Dropped.as_str()).then_some(&Refusal::Unknown);
    match (code, never_came) {
        (Some(code), _) => Some(reason(code, detail)),
        (None, Some(refusal)) => Some(reason(refusal.code(), Some(sentence(&refusal.to_string())))),
        (None, None) => None,
    }
}

fn reason(code: &str, detail: Option<String>) -> ChainReason {
    let (title, hint) =
        Refusal::describe_code(code).unwrap_or(("The payment does not count", "Ask the seller."));
    ChainReason { code: code.to_owned(), title: title.to_owned(), detail, hint: hint.to_owned() }
}

fn chain_id(source: &str) -> u64 {
    source.split_once(':').and_then(|(id, _)| id.parse().ok()).unwrap_or_default()
}
