//! `POST /api/v1/payments/webhook/{source}`: what payment providers say.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use bytes::Bytes;
use http::HeaderMap;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use sealpost_accounts::{Actor, audit};
use sealpost_api::Problem;
use sealpost_api::webhook::{Amount, PaymentNoted, PaymentNotice, PaymentStatus};
use sealpost_database::Tx;
use sealpost_market::{LicenceId, Money, Party, Price, PurchaseEvent, RuleError};
use serde_json::json;
use sha2::{Digest, Sha256};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::speaks_for;
use crate::catalogue::find_listing;
use crate::fault::{Fault, Result};
use crate::http::body::Path;
use crate::purchases::change;
use crate::schema::{payment_notice, payment_source, purchase};
use crate::state::AppState;
use crate::webhooks::signature::{ID, SIGNATURE, TIMESTAMP, secrets, verify};
use crate::{limits, points, random};

const ID_MAX: usize = 200;
const REFERENCE_MAX: usize = 200;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(hear))
}

/// A payment provider says that money came, or went back. The same `webhook-id` is answered as it was.
#[utoipa::path(post, path = "/api/v1/payments/webhook/{source}", tag = "sell", params(("source" = String, Path)),
    request_body = PaymentNotice, responses(
    (status = 200, body = PaymentNoted),
    (status = 401, body = Problem, description = "`signature_wrong`"),
    (status = 403, body = Problem, description = "`source_not_in_use`"),
    (status = 404, body = Problem, description = "`purchase_unknown`"),
    (status = 409, body = Problem, description = "`message_reused`, `purchase_state`, `paid_on_chain`"),
    (status = 413, body = Problem, description = "`message_unreadable`"),
    (status = 422, body = Problem, description = "`invalid`, `amount_mismatch`"),
))]
async fn hear(
    State(state): State<AppState>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<PaymentNoted>> {
    let body = body.map_err(|rejection| {
        Fault::from(
            Problem::new(rejection.status().as_u16(), "message_unreadable", "The message cannot be read")
                .detail(crate::fault::sentence(&rejection.body_text()))
                .hint("Send what /api/docs describes, and nothing more."),
        )
    })?;
    let source = payment_source::Entity::find_by_id(&id).one(state.db.read()).await?;
    let source = source.filter(|source| source.state != "gone");
    let message = check(&state, source.as_ref(), &headers, &body)?;
    // Behind the check there is one.
    let source = source.ok_or_else(|| Fault::not_found("payment source"))?;
    check_owner(&state, &source).await?;
    let read: Result<PaymentNotice, _> = serde_json::from_slice(&body);
    let said = read.map_err(|error| {
        Fault::invalid(format!("The message cannot be read: {error}."), "Send what /api/docs describes.")
    });
    let heard = Arc::new(Heard { state: state.clone(), source, message, body });
    let done = match said {
        Ok(said) => heard.clone().take(said).await,
        Err(fault) => Err(fault),
    };
    if let Err(Fault::Problem(problem)) = &done {
        heard.clone().note_refusal(problem.code.clone()).await?;
    }
    done.map(Json)
}

/// The id of a message that is signed by this source. Whether there is such a source is told to nobody else.
fn check(
    state: &AppState,
    source: Option<&payment_source::Model>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<String> {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let id = header(ID);
    let wrong = |detail: String| {
        Fault::from(
            Problem::new(401, "signature_wrong", "The message is not signed by this source")
                .detail(detail)
                .hint("Sign `webhook-id.webhook-timestamp.body` with the source's secret, by the Standard Webhooks scheme."),
        )
    };
    if id.is_empty() || id.len() > ID_MAX || !id.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(wrong("The header webhook-id is missing or unusable.".to_owned()));
    }
    let Some(source) = source else { return Err(wrong("No signature of the message is right.".to_owned())) };
    let old = source.old_secret.as_deref().zip(source.old_secret_until);
    let secrets = secrets(state, &source.id, &source.secret, old)?;
    let now = state.clock.now_ms().div_euclid(1000);
    verify(&secrets, (id, header(TIMESTAMP), header(SIGNATURE)), body, now)
        .map_err(|error| wrong(crate::fault::sentence(&error.to_string())))?;
    Ok(id.to_owned())
}

/// Whoever attached the source may still do so: a secret outlives a suspension, and an operator's office.
async fn check_owner(state: &AppState, source: &payment_source::Model) -> Result<()> {
    let owner = state.accounts.people_of(std::slice::from_ref(&source.owner)).await?;
    let may = |person: &sealpost_accounts::Profile| {
        person.suspended_at.is_none() && (!source.everybody || person.operator)
    };
    if owner.first().is_some_and(may) {
        return Ok(());
    }
    Err(Problem::new(403, "source_not_in_use", "This payment source is not in use")
        .detail("Whoever attached it is suspended, or runs this store no more.")
        .hint("Ask the store's operator.")
        .into())
}

/// A message whose signature is right.
struct Heard {
    state: AppState,
    source: payment_source::Model,
    message: String,
    body: Bytes,
}

impl Heard {
    async fn take(self: Arc<Self>, said: PaymentNotice) -> Result<PaymentNoted> {
        let reference = said.reference.as_deref().map(reference).transpose()?;
        let licence = LicenceId::generate(&random::bytes()?);
        let (state, said) = (self.state.clone(), Arc::new((said, reference, licence)));
        let done = state
            .db
            .write(move |tx| {
                let (heard, said) = (self.clone(), said.clone());
                Box::pin(async move {
                    let (said, reference, licence) = &*said;
                    let noted = heard.apply(tx, said, reference.as_deref(), licence).await?;
                    points::PURCHASE.before()?;
                    Ok(noted)
                })
            })
            .await;
        points::PURCHASE.behind(done)
    }

    async fn apply(
        &self,
        tx: &Tx,
        said: &PaymentNotice,
        reference: Option<&str>,
        licence: &LicenceId,
    ) -> Result<PaymentNoted> {
        let body_sha256 = hex::encode(Sha256::digest(&self.body));
        let key = (self.source.id.clone(), self.message.clone());
        if let Some(earlier) = payment_notice::Entity::find_by_id(key).one(tx).await? {
            if earlier.body_sha256 != body_sha256 {
                return Err(Problem::new(
                    409,
                    "message_reused",
                    "A message with this id said something else",
                )
                .detail("The webhook-id was used before, with another body.")
                .hint("Give each message an id of its own.")
                .into());
            }
            return Ok(PaymentNoted { purchase: earlier.purchase, state: earlier.outcome, repeated: true });
        }
        let row = self.purchase(tx, said).await?;
        check_amount(&row, said)?;
        let event = match said.status {
            PaymentStatus::Paid => PurchaseEvent::Received { licence: licence.clone() },
            // The money went back already: that is the seller's decision, made where it was paid.
            PaymentStatus::Refunded => PurchaseEvent::Refund { by: Party::Publisher },
        };
        let is_again = said.status == PaymentStatus::Refunded && row.state == "refunded";
        let after = if is_again {
            row.state.clone()
        } else {
            change::apply(&self.state, tx, &self.actor(), &row, event, |_| ()).await?.purchase.state
        };
        let paid_here = said.status == PaymentStatus::Paid && row.state != "paid";
        if paid_here {
            let about = purchase::ActiveModel {
                payment_source: Set(Some(self.source.id.clone())),
                payment_reference: Set(reference.map(str::to_owned)),
                ..Default::default()
            };
            purchase::Entity::update_many()
                .set(about)
                .filter(purchase::Column::Id.eq(&row.id))
                .exec(tx)
                .await?;
        }
        let now = self.state.clock.now_ms();
        let noted = payment_notice::Model {
            source: self.source.id.clone(),
            id: self.message.clone(),
            purchase: row.id.clone(),
            status: status(said.status).to_owned(),
            reference: reference.map(str::to_owned),
            body_sha256,
            outcome: after.clone(),
            at: now,
        };
        let details = json!({
            "source": self.source.id, "message": self.message, "status": noted.status, "reference": reference,
            "before": row.state,
        });
        audit::record_later(
            tx,
            now,
            &self.actor(),
            "payment.noted",
            &format!("purchase:{}", row.id),
            &details,
        );
        payment_notice::Entity::insert(noted.into_active_model()).exec_without_returning(tx).await.map_err(
            |error| match error.sql_err() {
                // The same message came twice at the same moment.
                Some(sea_orm::SqlErr::UniqueConstraintViolation(_)) => Fault::Conflict,
                _ => error.into(),
            },
        )?;
        Ok(PaymentNoted { purchase: row.id, state: after, repeated: false })
    }

    /// The purchase, if this source may speak of it.
    async fn purchase(&self, tx: &Tx, said: &PaymentNotice) -> Result<purchase::Model> {
        let unknown = || {
            Fault::from(
                Problem::new(404, "purchase_unknown", "There is no such purchase")
                    .detail("No purchase of a listing that this source is for has this id.")
                    .hint("Send the id that stood in the address where the buyer paid."),
            )
        };
        let row = purchase::Entity::find_by_id(&said.purchase).one(tx).await?.ok_or_else(unknown)?;
        if !speaks_for(&self.source, &find_listing(tx, &row.listing).await?) {
            return Err(unknown());
        }
        match row.method.as_str() {
            "webhook" | "marked_paid" => Ok(row),
            "chain" => Err(RuleError::PaidOnChain.into()),
            _ => Err(unknown()),
        }
    }

    async fn note_refusal(self: Arc<Self>, code: String) -> Result<()> {
        let state = self.state.clone();
        state
            .db
            .write(move |tx| {
                let (heard, code) = (self.clone(), code.clone());
                Box::pin(async move {
                    let details = json!({
                        "code": code, "message": heard.message, "body_sha256": hex::encode(Sha256::digest(&heard.body)),
                    });
                    let now = heard.state.clock.now_ms();
                    let subject = format!("payment_source:{}", heard.source.id);
                    audit::record_later(tx, now, &heard.actor(), "payment.refused", &subject, &details);
                    Ok::<_, Fault>(())
                })
            })
            .await
    }

    fn actor(&self) -> Actor {
        Actor::User(self.source.owner.clone())
    }
}

fn check_amount(row: &purchase::Model, said: &PaymentNotice) -> Result<()> {
    let amount = match &said.amount {
        Amount::Text(text) => text.clone(),
        Amount::Number(number) => number.to_string(),
    };
    let money = Money::parse(&amount, &said.currency).map_err(|error| limits::invalid("amount", error))?;
    if row.to_market()?.price == Price::Fixed(money.clone()) {
        return Ok(());
    }
    Err(Problem::new(422, "amount_mismatch", "The amount is not that of the purchase")
        .detail(format!("The message speaks of {money}."))
        .hint("Send amount and currency as they stood in the address where the buyer paid, in minor units.")
        .into())
}

fn reference(text: &str) -> Result<String> {
    let text = text.trim();
    if text.chars().count() > REFERENCE_MAX || text.chars().any(char::is_control) {
        return Err(limits::invalid("reference", "it has at most 200 characters on one line"));
    }
    Ok(text.to_owned())
}

fn status(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Paid => "paid",
        PaymentStatus::Refunded => "refunded",
    }
}
