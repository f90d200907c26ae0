//! Throwing drafts away. What was published stays: somebody may have bought it.

use axum::extract::State;
use http::StatusCode;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use sealpost_accounts::{UserAuth, audit};
use sealpost_api::Problem;
use sealpost_database::Tx;
use sealpost_market::ListingState;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::owned_listing;
use crate::blobs::pending;
use crate::fault::Result;
use crate::http::body::Path;
use crate::schema::{listing, picture, picture_file, release, thumbnail, vault_key, voucher};
use crate::state::AppState;

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(discard))
}

/// Throw a draft of your own away, with its versions, pictures and vouchers.
#[utoipa::path(delete, path = "/api/v1/listings/{id}", tag = "publish", params(("id" = String, Path)), responses(
    (status = 204, description = "It is gone"),
    (status = 403, body = Problem, description = "`not_your_listing`"),
    (status = 404, body = Problem, description = "`not_found`"),
    (status = 409, body = Problem, description = "`already_published`"),
))]
async fn discard(
    State(state): State<AppState>,
    user: UserAuth,
    Path(id): Path<String>,
) -> Result<StatusCode> {
    let now = state.clock.now_ms();
    let done = state.db.write(move |tx| {
        let (user, id) = (user.clone(), id.clone());
        Box::pin(async move {
            let row = owned_listing(tx, &id, &user).await?;
            // First, and only as it is: whoever publishes it or sends a version meanwhile is waited for, or finds it gone.
            let draft = listing::Entity::delete_many()
                .filter(listing::Column::Id.eq(&row.id))
                .filter(listing::Column::State.eq(ListingState::Draft.as_str()));
            if draft.exec(tx).await?.rows_affected != 1 {
                return Err(published());
            }
            releases(tx, &row.id, now).await?;
            pictures(tx, &row.id).await?;
            voucher::Entity::delete_many().filter(voucher::Column::Listing.eq(&row.id)).exec(tx).await?;
            let details = serde_json::json!({"title": row.title});
            audit::record(
                tx,
                now,
                &user.actor(),
                "listing.discarded",
                &format!("listing:{}", row.id),
                details,
            )
            .await?;
            Ok(StatusCode::NO_CONTENT)
        })
    });
    done.await
}

/// Nobody has a licence for them: what opens them goes too.
async fn releases(tx: &Tx, listing: &str, now: i64) -> Result<()> {
    let rows = release::Entity::find().filter(release::Column::Listing.eq(listing)).all(tx).await?;
    for row in rows {
        pending::orphan(tx, &row.blob, now).await?;
        vault_key::Entity::delete_by_id(&row.id).exec(tx).await?;
        thumbnail::Entity::delete_many().filter(thumbnail::Column::Release.eq(&row.id)).exec(tx).await?;
        release::Entity::delete_by_id(&row.id).exec(tx).await?;
    }
    Ok(())
}

async fn pictures(tx: &Tx, listing: &str) -> Result<()> {
    let rows = picture::Entity::find().filter(picture::Column::Listing.eq(listing)).all(tx).await?;
    let ids: Vec<_> = rows.into_iter().map(|row| row.id).collect();
    picture_file::Entity::delete_many().filter(picture_file::Column::Picture.is_in(&ids)).exec(tx).await?;
    picture::Entity::delete_many().filter(picture::Column::Id.is_in(ids)).exec(tx).await?;
    Ok(())
}

fn published() -> crate::fault::Fault {
    Problem::new(409, "already_published", "This listing was published already")
        .detail("Somebody may have bought it.")
        .hint("Take it out of the lists instead: `unlisted`.")
        .into()
}
