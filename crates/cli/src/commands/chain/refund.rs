//! `chain refund`.

use clap::Args;
use sealpost_market::chain::ChainPurchase;
use serde::Serialize;

use super::{
    contract::{Call, Contract},
    market::Market,
    options::Sending,
    status::{Subject, look, subject},
};
use crate::{
    client::Client,
    failure::{Failure, Result},
    input::one_reader_of_stdin,
    output::{answer, say},
};

const HELP: &str = "\
The whole price goes back to the address that paid, the platform's share included, and the licence
ends once the store has seen it. The seller can do it at any time, the contract's owner for 30 days.
What the contract does not hold for you any more comes from your key's address.

Examples:
  sealpost chain refund pu_4f
  sealpost chain refund 0x8f3a...";

#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct RefundArgs {
    /// Purchase, or the transaction that paid it
    #[arg(value_name = "TX|PURCHASE", value_parser = subject)]
    what: Subject,
    #[command(flatten)]
    pub(super) sending: Sending,
}

/// What went back.
#[derive(Serialize)]
struct Refunded {
    payment: String,
    payer: String,
    amount: String,
    currency: Option<String>,
    tx_hash: String,
}

pub(crate) async fn refund(args: RefundArgs) -> Result<()> {
    one_reader_of_stdin(&args.sending.signing.readers())?;
    let client = match &args.what {
        Subject::Tx(_) => Client::open(&args.sending.connection)?,
        Subject::Purchase(_) => Client::signed_in(&args.sending.connection)?,
    };
    let mut market = Market::of_store(&client, &args.sending.node).await?;
    let contract = market.connect(&args.sending.node)?;
    let purchase = paid(&client, &contract, &args.what).await?;
    let signer = args.sending.signing.key.signer()?;
    let owner = contract.owner().await?;
    if signer.address() != purchase.publisher && signer.address() != owner {
        let sentence = format!(
            "this key's address is {}; it was paid to {}, and the contract's owner is {owner}",
            signer.address(),
            purchase.publisher
        );
        return Err(
            Failure::new("not_publisher", sentence).hint("name the key of one of them with --key FILE")
        );
    }
    if !contract.verified(purchase.item, &purchase.buyer_key).await? {
        return Err(Failure::new("refunded_before", "the contract knows no such purchase any more")
            .hint("it was given back before; `sealpost chain status` shows when the store has seen it"));
    }
    market.ask_token(&contract, purchase.token).await?;
    let shortfall = contract.shortfall(&purchase).await?;
    let has = contract.funds(signer.address(), purchase.token).await?;
    if has < shortfall {
        let sentence = format!(
            "the contract holds {} less than the price, and your address has {}",
            market.text(purchase.token, shortfall),
            market.text(purchase.token, has)
        );
        return Err(Failure::new("not_enough_money", sentence)
            .hint("what was withdrawn has to come back: send the rest to your key's address first"));
    }
    let price = market.text(purchase.token, purchase.amount);
    let mut what = format!("Give {price} back to {}.", purchase.payer.checksummed());
    if shortfall > 0 {
        what += &format!(
            "\nThe contract no longer holds all of it: {} come from your address.",
            market.text(purchase.token, shortfall)
        );
    }
    what += "\nThe licence ends. A refund cannot be undone.";
    let fee = match shortfall {
        0 => contract.highest_fee(&args.sending.signing, &signer, &Call::refund(&purchase)).await?,
        _ => args.sending.signing.most_fee(),
    };
    market.ask(&args.sending.signing, &what, &[purchase.token], fee)?;
    say!("Giving {price} back ...");
    let sent = contract.refund(&args.sending.signing, &signer, &purchase, shortfall).await?;
    let refunded = Refunded {
        payment: purchase.tx.to_string(),
        payer: purchase.payer.to_string(),
        amount: purchase.amount.to_string(),
        currency: market.symbol(purchase.token).map(str::to_owned),
        tx_hash: sent.tx.to_string(),
    };
    answer(args.sending.connection.json, &refunded, |refunded| {
        format!("{price} went back to {}: transaction {}.", refunded.payer, refunded.tx_hash)
    });
    Ok(())
}

/// The purchase as the chain has it: nothing of it is taken from the store but which one is meant.
pub(super) async fn paid(client: &Client, contract: &Contract, what: &Subject) -> Result<ChainPurchase> {
    let (tx, index) = match what {
        Subject::Tx(tx) => (*tx, None),
        Subject::Purchase(id) => {
            let found = look(client, what).await?;
            let tx = found
                .recorded
                .payment
                .tx_hash
                .parse()
                .map_err(|_| super::market::odd("names no transaction"))?;
            let all = look_all(client, &found.recorded.payment.tx_hash).await?;
            let mine = all.iter().find(|recorded| recorded.purchase.as_deref() == Some(id));
            (tx, mine.map(|recorded| recorded.index))
        }
    };
    let mut purchases = contract.purchases_in(tx).await?;
    if let Some(index) = index {
        purchases.retain(|purchase| purchase.index == index);
    }
    let several = purchases.len() > 1;
    match purchases.into_iter().next() {
        Some(_) if several => {
            Err(Failure::new("several_purchases", format!("transaction {tx} paid for several purchases"))
                .hint("name the purchase instead: `sealpost chain sales` shows them"))
        }
        Some(purchase) => Ok(purchase),
        None => Err(Failure::new(
            "payment_unknown",
            format!("transaction {tx} holds no purchase of this contract"),
        )
        .hint("check the transaction, and wait until it is in a block")),
    }
}

async fn look_all(client: &Client, tx: &str) -> Result<Vec<sealpost_api::chain::RecordedPayment>> {
    let list: sealpost_api::chain::PaymentList = client.get(&["api", "v1", "payments", tx], &[]).await?;
    Ok(list.payments)
}
