//! Content keys at rest: sealed under the KEK, each bound to what it opens.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
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

/// Opens the key of the release or job `id`.
pub(crate) async fn open(state: &AppState, db: &impl sea_orm::ConnectionTrait, id: &str) -> Result<Dek> {
    let row = Entity::find_by_id(id).one(db).await?;
    let row = row.ok_or_else(|| Fault::internal(format_args!("the vault holds no key for {id}")))?;
    let sealed = row.sealed.parse()?;
    let opened = keyring::open(&*state.keks, &purpose(id), &sealed)?;
    Dek::try_from(opened.as_slice()).map_err(Fault::internal)
}

/// Forgets the key of `id`.
pub(crate) async fn forget(tx: &Tx, id: &str) -> Result<()> {
    Entity::delete_many().filter(Column::Id.eq(id)).exec(tx).await?;
    Ok(())
}

fn purpose(id: &str) -> String {
    format!("vault:{id}")
}
