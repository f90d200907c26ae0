//! Suite `lmnt`: the calls of the deployed LMNT plugin, made by a client of its own in Python, against the built store.
//!
//! `calls.json` holds the shapes of every call and its answer; what becomes of jobs and licences is looked up at the store.
#![forbid(unsafe_code)]

mod calls;
mod disk;
mod joining;
mod older;
mod outcomes;
mod plugin;
mod printing;
mod shape;
mod world;
