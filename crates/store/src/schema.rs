//! Tables of the store, as rows; times are milliseconds since 1970.

pub(crate) mod answer;
pub(crate) mod chain_checkpoint;
pub(crate) mod chain_cursor;
pub(crate) mod chain_offer;
pub(crate) mod chain_payment;
pub(crate) mod device;
pub(crate) mod device_key;
pub(crate) mod happening;
pub(crate) mod happening_turn;
pub(crate) mod job;
pub(crate) mod licence;
pub(crate) mod linked_key;
pub(crate) mod listing;
pub(crate) mod listing_report;
pub(crate) mod payment_notice;
pub(crate) mod payment_source;
pub(crate) mod pending_blob;
pub(crate) mod picture;
pub(crate) mod picture_file;
pub(crate) mod printer_memory;
pub(crate) mod purchase;
pub(crate) mod release;
pub(crate) mod review;
pub(crate) mod sealing;
pub(crate) mod seller_page;
pub(crate) mod setting;
pub(crate) mod store_key;
pub(crate) mod suspension;
pub(crate) mod thumbnail;
pub(crate) mod value;
pub(crate) mod vault_key;
pub(crate) mod voucher;
pub(crate) mod webhook_delivery;
pub(crate) mod webhook_endpoint;
pub(crate) mod webhook_try;

mod m0001;
mod m0002;
mod m0003;
mod m0004;
mod m0005;
mod m0006;
mod m0007;
mod m0008;
mod m0009;
mod m0010;
mod m0011;
mod m0012;
mod m0013;
mod m0014;
mod m0015;

use sea_orm_migration::MigrationTrait;

pub(crate) fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m0001::Migration),
        Box::new(m0002::Migration),
        Box::new(m0003::Migration),
        Box::new(m0004::Migration),
        Box::new(m0005::Migration),
        Box::new(m0006::Migration),
        Box::new(m0007::Migration),
        Box::new(m0008::Migration),
        Box::new(m0009::Migration),
        Box::new(m0010::Migration),
        Box::new(m0012::Migration),
        Box::new(m0011::Migration),
        Box::new(m0013::Migration),
        Box::new(m0014::Migration),
        Box::new(m0015::Migration),
    ]
}
