//! What a closure of `Database::write` works on.

use std::sync::{Mutex, PoisonError};

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult,
    Statement,
};

use crate::later::Later;

pub(crate) type Effect = Box<dyn FnOnce() + Send>;

/// An open transaction: a connection for all queries of SeaORM.
pub struct Tx {
    inner: DatabaseTransaction,
    effects: Mutex<Vec<Effect>>,
    later: Mutex<Later>,
}

impl Tx {
    /// Inserts a row at the end of the transaction, together with others for the same table.
    ///
    /// For rows that nothing in this transaction looks for. A row that the database refuses (its key is taken) fails the
    /// closure as if it had ended with that error.
    pub fn insert_later<A: ActiveModelTrait>(&self, row: A) {
        self.later.lock().unwrap_or_else(PoisonError::into_inner).push(row);
    }

    /// Leaves something to do once the transaction is committed; dropped when it is not.
    pub fn after_commit(&self, effect: impl FnOnce() + Send + 'static) {
        self.effects.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(effect));
    }

    pub(crate) fn new(inner: DatabaseTransaction) -> Self {
        Self { inner, effects: Mutex::default(), later: Mutex::default() }
    }

    pub(crate) fn inner(&self) -> &DatabaseTransaction {
        &self.inner
    }

    pub(crate) fn take_effects(&self) -> Vec<Effect> {
        std::mem::take(&mut *self.effects.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Inserts what was left for the end.
    pub(crate) async fn flush(&self) -> Result<(), DbErr> {
        let later = std::mem::take(&mut *self.later.lock().unwrap_or_else(PoisonError::into_inner));
        later.insert(&self.inner).await
    }

    pub(crate) async fn commit(self) -> Result<Vec<Effect>, DbErr> {
        let effects = self.take_effects();
        self.inner.commit().await?;
        Ok(effects)
    }

    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        self.inner.rollback().await
    }
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl ConnectionTrait for Tx {
    fn get_database_backend(&self) -> DbBackend {
        self.inner.get_database_backend()
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        self.inner.execute_raw(statement).await
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        self.inner.execute_unprepared(sql).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        self.inner.query_one_raw(statement).await
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        self.inner.query_all_raw(statement).await
    }
}
