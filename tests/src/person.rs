//! A person at the store: seller, buyer, owner of a printer, operator.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Method, RequestBuilder, Response, multipart};
use sealpost_api::account::{LoginResponse, RegisterRequest, SetupRequest};
use sealpost_api::catalogue::{Listing, NewListing, NewRelease, Release, Voucher};
use sealpost_api::job::{Job, NewJob};
use sealpost_api::pairing::PairingView;
use sealpost_api::purchase::{Licence, LicenceList, Payment, PurchaseRequest, PurchaseResponse};
use sealpost_api::{IDEMPOTENCY_HEADER, Problem};
use serde_json::json;

/// Password of everyone in the tests.
pub const PASSWORD: &str = "correct horse battery staple";

/// Someone signed in.
#[derive(Clone, Debug)]
pub struct Person {
    /// Account id.
    pub id: String,
    /// Address.
    pub email: String,
    /// User token.
    pub token: String,
    store: String,
    http: reqwest::Client,
}

impl Person {
    /// Signs up.
    pub async fn register(store: &str, name: &str) -> Result<Self> {
        let account = account(name);
        let email = account.email.clone();
        let http = client()?;
        let answer = http.post(format!("{store}/api/v1/accounts")).json(&account).send().await?;
        let LoginResponse { token, user_id } = expect(answer).await?.json().await?;
        Ok(Self { id: user_id, email, token, store: store.to_owned(), http })
    }

    /// Becomes the first operator.
    pub async fn set_up(store: &str, setup_token: &str) -> Result<Self> {
        let account = account("operator");
        let email = account.email.clone();
        let request = SetupRequest { setup_token: setup_token.to_owned(), account };
        let http = client()?;
        let answer = http.post(format!("{store}/api/v1/setup")).json(&request).send().await?;
        let LoginResponse { token, user_id } = expect(answer).await?.json().await?;
        Ok(Self { id: user_id, email, token, store: store.to_owned(), http })
    }

    /// The same person, signed in anew at `store`: the token of before may be void.
    pub async fn sign_in_again(&self, store: &str) -> Result<Self> {
        let body = json!({"email": self.email, "password": PASSWORD});
        let answer = self.http.post(format!("{store}/auth/login")).json(&body).send().await?;
        let LoginResponse { token, .. } = expect(answer).await?.json().await?;
        Ok(Self { token, store: store.to_owned(), ..self.clone() })
    }

    /// A request with this person's token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.store)).bearer_auth(&self.token)
    }

    /// A `GET` whose answer must be good.
    pub async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T> {
        Ok(expect(self.request(Method::GET, path).send().await?).await?.json().await?)
    }

    /// A `POST` of JSON; the answer may be a problem.
    pub async fn post(&self, path: &str, body: &impl serde::Serialize) -> Result<Response> {
        Ok(self.request(Method::POST, path).json(body).send().await?)
    }

    /// Offers a listing.
    pub async fn offer(&self, listing: &NewListing) -> Result<Listing> {
        Ok(expect(self.post("/api/v1/listings", listing).await?).await?.json().await?)
    }

    /// Publishes a file as a version of a listing; waits until it can be printed.
    pub async fn publish(&self, listing: &str, version: &str, file: &Path) -> Result<Release> {
        let answer = self.upload(listing, version, file).await?;
        Ok(expect(answer).await?.json().await?)
    }

    /// The upload alone; the answer may be a problem.
    pub async fn upload(&self, listing: &str, version: &str, file: &Path) -> Result<Response> {
        let release =
            NewRelease { listing: listing.to_owned(), version: version.to_owned(), ..NewRelease::default() };
        let form = multipart::Form::new()
            .part(
                "release",
                multipart::Part::text(serde_json::to_string(&release)?).mime_str("application/json")?,
            )
            .part("file", multipart::Part::bytes(std::fs::read(file)?).file_name("part.gcode"));
        Ok(self.request(Method::POST, "/api/v1/releases").multipart(form).send().await?)
    }

    /// A voucher for a listing of this person's.
    pub async fn voucher(&self, listing: &str, prints: u32, uses: u32) -> Result<Voucher> {
        let body = json!({"listing": listing, "prints": prints, "uses": uses});
        Ok(expect(self.post("/api/v1/vouchers", &body).await?).await?.json().await?)
    }

    /// Buys; the payment must go through at once.
    pub async fn buy(&self, listing: &str, payment: Payment) -> Result<Licence> {
        let body = PurchaseRequest::new(listing, payment);
        let answer: PurchaseResponse =
            expect(self.post("/api/v1/purchases", &body).await?).await?.json().await?;
        answer.licence.context("the purchase is not paid yet")
    }

    /// The licences of this person.
    pub async fn licences(&self) -> Result<Vec<Licence>> {
        Ok(self.get::<LicenceList>("/api/v1/licences").await?.licences)
    }

    /// Sends a print to a printer.
    pub async fn print(&self, licence: &str, printer: &str) -> Result<Job> {
        Ok(expect(self.try_print(licence, printer).await?).await?.json().await?)
    }

    /// The same; the answer may be a problem.
    pub async fn try_print(&self, licence: &str, printer: &str) -> Result<Response> {
        let body = NewJob { licence: licence.to_owned(), printer: printer.to_owned(), release: None };
        self.post("/api/v1/jobs", &body).await
    }

    /// A job as it stands.
    pub async fn job(&self, id: &str) -> Result<Job> {
        self.get(&format!("/api/v1/jobs/{id}")).await
    }

    /// Follows a job until `done` says so; the store is asked again only after it had time to change.
    pub async fn follow(
        &self,
        id: &str,
        patience: Duration,
        mut done: impl FnMut(&Job) -> bool,
    ) -> Result<Job> {
        let followed = async {
            loop {
                let job = self.job(id).await?;
                if done(&job) {
                    return Ok(job);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        match tokio::time::timeout(patience, followed).await {
            Ok(job) => job,
            Err(_) => bail!("the job stayed as it is: {:?}", self.job(id).await?),
        }
    }

    /// Follows a job to its end.
    pub async fn follow_to_end(&self, id: &str, patience: Duration) -> Result<Job> {
        self.follow(id, patience, |job| job.state.is_final()).await
    }

    /// Approves a printer that shows `code`.
    pub async fn approve(&self, code: &str) -> Result<PairingView> {
        let path = format!("/api/v1/pairings/{code}");
        let view: PairingView = self.get(&path).await?;
        let body = json!({"short_code": view.short_code});
        expect(self.post(&format!("{path}/approve"), &body).await?).await?;
        Ok(view)
    }
}

/// A request that is repeated must carry the same key.
pub fn idempotent(request: RequestBuilder, key: &str) -> RequestBuilder {
    request.header(IDEMPOTENCY_HEADER, key)
}

/// An answer that must be good; else its problem is the error.
pub async fn expect(answer: Response) -> Result<Response> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    Err(problem(answer).await?.into())
}

/// An answer that must be a problem, with the status that it claims.
pub async fn problem(answer: Response) -> Result<Problem> {
    let status = answer.status();
    let kind =
        answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or("").to_owned();
    let text = answer.text().await?;
    if !kind.starts_with(sealpost_api::problem::MEDIA_TYPE) {
        bail!("{status} without problem JSON, but `{kind}`: {text}");
    }
    let problem: Problem = serde_json::from_str(&text).with_context(|| format!("no problem JSON: {text}"))?;
    if problem.status != status.as_u16() {
        bail!("the answer is {status}, the problem says {}", problem.status);
    }
    Ok(problem)
}

/// An HTTP client for one person or printer.
pub fn client() -> Result<reqwest::Client> {
    // Another test may have been first; the provider is the same.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    // As ours do, it lets go of a connection long before a store does, also one that is told to be impatient.
    Ok(reqwest::Client::builder().no_proxy().pool_idle_timeout(Duration::from_millis(500)).build()?)
}

fn account(name: &str) -> RegisterRequest {
    RegisterRequest {
        email: format!("{name}@example.org"),
        username: Some(name.to_owned()),
        password: PASSWORD.to_owned(),
        invitation: None,
    }
}
