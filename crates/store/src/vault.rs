//! Content keys at rest: sealed under the KEK, each bound to what it opens.

use std::collections::HashSet;

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect};
use sealpost_api::Problem;
use sealpost_database::Tx;
use sealpost_envelope::Dek;
use sealpost_keyring as keyring;

use crate::fault::{Fault, Result};
use crate::random;
use crate::schema::vault_key::{ActiveModel, Column, Entity};
use crate::state::AppState;

/// A content key, sealed and named.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    id: String,
    sealed: String,
}

/// Seals the key of the release or job `id`.
pub(crate) fn seal(state: &AppState, id: &str, dek: &Dek) -> Result<Sealed> {
    let kek = state.keks.current();
    let sealed = keyring::seal(kek, &purpose(id), dek.expose(), &mut random::rng())?;
    Ok(Sealed { id: id.to_owned(), sealed: sealed.to_string() })
}

/// Keeps a sealed key.
pub(crate) async fn keep(tx: &Tx, key: &Sealed) -> Result<()> {
    let row = ActiveModel { id: Set(key.id.clone()), sealed: Set(key.sealed.clone()) };
    Entity::insert(row).exec_without_returning(tx).await?;
    Ok(())
}

/// Whether there is a key of the release or job `id`.
pub(crate) async fn holds(db: &impl sea_orm::ConnectionTrait, id: &str) -> Result<bool> {
    Ok(Entity::find_by_id(id).count(db).await? > 0)
}

/// Which of these releases and jobs there are keys of.
pub(crate) async fn held(db: &impl sea_orm::ConnectionTrait, ids: &[&str]) -> Result<HashSet<String>> {
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let held = Entity::find().select_only().column(Column::Id).filter(Column::Id.is_in(ids.iter().copied()));
    Ok(held.into_tuple::<String>().all(db).await?.into_iter().collect())
}

const MISSING: &str = "key_missing";

/// Opens the key of the release or job `id`.
///
/// # Errors
/// 503 `key_missing` where there is none: nothing is wrong with the request, and an operator can put it back.
pub(crate) async fn open(state: &AppState, db: &impl sea_orm::ConnectionTrait, id: &str) -> Result<Dek> {
    let row = Entity::find_by_id(id).one(db).await?;
    let Some(row) = row else {
        tracing::error!(id, "the vault holds no key for it: restore the store from a backup");
        return Err(missing());
    };
    let sealed = row.sealed.parse()?;
    let opened = keyring::open(&*state.keks, &purpose(id), &sealed)?;
    Dek::try_from(opened.as_slice()).map_err(Fault::internal)
}

/// Forgets the key of `id`.
pub(crate) async fn forget(tx: &Tx, id: &str) -> Result<()> {
    Entity::delete_many().filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

pub(crate) fn missing() -> Fault {
    Problem::new(503, MISSING, "The store has lost a key")
        .detail("The key of this file is not in the store's vault.")
        .hint("Try again later; the operator puts it back from a backup.")
        .into()
}

/// Whether this is the answer that a key is gone.
pub(crate) fn is_missing(fault: &Fault) -> bool {
    matches!(fault, Fault::Problem(problem) if problem.code == MISSING)
}

fn purpose(id: &str) -> String {
    format!("vault:{id}")
}
