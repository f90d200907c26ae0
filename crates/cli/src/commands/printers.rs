//! `printers`, `printer approve`, `printer deny`, `printer remove`.

use std::io::{self, IsTerminal as _};

use clap::{Args, Subcommand};
use sealpost_api::pairing::{ApproveRequest, PairingView, Printer, PrinterList};
use serde_json::json;

use crate::{
    client::Client,
    connection::{Connection, id},
    failure::{Doing as _, Failure, Result},
    output::{Table, answer, clean, facts, short_date},
};

#[derive(Args, Debug)]
pub(crate) struct PrintersArgs {
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PrinterCommand {
    /// Add the printer that shows this pairing code
    Approve(ApproveArgs),
    /// Turn away the printer that shows this pairing code
    Deny(DenyArgs),
    /// Remove a printer: its token becomes void at once
    Remove(RemoveArgs),
}

#[derive(Args, Debug)]
pub(crate) struct ApproveArgs {
    /// Code the printer shows, such as BCDF-GHJK
    #[arg(value_parser = pairing_code)]
    code: String,
    /// Name to give the printer instead of its own
    #[arg(long)]
    name: Option<String>,
    /// Six digits the printer shows, compared here instead of by eye
    #[arg(long, value_name = "DIGITS", value_parser = short_code)]
    short_code: Option<String>,
    /// Do not ask to compare
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct DenyArgs {
    /// Code the printer shows
    #[arg(value_parser = pairing_code)]
    code: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct RemoveArgs {
    /// Printer to remove
    #[arg(value_parser = id)]
    printer: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl PrinterCommand {
    /// Which store is spoken to.
    pub(crate) fn connection(&self) -> &Connection {
        match self {
            Self::Approve(args) => &args.connection,
            Self::Deny(args) => &args.connection,
            Self::Remove(args) => &args.connection,
        }
    }
}

pub(crate) async fn printers(args: PrintersArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let list = fetch_printers(&client).await?;
    answer(args.connection.json, &list, |list| {
        let mut table = Table::new(["ID", "NAME", "MAKER", "MODEL", "LAST SEEN", "PAIRED"]);
        for printer in &list.printers {
            table.row([
                printer.id.clone(),
                printer.name.clone(),
                printer.manufacturer.clone(),
                printer.model.clone(),
                printer.last_seen.as_deref().map_or_else(|| "never".into(), short_date),
                short_date(&printer.created_at),
            ]);
        }
        table.or(
            "No printers yet: run `sealpost-printer pair` on one, then `sealpost printer approve CODE` here.",
        )
    });
    Ok(())
}

pub(crate) async fn printer(command: PrinterCommand) -> Result<()> {
    match command {
        PrinterCommand::Approve(args) => approve(args).await,
        PrinterCommand::Deny(args) => deny(args).await,
        PrinterCommand::Remove(args) => remove(args).await,
    }
}

/// The printer that is meant: by id, by name in any case, or the only one.
pub(crate) async fn find_printer(client: &Client, wanted: Option<&str>) -> Result<Printer> {
    choose_printer(fetch_printers(client).await?.printers, wanted)
}

async fn approve(args: ApproveArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let view: PairingView = client.get(&["api", "v1", "pairings", &args.code], &[]).await?;
    let short_code = match (args.short_code, args.yes) {
        (Some(code), _) => Some(code),
        (None, true) => None,
        (None, false) => {
            ask_to_compare(&view)?;
            Some(view.short_code)
        }
    };
    let request = ApproveRequest { name: args.name, short_code };
    let approved: PairingView =
        client.post(&["api", "v1", "pairings", &args.code, "approve"], &request).await?;
    answer(args.connection.json, &approved, |approved| {
        if approved.status == "completed" {
            return "This printer has joined already: `sealpost printers` shows it.".to_owned();
        }
        "Approved. The printer joins within seconds; `sealpost printers` shows it then.".to_owned()
    });
    Ok(())
}

async fn deny(args: DenyArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    client.command(&["api", "v1", "pairings", &args.code, "deny"], &json!({})).await?;
    answer(args.connection.json, &json!({ "pairing_code": args.code, "status": "denied" }), |_| {
        format!("Turned away the printer that shows {}.", args.code)
    });
    Ok(())
}

async fn remove(args: RemoveArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    client.delete(&["api", "v1", "printers", &args.printer]).await?;
    answer(args.connection.json, &json!({ "id": args.printer, "removed": true }), |_| {
        format!("Removed printer {}; its token is void.", args.printer)
    });
    Ok(())
}

async fn fetch_printers(client: &Client) -> Result<PrinterList> {
    client.get(&["api", "v1", "printers"], &[]).await
}

fn choose_printer(mut printers: Vec<Printer>, wanted: Option<&str>) -> Result<Printer> {
    let known = |printers: &[Printer]| {
        let names: Vec<_> =
            printers.iter().map(|printer| format!("{} ({})", clean(&printer.name), printer.id)).collect();
        names.join(", ")
    };
    if printers.is_empty() {
        return Err(Failure::new("no_printer", "you have no printer")
            .hint("run `sealpost-printer pair` on it, then `sealpost printer approve CODE` here"));
    }
    let Some(wanted) = wanted else {
        if printers.len() == 1 {
            return Ok(printers.remove(0));
        }
        return Err(Failure::usage("which_printer", "you have several printers")
            .hint(format!("name one with --printer: {}", known(&printers))));
    };
    if let Some(exact) = printers.iter().position(|printer| printer.id == wanted) {
        return Ok(printers.swap_remove(exact));
    }
    let all = known(&printers);
    printers.retain(|printer| printer.name.to_lowercase() == wanted.to_lowercase());
    match printers.len() {
        0 => Err(Failure::new("no_printer", format!("you have no printer called {wanted:?}"))
            .hint(format!("yours: {all}"))),
        1 => Ok(printers.remove(0)),
        _ => Err(Failure::usage("which_printer", format!("several printers are called {wanted:?}"))
            .hint(format!("name one by its id: {}", known(&printers)))),
    }
}

fn ask_to_compare(view: &PairingView) -> Result<()> {
    let printer = &view.printer;
    eprint!(
        "{}",
        facts([
            ("Printer", printer.name.clone()),
            ("Maker", printer.manufacturer.clone()),
            ("Model", printer.model.clone()),
            ("Key id", Some(view.key_id.clone())),
            ("Valid until", Some(short_date(&view.expires_at))),
            ("Short code", Some(view.short_code.clone())),
        ])
    );
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("no_terminal", "there is no terminal to compare the short code on")
            .hint("give the six digits that the printer shows with --short-code, or --yes to go without"));
    }
    eprint!("Does the printer show the short code {} too? [y/N] ", clean(&view.short_code));
    let mut line = String::new();
    io::stdin().read_line(&mut line).doing("terminal", "read the answer")?;
    if matches!(line.trim().to_lowercase().as_str(), "y" | "yes") {
        return Ok(());
    }
    Err(Failure::new("not_approved", "nothing was approved").hint(format!(
        "another code means that somebody else answers for your printer: `sealpost printer deny {}`",
        view.pairing_code
    )))
}

/// A pairing code as the store spells it: eight letters without vowels, in two groups.
fn pairing_code(text: &str) -> Result<String, &'static str> {
    let letters: String =
        text.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_ascii_uppercase()).collect();
    if letters.len() == 8 && letters.bytes().all(|b| b"BCDFGHJKLMNPQRSTVWXZ".contains(&b)) {
        Ok(format!("{}-{}", &letters[..4], &letters[4..]))
    } else {
        Err("a pairing code has eight letters without vowels, such as BCDF-GHJK")
    }
}

fn short_code(text: &str) -> Result<String, &'static str> {
    let digits: String = text.chars().filter(|c| !matches!(c, '-' | ' ')).collect();
    if digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()) {
        Ok(digits)
    } else {
        Err("the short code has six digits")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printer(id: &str, name: &str) -> Printer {
        Printer {
            id: id.into(),
            name: name.into(),
            manufacturer: String::new(),
            model: String::new(),
            key_id: String::new(),
            last_seen: None,
            created_at: String::new(),
            online: true,
            agent: None,
            reduced: None,
            job: None,
            waiting: 0,
        }
    }

    #[test]
    fn a_printer_is_found_by_id_by_name_or_by_being_the_only_one() {
        let all = || vec![printer("p1", "Voron"), printer("p2", "voron"), printer("p3", "Ender")];
        assert_eq!(choose_printer(all(), Some("p2")).unwrap().id, "p2");
        assert_eq!(choose_printer(all(), Some("ENDER")).unwrap().id, "p3");
        assert_eq!(choose_printer(vec![printer("p1", "x")], None).unwrap().id, "p1");
        assert_eq!(choose_printer(all(), Some("VORON")).unwrap_err().code(), "which_printer");
        assert_eq!(choose_printer(all(), None).unwrap_err().code(), "which_printer");
        assert_eq!(choose_printer(all(), Some("other")).unwrap_err().code(), "no_printer");
        assert_eq!(choose_printer(vec![], None).unwrap_err().code(), "no_printer");
    }

    #[test]
    fn pairing_codes_are_read_as_people_type_them() {
        for text in ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk "] {
            assert_eq!(pairing_code(text).unwrap(), "BCDF-GHJK");
        }
        for text in ["", "BCDF-GHJ", "ABCD-EFGH", "BCDF-GHJ1", "éééé"] {
            assert!(pairing_code(text).is_err(), "{text}");
        }
    }

    #[test]
    fn short_codes_are_six_digits() {
        assert_eq!(short_code("123 456").unwrap(), "123456");
        assert!(short_code("12345").is_err());
    }
}
