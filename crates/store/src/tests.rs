//! The store through its routes.

mod buying;
mod deadlines;
mod description;
mod kit;
mod nonsense;
mod publishing;
mod spine;
mod waiting;
