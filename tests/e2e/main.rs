//! Suite `e2e`: the whole way as people go it, by the command line.
#![forbid(unsafe_code)]

mod commands;
