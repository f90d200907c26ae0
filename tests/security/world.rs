//! A store in which somebody has everything that others could want.

use anyhow::Result;
use reqwest::{Method, RequestBuilder};
use sealpost_api::account::SignIns;
use sealpost_api::catalogue::NewListing;
use sealpost_api::job::Job;
use sealpost_api::purchase::{Licence, Payment};
use sealpost_tests::lmnt::LmntPrinter;
use sealpost_tests::parts;
use sealpost_tests::person::{Person, client};
use sealpost_tests::store::{Options, Store};
use serde_json::json;
use tempfile::TempDir;

/// People, printers and what they have.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) operator: Person,
    pub(crate) seller: Person,
    pub(crate) buyer: Person,
    pub(crate) stranger: Person,
    pub(crate) printer: LmntPrinter,
    pub(crate) strange_printer: LmntPrinter,
    pub(crate) release: String,
    pub(crate) licence: Licence,
    pub(crate) job: Job,
    /// Names one of the buyer's sign-ins.
    pub(crate) sign_in: String,
    _folder: TempDir,
}

/// Name of what is sold.
pub(crate) const LISTING: &str = "ring";

impl World {
    pub(crate) async fn new(config: &str) -> Result<Self> {
        Self::with(&Options { config: config.to_owned(), ..Options::default() }).await
    }

    pub(crate) async fn with(options: &Options) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = Store::start(folder.path(), options)?;
        let operator = store.operator().await?;
        let (seller, buyer) = (store.person("seller").await?, store.person("buyer").await?);
        let stranger = store.person("stranger").await?;
        let listing: NewListing =
            serde_json::from_value(json!({"id": LISTING, "title": LISTING, "prints": 2}))?;
        seller.offer(&listing).await?;
        let part = parts::made(folder.path(), "ring.gcode", &["--layers", "2", "--size", "20000"])?;
        let release = seller.publish(LISTING, "1", &part).await?.id;
        let licence = buyer.buy(LISTING, Payment::Free).await?;
        let printer = LmntPrinter::register(&store.url, &buyer).await?;
        let strange_printer = LmntPrinter::register(&store.url, &stranger).await?;
        let job = buyer.print(&licence.id, &printer.id).await?;
        let sign_ins: SignIns = buyer.get("/api/v1/me/sessions").await?;
        let sign_in = sign_ins.sign_ins.first().map(|one| one.id.clone()).unwrap_or_default();
        Ok(Self {
            store,
            operator,
            seller,
            buyer,
            stranger,
            printer,
            strange_printer,
            release,
            licence,
            job,
            sign_in,
            _folder: folder,
        })
    }

    /// A request with any token, or none.
    pub(crate) fn request(&self, method: Method, path: &str, token: &str) -> Result<RequestBuilder> {
        let request = client()?.request(method, format!("{}{path}", self.store.url));
        Ok(if token.is_empty() { request } else { request.bearer_auth(token) })
    }
}
