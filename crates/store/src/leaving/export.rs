//! What the store knows of somebody, for them to take along.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use sealpost_accounts::{UserAuth, audit};
use sealpost_database::clock::rfc3339;
use serde_json::{Value, json};

use crate::fault::Result;
use crate::identity::printer;
use crate::schema::{job, licence, listing, purchase, review};
use crate::sellers;
use crate::state::AppState;

/// Entries of the audit log, the newest.
const ENTRIES: u64 = 1_000;

pub(super) async fn of(state: &AppState, user: &UserAuth) -> Result<Value> {
    let (db, id) = (state.db.read(), user.id().as_str());
    let (account, sign_ins) = state.accounts.export(&user.0).await?;
    let printers = printer::Entity::find()
        .filter(printer::Column::Owner.eq(id))
        .order_by_asc(printer::Column::CreatedAt)
        .all(db)
        .await?;
    let purchases = purchase::Entity::find()
        .filter(purchase::Column::Buyer.eq(id))
        .order_by_asc(purchase::Column::CreatedAt)
        .all(db)
        .await?;
    let licences = licence::Entity::find()
        .filter(licence::Column::Holder.eq(id))
        .order_by_asc(licence::Column::CreatedAt)
        .all(db)
        .await?;
    let jobs = job::Entity::find()
        .filter(job::Column::Owner.eq(id))
        .order_by_asc(job::Column::CreatedAt)
        .all(db)
        .await?;
    let listings = listing::Entity::find()
        .filter(listing::Column::Publisher.eq(id))
        .order_by_asc(listing::Column::CreatedAt)
        .all(db)
        .await?;
    let reviews = review::Entity::find().filter(review::Column::Author.eq(id)).all(db).await?;
    let seller = sellers::of(db, id).await?;
    let own = audit::Filter { person: Some(id.to_owned()), limit: ENTRIES, ..audit::Filter::default() };
    let log = audit::newest(&state.db, &own).await?;
    Ok(json!({
        "store": state.origin,
        "exported_at": rfc3339(state.clock.now_ms()),
        "account": account,
        "sign_ins": sign_ins,
        "printers": printers.iter().map(|row| json!({
            "id": row.id, "name": row.name, "description": row.description, "manufacturer": row.manufacturer,
            "model": row.model, "public_key": row.public_key, "paired_at": rfc3339(row.created_at),
            "removed_at": row.removed_at.map(rfc3339),
        })).collect::<Vec<_>>(),
        "purchases": purchases.iter().map(|row| json!({
            "id": row.id, "listing": row.listing, "state": row.state, "method": row.method,
            "price": row.price_amount.as_ref().map(|amount| json!({"amount": amount, "currency": row.price_currency})),
            "licence": row.licence, "created_at": rfc3339(row.created_at), "paid_at": row.paid_at.map(rfc3339),
            "refunded_at": row.refunded_at.map(rfc3339), "note": row.note, "answer": row.answer,
        })).collect::<Vec<_>>(),
        "licences": licences.iter().map(|row| json!({
            "id": row.id, "listing": row.listing, "purchase": row.purchase, "kind": row.kind, "state": row.state,
            "allowed": row.allowed, "used": row.used, "created_at": rfc3339(row.created_at),
            "expires_at": row.expires_at.map(rfc3339),
        })).collect::<Vec<_>>(),
        "jobs": jobs.iter().map(|row| json!({
            "id": row.id, "licence": row.licence, "printer": row.printer, "printer_name": row.printer_name,
            "title": row.title, "state": row.state, "message": row.message, "created_at": rfc3339(row.created_at),
            "updated_at": rfc3339(row.updated_at),
        })).collect::<Vec<_>>(),
        "seller": seller.map(|row| json!({"how_to_pay": row.how_to_pay, "about": row.about})),
        "listings": listings.iter().map(|row| json!({
            "id": row.id, "kind": row.kind, "state": row.state, "title": row.title, "description": row.description,
            "created_at": rfc3339(row.created_at),
        })).collect::<Vec<_>>(),
        "reviews": reviews.iter().map(|row| json!({
            "id": row.id, "listing": row.listing, "stars": row.stars, "text": row.body,
            "created_at": rfc3339(row.created_at),
        })).collect::<Vec<_>>(),
        "log": log.entries.iter().map(|entry| json!({
            "at": rfc3339(entry.at), "action": entry.action, "subject": entry.subject, "details": entry.details,
        })).collect::<Vec<_>>(),
    }))
}
