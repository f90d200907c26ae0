//! Licences, vouchers and repeated requests are counted right, also when many come at once.

use anyhow::Result;
use futures::future::join_all;
use sealpost_api::catalogue::NewListing;
use sealpost_api::purchase::{Payment, PurchaseRequest, PurchaseResponse};
use sealpost_market::JobState;
use sealpost_tests::lmnt::LmntPrinter;
use sealpost_tests::parts;
use sealpost_tests::person::{Person, expect, idempotent, problem};
use sealpost_tests::service::free_port;
use sealpost_tests::store::{self, Store};
use serde_json::json;

use crate::Backend;

crate::on_both_databases!(
    many_prints_at_once_never_exceed_the_licence,
    a_voucher_pays_as_often_as_it_says,
    a_repeated_purchase_with_its_key_is_one_purchase,
    a_price_is_not_free,
    a_cancelled_job_gives_its_print_back,
    the_one_time_link_makes_one_operator,
    a_job_that_was_being_sealed_is_sealed_after_a_kill,
);

struct Shop {
    store: Store,
    seller: Person,
    buyer: Person,
    folder: tempfile::TempDir,
    options: store::Options,
}

async fn shop(backend: Backend) -> Result<Shop> {
    let folder = tempfile::tempdir()?;
    // The address stays the same over a restart: tokens are for one origin.
    let options = store::Options { port: Some(free_port()?), ..backend.options()? };
    let store = Store::start(folder.path(), &options)?;
    let seller = store.operator().await?;
    let buyer = store.person("buyer").await?;
    Ok(Shop { store, seller, buyer, folder, options })
}

impl Shop {
    async fn listing(&self, id: &str, price: Option<&str>, prints: u32, size: &str) -> Result<()> {
        let price = price.map(|amount| json!({"amount": amount, "currency": "EUR"}));
        let listing = json!({"id": id, "title": id, "price": price, "prints": prints});
        let listing: NewListing = serde_json::from_value(listing)?;
        self.seller.offer(&listing).await?;
        let part =
            parts::made(self.folder.path(), &format!("{id}.gcode"), &["--layers", "3", "--size", size])?;
        self.seller.publish(id, "1", &part).await?;
        Ok(())
    }
}

async fn many_prints_at_once_never_exceed_the_licence(backend: Backend) -> Result<()> {
    let shop = shop(backend).await?;
    shop.listing("ring", None, 3, "20000").await?;
    let licence = shop.buyer.buy("ring", Payment::Free).await?;
    let printer = LmntPrinter::register(&shop.store.url, &shop.buyer).await?;
    let tries = join_all((0..20).map(|_| shop.buyer.try_print(&licence.id, &printer.id))).await;
    let mut made = 0;
    for answer in tries {
        let answer = answer?;
        if answer.status().is_success() {
            made += 1;
        } else {
            assert_eq!(problem(answer).await?.code, "licence_exhausted");
        }
    }
    assert_eq!(made, 3);
    assert_eq!(shop.buyer.licences().await?[0].prints_reserved, 3);
    Ok(())
}

async fn a_voucher_pays_as_often_as_it_says(backend: Backend) -> Result<()> {
    let shop = shop(backend).await?;
    shop.listing("ring", Some("500"), 1, "20000").await?;
    let voucher = shop.seller.voucher("ring", 4, 2).await?;
    let people = join_all((0..6).map(|i| {
        let name = format!("friend{i}");
        let store = &shop.store;
        async move { store.person(&name).await }
    }));
    let mut paid = 0;
    let people: Vec<Person> = people.await.into_iter().collect::<Result<_>>()?;
    let body = PurchaseRequest::new("ring", Payment::Voucher { code: voucher.code });
    for answer in join_all(people.iter().map(|person| person.post("/api/v1/purchases", &body))).await {
        let answer = answer?;
        if answer.status().is_success() {
            let bought: PurchaseResponse = answer.json().await?;
            assert_eq!(bought.licence.map(|licence| licence.prints_allowed), Some(4));
            paid += 1;
        } else {
            assert!(problem(answer).await?.code.starts_with("voucher_"));
        }
    }
    assert_eq!(paid, 2);
    Ok(())
}

async fn a_repeated_purchase_with_its_key_is_one_purchase(backend: Backend) -> Result<()> {
    let shop = shop(backend).await?;
    shop.listing("ring", None, 1, "20000").await?;
    let body = json!({"listing": "ring", "payment": {"method": "free"}});
    let request =
        || idempotent(shop.buyer.request(reqwest::Method::POST, "/api/v1/purchases").json(&body), "k-1");
    let first: PurchaseResponse = expect(request().send().await?).await?.json().await?;
    let again: PurchaseResponse = expect(request().send().await?).await?.json().await?;
    assert_eq!(first.purchase, again.purchase);
    assert_eq!(shop.buyer.licences().await?.len(), 1);
    let other = json!({"listing": "ring", "payment": {"method": "marked_paid"}});
    let other =
        idempotent(shop.buyer.request(reqwest::Method::POST, "/api/v1/purchases").json(&other), "k-1");
    assert!(problem(other.send().await?).await?.code.starts_with("idempotency_"));
    Ok(())
}

async fn a_price_is_not_free(backend: Backend) -> Result<()> {
    let shop = shop(backend).await?;
    shop.listing("ring", Some("500"), 1, "20000").await?;
    let body = PurchaseRequest::new("ring", Payment::Free);
    let refused = problem(shop.buyer.post("/api/v1/purchases", &body).await?).await?;
    assert!(refused.status < 500 && !refused.hint.is_empty(), "{refused:?}");
    assert!(shop.buyer.licences().await?.is_empty());

    let body = PurchaseRequest::new("ring", Payment::MarkedPaid);
    let pending: PurchaseResponse =
        expect(shop.buyer.post("/api/v1/purchases", &body).await?).await?.json().await?;
    assert!(pending.licence.is_none(), "a licence before the money");
    let path = format!("/api/v1/purchases/{}/mark-paid", pending.purchase.id);
    let refused = problem(shop.buyer.post(&path, &json!({})).await?).await?;
    assert!(matches!(refused.status, 403 | 404), "a buyer marked the own purchase paid: {refused:?}");
    expect(shop.seller.post(&path, &json!({})).await?).await?;
    assert_eq!(shop.buyer.licences().await?.len(), 1);
    Ok(())
}

async fn a_cancelled_job_gives_its_print_back(backend: Backend) -> Result<()> {
    let shop = shop(backend).await?;
    shop.listing("ring", None, 1, "20000").await?;
    let licence = shop.buyer.buy("ring", Payment::Free).await?;
    let printer = LmntPrinter::register(&shop.store.url, &shop.buyer).await?;
    let job = shop.buyer.print(&licence.id, &printer.id).await?;
    expect(shop.buyer.post(&format!("/api/v1/jobs/{}/cancel", job.id), &json!({})).await?).await?;
    assert_eq!(shop.buyer.job(&job.id).await?.state, JobState::Cancelled);
    let licence = &shop.buyer.licences().await?[0];
    assert_eq!((licence.prints_reserved, licence.prints_used), (0, 0));
    Ok(())
}

async fn the_one_time_link_makes_one_operator(backend: Backend) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = Store::start(folder.path(), &backend.options()?)?;
    let made = join_all((0..4).map(|_| store.operator())).await;
    assert_eq!(made.iter().filter(|person| person.is_ok()).count(), 1);
    assert!(store.operator().await.is_err());
    Ok(())
}

async fn a_job_that_was_being_sealed_is_sealed_after_a_kill(backend: Backend) -> Result<()> {
    let shop = shop(backend).await?;
    shop.listing("big", None, 1, "60000000").await?;
    let licence = shop.buyer.buy("big", Payment::Free).await?;
    let printer = LmntPrinter::register(&shop.store.url, &shop.buyer).await?;
    let job = shop.buyer.print(&licence.id, &printer.id).await?;
    shop.store.service.kill()?;

    let _store = Store::start(shop.folder.path(), &shop.options)?;
    let buyer = &shop.buyer;
    let patience = std::time::Duration::from_secs(60);
    let job = buyer.follow(&job.id, patience, |job| job.state == JobState::ReadyToPrint).await?;
    let claimed = printer.get("/api/poll-print-queue").await?;
    assert_eq!(claimed["print_job_id"], job.id);
    let opened = printer.open(&claimed).await?;
    assert_eq!(opened, std::fs::read(shop.folder.path().join("big.gcode"))?);
    Ok(())
}
