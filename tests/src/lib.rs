//! The test kit: real stores, agents, Moonrakers and databases for the suites.
#![forbid(unsafe_code)]
