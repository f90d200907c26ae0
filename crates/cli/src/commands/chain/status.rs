//! `chain status`, and waiting until a payment counts.

use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use sealpost_api::{
    chain::{ChainPayment, PaymentList, RecordedPayment},
    purchase::{Licence, PurchaseResponse},
};
use sealpost_market::chain::ChainHash;
use serde::Serialize;

use super::payments::{amount_text, state_text};
use crate::{
    client::Client,
    connection::{Connection, id},
    failure::{Exit, Failure, Result},
    output::{answer, facts, person_watches, say, short_date},
};

/// Time between two looks at a payment.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long a store that cannot be reached is waited for.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

const HELP: &str = "\
A transaction's payments can be seen by anybody, a purchase by its buyer, seller and operators.

Examples:
  sealpost chain status 0x8f3a...
  sealpost chain status pu_4f --wait";

#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct StatusArgs {
    /// Transaction (0x and 64 hex digits), or purchase
    #[arg(value_name = "TX|PURCHASE", value_parser = subject)]
    what: Subject,
    /// Wait until it counts, or cannot any more
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    pub(super) connection: Connection,
}

/// What a payment is looked up by.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// Its transaction.
    Tx(ChainHash),
    /// The purchase it is for.
    Purchase(String),
}

/// A payment and what came of it.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    /// The payment as the store has recorded it.
    #[serde(flatten)]
    pub(super) recorded: RecordedPayment,
    /// What was bought, for its holder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) licence: Option<Licence>,
}

/// Reads a transaction or the id of a purchase, for arguments.
pub(super) fn subject(text: &str) -> Result<Subject, &'static str> {
    const WHY: &str =
        "a payment is named by its transaction, 0x and 64 hex digits, or by its purchase, such as pu_4f";
    let text = text.trim();
    if text.starts_with("0x") {
        return text.parse().map(Subject::Tx).map_err(|_| WHY);
    }
    id(text).map(Subject::Purchase).map_err(|_| WHY)
}

pub(crate) async fn status(args: StatusArgs) -> Result<()> {
    let client = match &args.what {
        Subject::Tx(_) => Client::open(&args.connection)?,
        Subject::Purchase(_) => Client::signed_in(&args.connection)?,
    };
    let found = match args.wait {
        true => wait(&client, &args.what).await?,
        false => look(&client, &args.what).await?,
    };
    answer(args.connection.json, &found, describe);
    if args.wait { ended(&found.recorded.payment) } else { Ok(()) }
}

/// The payment as it is now.
pub(super) async fn look(client: &Client, what: &Subject) -> Result<Found> {
    match what {
        Subject::Tx(tx) => {
            let tx = tx.to_string();
            let list: PaymentList = client.get(&["api", "v1", "payments", &tx], &[]).await?;
            if list.payments.len() > 1 {
                say!("This transaction holds {} payments; this is the first.", list.payments.len());
            }
            let recorded = list.payments.into_iter().next().ok_or_else(|| unknown(&tx))?;
            Ok(Found { recorded, licence: None })
        }
        Subject::Purchase(id) => {
            let response: PurchaseResponse = client.get(&["api", "v1", "purchases", id], &[]).await?;
            let payment = response.payment.ok_or_else(|| {
                Failure::new("not_on_chain", format!("purchase {id} was not paid on chain"))
                    .hint("`sealpost purchases` says how it was paid")
            })?;
            let recorded = RecordedPayment {
                payment,
                purchase: Some(response.purchase.id),
                listing: Some(response.purchase.listing),
                ..RecordedPayment::default()
            };
            Ok(Found { recorded, licence: response.licence })
        }
    }
}

/// The payment once it counts, or cannot any more. A store that is away for a while is waited for.
pub(super) async fn wait(client: &Client, what: &Subject) -> Result<Found> {
    let mut view = View::new();
    let mut given_up = Instant::now() + PATIENCE;
    loop {
        match look(client, what).await {
            Ok(found) => {
                view.show(&state_text(&found.recorded.payment));
                if !is_under_way(&found.recorded.payment) {
                    view.finish();
                    return Ok(found);
                }
                given_up = Instant::now() + PATIENCE;
            }
            Err(failure) if failure.is(Exit::Unreachable) && Instant::now() < given_up => {
                view.show("the store cannot be reached; still trying");
            }
            Err(failure) => {
                view.finish();
                return Err(failure);
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Anything but a payment that counts is a failure, with what to do.
pub(super) fn ended(payment: &ChainPayment) -> Result<()> {
    let failure =
        |code: &str| Failure::new(code, format!("payment {} is {}", payment.tx_hash, state_text(payment)));
    match (payment.state.as_str(), &payment.reason) {
        ("settled" | "waiting" | "confirming", _) => Ok(()),
        ("refused", Some(reason)) => Err(failure(&reason.code).hint(reason.hint.clone())),
        ("refunded", _) => {
            Err(failure("payment_refunded").hint("the money went back to the address that paid"))
        }
        ("undone", _) => Err(failure("payment_undone").hint(
            "wait: most come back into a block; if it does not, nothing was paid, and it can be bought again",
        )),
        (_, _) => Err(failure("payment_dropped").hint("nothing was paid: buy it again")),
    }
}

fn is_under_way(payment: &ChainPayment) -> bool {
    matches!(payment.state.as_str(), "waiting" | "confirming")
}

fn unknown(tx: &str) -> Failure {
    Failure::new("payment_unknown", format!("the store knows of no payment in {tx}")).hint(
        "a payment is seen once its block is settled, or when its buyer names it; `sealpost chain info` says how far the store is",
    )
}

pub(super) fn describe(found: &Found) -> String {
    let Found { recorded, licence } = found;
    let payment = &recorded.payment;
    let fee = payment.fee.as_deref().zip(payment.currency.as_deref());
    let listing = recorded.listing.clone();
    let version = recorded.version.as_deref();
    facts([
        ("Payment", Some(payment.tx_hash.clone())),
        ("State", Some(state_text(payment))),
        ("Purchase", recorded.purchase.clone()),
        ("Licence", licence.as_ref().map(|licence| licence.id.clone())),
        (
            "Listing",
            listing.map(|listing| version.map_or(listing.clone(), |version| format!("{listing} {version}"))),
        ),
        ("Paid", amount_text(payment)),
        ("Platform's share", fee.map(|(fee, currency)| super::amounts::text(fee, currency))),
        ("From", payment.payer.clone()),
        ("To", recorded.publisher.clone()),
        ("Block", payment.block.map(|block| block.to_string())),
        ("Date", payment.paid_at.as_deref().map(short_date)),
        ("Hint", payment.reason.as_ref().map(|reason| reason.hint.clone())),
        ("Explorer", payment.explorer_url.clone()),
    ])
}

/// A line that changes for a person, a line for each change otherwise.
pub(super) struct View {
    bar: Option<ProgressBar>,
    told: String,
}

impl View {
    pub(super) fn new() -> Self {
        let bar = person_watches().then(|| {
            let style = ProgressStyle::with_template("{spinner} {msg} ({elapsed})")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let bar = ProgressBar::new_spinner().with_style(style);
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar, told: String::new() }
    }

    pub(super) fn show(&mut self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(text.to_owned()),
            None if self.told != text => {
                say!("{text}");
                text.clone_into(&mut self.told);
            }
            None => {}
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
