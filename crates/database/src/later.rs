//! Rows that are inserted together: one statement for many of them costs little more than one for each.

use std::any::TypeId;

use sea_orm::sea_query::{DynIden, IntoIden, Query, TableRef};
use sea_orm::{
    ActiveModelTrait, ActiveValue, ConnectionTrait, DbErr, EntityName, EntityTrait, Iterable, Value,
};

/// Rows of one statement at most; fewer go in powers of two, so that few different statements are prepared.
const TOGETHER: usize = 16;

/// Rows that wait for the end of a transaction, by table.
#[derive(Default)]
pub(crate) struct Later(Vec<Table>);

struct Table {
    kind: TypeId,
    table: TableRef,
    columns: Vec<DynIden>,
    rows: Vec<Vec<Value>>,
}

impl Later {
    pub(crate) fn push<A: ActiveModelTrait>(&mut self, row: A) {
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for column in <A::Entity as EntityTrait>::Column::iter() {
            if let ActiveValue::Set(value) | ActiveValue::Unchanged(value) = row.get(column) {
                columns.push(column.into_iden());
                values.push(value);
            }
        }
        let kind = TypeId::of::<A::Entity>();
        match self.0.iter_mut().find(|table| table.kind == kind && table.columns == columns) {
            Some(table) => table.rows.push(values),
            None => {
                let table = A::Entity::default().table_ref();
                self.0.push(Table { kind, table, columns, rows: vec![values] });
            }
        }
    }

    /// Inserts all rows, in the order of their tables' first ones.
    pub(crate) async fn insert(self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        for table in self.0 {
            let mut rest = table.rows;
            while !rest.is_empty() {
                let size = TOGETHER.min(1 << rest.len().ilog2());
                let left = rest.split_off(size);
                let mut insert = Query::insert();
                insert.into_table(table.table.clone()).columns(table.columns.clone());
                for row in rest {
                    let row = row.into_iter().map(Into::into);
                    insert.values(row).map_err(|error| DbErr::Custom(error.to_string()))?;
                }
                db.execute(&insert).await?;
                rest = left;
            }
        }
        Ok(())
    }
}
