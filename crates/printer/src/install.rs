//! `sealpost-printer install` and `uninstall`: finds Klipper and Moonraker, plans, shows, does, notes, undoes.
//!
//! [`find()`] looks at a tree of files, [`plan()`] makes steps of what was found without touching any, [`Installer`] does what is
//! open, and [`undo()`] takes back what the [`Ledger`] says was done. Everything is noted before it is done, files are replaced
//! whole or not at all, and every step can be done twice: a run that was ended anywhere is finished or undone by the next.

mod accounts;
mod apply;
mod files;
mod find;
mod included;
mod live;
mod pieces;
mod plan;
mod plausible;
mod record;
mod services;
mod step;
mod still;
mod system;
mod text;
mod tree;
mod undo;
mod walk;

#[cfg(test)]
mod tests;

pub use self::{
    accounts::{Accounts, SystemPrograms},
    apply::{Installer, Moment, Standing, Watch},
    find::{Said, find, forgets},
    live::{Activity, activity},
    plan::{AGENT, AGENT_FOLDER, HANDOVER_FOLDER, Plan, plan},
    record::{Entry, Ledger, Made, Record},
    services::{Restart, Services},
    step::{Contents, Rights, Step},
    still::refuse_while_read,
    system::{Access, ApiKey, Checkout, Init, Klipper, Moonraker, Parts, System, Text},
    tree::{Account, Tree},
    undo::{UndoWatch, Undone, undo},
};
