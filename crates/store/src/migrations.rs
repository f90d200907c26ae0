//! All tables, in the order in which they came.

use sea_orm_migration::MigrationTrait;

use crate::{identity, schema};

/// The migrations of everything that keeps tables in a store's database.
pub(crate) fn all() -> Vec<Box<dyn MigrationTrait>> {
    let mut all = sealpost_accounts::migrations();
    all.extend(sealpost_mail::migrations());
    all.extend(identity::migrations());
    all.extend(schema::migrations());
    all
}
