//! Suite `cluster`: many printers, several processes of one store on one PostgreSQL, everything killed by chance; and that the
//! tools by which networks, disks and databases fail do what they say.
#![forbid(unsafe_code)]

mod books;
mod chaos;
mod database;
mod disk;
mod line;
mod orders;
mod park;
mod rules;
mod run;
mod wanted;
