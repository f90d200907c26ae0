//! The store through its routes.

mod buying;
mod chain_keys;
mod chain_kit;
mod chain_migration;
mod chain_offers;
mod chain_refusals;
mod chain_reorg;
mod chain_sales;
mod chain_settling;
mod chain_shop;
mod chain_weather;
mod deadlines;
mod description;
mod kit;
mod marketplace;
mod nonsense;
mod offering;
mod plugin_keys;
mod plugin_kit;
mod plugin_publishing;
mod plugins;
mod publishing;
mod spine;
mod waiting;
