//! What the mails say.

use sealpost_accounts::Topic;
use sealpost_api::happening::{Happening, Print, Sale};
use sealpost_database::Tx;
use sealpost_mail::Letter;
use sealpost_market::Money;

use crate::fault::Result;
use crate::state::AppState;

/// Something that somebody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    /// Account id.
    pub(super) to: String,
    pub(super) topic: Topic,
    subject: String,
    line: String,
    more: Option<String>,
    label: &'static str,
    url: String,
}

impl News {
    pub(super) fn letter(&self, name: &str, address: &str) -> Letter {
        let letter = Letter::new(name, address, &self.subject).line(&self.line);
        let letter = match &self.more {
            Some(more) => letter.line(more),
            None => letter,
        };
        letter.link(self.label, &self.url)
    }
}

/// Who is told what of it by mail.
pub(super) fn of(origin: &str, happening: &Happening) -> Vec<News> {
    match happening {
        Happening::JobEnded(print) if print.state != "cancelled" => vec![ended(origin, print)],
        Happening::JobEnded(_) | Happening::LicenceRevoked(_) | Happening::ReleasePublished(_) => Vec::new(),
        Happening::JobPaused(print) => vec![paused(origin, print)],
        Happening::JobInterrupted(print) => interrupted(origin, print),
        Happening::PurchasePaid(sale) => vec![sold(origin, sale, "was bought", "Paid")],
        Happening::PurchaseRefunded(sale) => vec![sold(origin, sale, "was paid back", "Paid back")],
        Happening::PurchaseCancelled(sale) => vec![cancelled(origin, sale)],
        Happening::PurchaseDeclined(sale) => vec![declined(origin, sale)],
        Happening::ListingSuspended(listing) => vec![News {
            to: listing.seller.clone(),
            topic: Topic::Sale,
            subject: format!("“{}” was taken off sale", listing.title),
            line: format!("An operator of the store took “{}” off sale.", listing.title),
            more: listing.reason.as_ref().map(|reason| format!("Reason: {reason}")),
            label: "The listing",
            url: format!("{origin}/shop/sell/listings/{}", listing.listing),
        }],
        Happening::ReviewWritten(review) => vec![News {
            to: review.seller.clone(),
            topic: Topic::Sale,
            subject: format!("{} of 5 stars for “{}”", review.stars, review.title),
            line: format!("A buyer wrote about “{}”, and gave {} of 5 stars.", review.title, review.stars),
            more: Some(review.text.clone()).filter(|text| !text.is_empty()),
            label: "Read and answer",
            url: format!("{origin}/shop/listings/{}", review.listing),
        }],
    }
}

/// Tells somebody that a webhook of theirs is given up.
pub(crate) async fn webhook_failing(
    state: &AppState,
    tx: &Tx,
    owner: &str,
    url: &str,
    reason: &str,
    is_gone: bool,
) -> Result<()> {
    let why = if is_gone { "are refused for good" } else { "were tried for days and not taken" };
    let news = News {
        to: owner.to_owned(),
        topic: Topic::WebhookFailing,
        subject: "A webhook of yours is not taken".to_owned(),
        line: format!(
            "Messages to {} {why}, so no more are sent there. What happens meanwhile is held for you until you resume it.",
            host(url)
        ),
        more: Some(format!("The last answer: {reason}")),
        label: "Your webhooks",
        url: format!("{}/shop/sales/webhooks", state.origin),
    };
    state.accounts.tell(tx, owner, news.topic, |name, address| news.letter(name, address)).await?;
    Ok(())
}

/// Tells an operator what of the store rests since another one left who attached it.
pub(crate) async fn left_alone(
    state: &AppState,
    tx: &Tx,
    operator: &str,
    webhooks: usize,
    sources: &[String],
) -> Result<()> {
    let news = resting(&state.origin, operator, webhooks, sources);
    state.accounts.tell(tx, operator, news.topic, |name, address| news.letter(name, address)).await?;
    Ok(())
}

fn resting(origin: &str, operator: &str, webhooks: usize, sources: &[String]) -> News {
    let names = sources.iter().map(|name| format!("“{name}”")).collect::<Vec<_>>().join(", ");
    let (more, label, page) = if sources.is_empty() {
        ("Take them into use again if the store needs them.".to_owned(), "Webhooks", "webhooks")
    } else {
        let more = format!(
            "Nobody is paid by {names} meanwhile. They still know the secrets: give these sources other ones, then take them into use."
        );
        (more, "Payment sources", "payment")
    };
    News {
        to: operator.to_owned(),
        topic: Topic::WebhookFailing,
        subject: "What an operator attached to the store is paused".to_owned(),
        line: format!(
            "Somebody who attached {webhooks} webhooks and {} payment sources to the store runs it no more, so these are paused.",
            sources.len()
        ),
        more: Some(more),
        label,
        url: format!("{origin}/shop/sales/{page}"),
    }
}

fn ended(origin: &str, print: &Print) -> News {
    let (subject, line) = match print.state.as_str() {
        "success" => ("was printed", "is printed and ready"),
        "expired" => ("was not printed", "was not fetched by the printer in time, and was taken back"),
        _ => ("did not print", "did not come to its end"),
    };
    let back = print.free_retry.then(|| "The print was given back to your licence: try again.".to_owned());
    let said = print.message.as_ref().map(|message| format!("The printer said: {message}"));
    let more = [said, back].into_iter().flatten().collect::<Vec<_>>().join(" ");
    News {
        to: print.owner.clone(),
        topic: Topic::PrintEnded,
        subject: format!("“{}” {subject} on {}", print.title, print.printer_name),
        line: format!("“{}” {line} on {}.", print.title, print.printer_name),
        more: Some(more).filter(|text| !text.is_empty()),
        label: "The print",
        url: format!("{origin}/shop/jobs/{}", print.job),
    }
}

fn paused(origin: &str, print: &Print) -> News {
    News {
        to: print.owner.clone(),
        topic: Topic::PrintNeedsSomeone,
        subject: format!("{} waits for somebody", print.printer_name),
        line: format!(
            "“{}” is paused on {} and waits for somebody at the printer.",
            print.title, print.printer_name
        ),
        more: print.message.as_ref().map(|message| format!("The printer said: {message}")),
        label: "The print",
        url: format!("{origin}/shop/jobs/{}", print.job),
    }
}

fn interrupted(origin: &str, print: &Print) -> Vec<News> {
    let owner = News {
        to: print.owner.clone(),
        topic: Topic::PrintNeedsSomeone,
        subject: format!("Nobody knows how “{}” goes on {}", print.title, print.printer_name),
        line: format!(
            "Nothing was heard of {} while it printed “{}”. Look at the printer; it may still print.",
            print.printer_name, print.title
        ),
        more: None,
        label: "The print",
        url: format!("{origin}/shop/jobs/{}", print.job),
    };
    let seller = News {
        to: print.seller.clone(),
        line: format!(
            "A print of “{}” was interrupted. Unless the printer is heard of again, you decide whether it counts.",
            print.title
        ),
        subject: format!("A print of “{}” was interrupted", print.title),
        label: "Decide",
        url: format!("{origin}/shop/sales"),
        ..owner.clone()
    };
    if print.seller == print.owner { vec![owner] } else { vec![owner, seller] }
}

fn sold(origin: &str, sale: &Sale, what: &str, paid: &str) -> News {
    // The price is the listing's; a voucher stands for it.
    let money = match &sale.price {
        _ if sale.method == "voucher" => "It was bought with a voucher: no money came with it.".to_owned(),
        None => "It was free.".to_owned(),
        Some(price) => match Money::parse(&price.amount, &price.currency) {
            Ok(money) => format!("{paid}: {money}."),
            Err(_) => format!("{paid}: {} {} (in the smallest unit).", price.amount, price.currency),
        },
    };
    News {
        to: sale.seller.clone(),
        topic: Topic::Sale,
        subject: format!("“{}” {what}", sale.title),
        line: format!("“{}” {what}.", sale.title),
        more: Some(money),
        label: "Your sales",
        url: format!("{origin}/shop/sales"),
    }
}

fn cancelled(origin: &str, sale: &Sale) -> News {
    News {
        to: sale.seller.clone(),
        topic: Topic::Sale,
        subject: format!("An order of “{}” was cancelled", sale.title),
        line: format!("Whoever ordered “{}” cancelled it before it was paid.", sale.title),
        more: None,
        label: "Your orders",
        url: format!("{origin}/shop/sales/orders"),
    }
}

fn declined(origin: &str, sale: &Sale) -> News {
    News {
        to: sale.buyer.clone(),
        topic: Topic::OrderDeclined,
        subject: format!("Your order of “{}” was declined", sale.title),
        line: format!(
            "The seller declined your order of “{}”. If you paid already, they owe you the money.",
            sale.title
        ),
        more: sale.answer.as_ref().map(|answer| format!("They said: {answer}")),
        label: "Your order",
        url: format!("{origin}/shop/purchases/{}", sale.purchase),
    }
}

/// The host of an address: what stands behind it may be secret.
fn host(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use sealpost_api::catalogue::Price;

    use super::*;

    fn print(state: &str) -> Print {
        Print {
            owner: "acc_owner".to_owned(),
            seller: "acc_seller".to_owned(),
            title: "Cube\r\nBcc: all@example.org".to_owned(),
            printer_name: "Bench".to_owned(),
            state: state.to_owned(),
            ..Print::default()
        }
    }

    #[test]
    fn owners_are_told_how_prints_ended_but_not_of_what_they_cancelled() {
        let told = of("https://store.example", &Happening::JobEnded(print("success")));
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].to.as_str(), told[0].topic), ("acc_owner", Topic::PrintEnded));
        assert!(of("https://store.example", &Happening::JobEnded(print("cancelled"))).is_empty());
    }

    #[test]
    fn a_sale_says_what_was_paid_and_not_what_the_listing_costs() {
        let sale = |method: &str, price: Option<(&str, &str)>| Sale {
            method: method.to_owned(),
            price: price
                .map(|(amount, currency)| Price { amount: amount.to_owned(), currency: currency.to_owned() }),
            ..Sale::default()
        };
        let said = |happening: Happening| of("https://store.example", &happening)[0].more.clone().unwrap();
        let eur = Some(("1999", "EUR"));
        assert_eq!(said(Happening::PurchasePaid(sale("marked_paid", eur))), "Paid: 19.99 EUR.");
        assert_eq!(said(Happening::PurchaseRefunded(sale("webhook", eur))), "Paid back: 19.99 EUR.");
        assert_eq!(said(Happening::PurchasePaid(sale("free", None))), "It was free.");
        let voucher = said(Happening::PurchasePaid(sale("voucher", eur)));
        assert!(voucher.contains("voucher") && !voucher.contains("19"), "{voucher}");
    }

    #[test]
    fn an_order_that_is_called_off_is_told_to_the_other_side() {
        let sale = Sale {
            seller: "acc_seller".to_owned(),
            buyer: "acc_buyer".to_owned(),
            answer: Some("Sold out.".to_owned()),
            ..Sale::default()
        };
        let told = of("https://store.example", &Happening::PurchaseCancelled(sale.clone()));
        assert_eq!((told.len(), told[0].to.as_str(), &told[0].more), (1, "acc_seller", &None));
        let told = of("https://store.example", &Happening::PurchaseDeclined(sale));
        assert_eq!((told.len(), told[0].to.as_str()), (1, "acc_buyer"));
        assert_eq!(told[0].more.as_deref(), Some("They said: Sold out."));
    }

    #[test]
    fn an_interrupted_print_is_told_to_both_who_can_do_something() {
        let told = of("https://store.example", &Happening::JobInterrupted(print("interrupted")));
        let to: Vec<&str> = told.iter().map(|news| news.to.as_str()).collect();
        assert_eq!(to, ["acc_owner", "acc_seller"]);
    }

    #[test]
    fn a_title_makes_no_line_of_its_own() {
        let told = of("https://store.example", &Happening::JobEnded(print("failure")));
        let letter = told[0].letter("Ann", "ann@example.org");
        assert!(!letter.subject.contains('\n') && !letter.subject.contains('\r'), "{}", letter.subject);
    }

    #[test]
    fn a_webhooks_address_is_told_without_what_may_be_secret_in_it() {
        assert_eq!(host("https://hooks.example/secret?key=1"), "hooks.example");
    }
}
