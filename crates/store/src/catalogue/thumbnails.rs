//! `/api/v1/releases/{id}/thumbnail`: what a slicer put into a file, painted anew before anybody sees it.

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use sealpost_accounts::{ApiError, UserAuth};
use sealpost_api::Problem;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{check_shown, find_listing, pictures, remake};
use crate::fault::{Fault, Result};
use crate::http::body::Path;
use crate::schema::value::stored;
use crate::schema::{release, thumbnail};
use crate::state::AppState;

const MEDIA_TYPE: &str = "image/png";

pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(picture))
}

/// The largest picture that the slicer put into the file.
#[utoipa::path(get, path = "/api/v1/releases/{id}/thumbnail", tag = "catalogue", params(("id" = String, Path)), responses(
    (status = 200, content_type = "image/png", description = "The picture, painted anew"),
    (status = 404, body = Problem, description = "`not_found`"),
))]
async fn picture(
    State(state): State<AppState>,
    user: Result<UserAuth, ApiError>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Response> {
    let nothing = || Fault::not_found("picture");
    let row = release::Entity::find_by_id(&id).one(state.db.read()).await?.ok_or_else(nothing)?;
    let listing = find_listing(state.db.read(), &row.listing).await.map_err(|_| nothing())?;
    check_shown(state.db.read(), &listing, &user).await.map_err(|_| nothing())?;
    let row = safe(&state, &id).await?.ok_or_else(nothing)?;
    pictures::respond(&headers, &row.id, MEDIA_TYPE, row.picture)
}

/// The widest picture that can be read; those that cannot are forgotten.
async fn safe(state: &AppState, release: &str) -> Result<Option<thumbnail::Model>> {
    loop {
        let widest = thumbnail::Entity::find()
            .filter(thumbnail::Column::Release.eq(release))
            .order_by_desc(thumbnail::Column::Width)
            .order_by_asc(thumbnail::Column::Id);
        let Some(row) = widest.one(state.db.read()).await? else { return Ok(None) };
        if row.remade {
            return Ok(Some(row));
        }
        let id = row.id.clone();
        let change = match remake::thumbnail(row.picture).await {
            Ok(painted) => Some(thumbnail::ActiveModel {
                // It stays before the ones that claim to be less wide.
                height: Set(stored(painted.height)),
                media_type: Set(MEDIA_TYPE.to_owned()),
                picture: Set(painted.bytes),
                remade: Set(true),
                ..Default::default()
            }),
            Err(Fault::Problem(_)) => None,
            Err(fault) => return Err(fault),
        };
        state
            .db
            .write(move |tx| {
                let (id, change) = (id.clone(), change.clone());
                Box::pin(async move {
                    let this = thumbnail::Column::Id.eq(&id);
                    match change {
                        Some(change) => {
                            thumbnail::Entity::update_many().set(change).filter(this).exec(tx).await?;
                        }
                        None => {
                            thumbnail::Entity::delete_many().filter(this).exec(tx).await?;
                        }
                    }
                    Ok::<_, Fault>(())
                })
            })
            .await?;
    }
}
