//! `devices` and `revoke`.

use clap::Args;
use sealpost_api::purchase::{Device, DeviceResponse, Licence};

use crate::{
    client::Client,
    commands::buying::fetch_licences,
    connection::{Connection, id, listing_name},
    failure::{Failure, Result},
    input::one_reader_of_stdin,
    output::{Table, answer, clean, counted, short_date},
    recipient::ForDevice,
};

const HELP: &str = "\
With --add, the plugin's key is wrapped for one more device, which the licence then counts. A key
that is registered already counts nothing. Where none is named, the next one of your wallet is taken.

Examples:
  sealpost devices lic_4f                              shows the devices
  sealpost devices lic_4f --add --name laptop          the next key of your wallet
  sealpost devices lic_4f --add --to HEX --curve p256  a key from elsewhere";

#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct DevicesArgs {
    /// Licence, or plugin you have a licence for
    #[arg(value_name = "LICENCE|PLUGIN", value_parser = listing_name)]
    what: String,
    /// Register a device
    #[arg(long)]
    add: bool,
    #[command(flatten)]
    device: ForDevice,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Args, Debug)]
pub(crate) struct RevokeArgs {
    /// Licence that is meant
    #[arg(value_parser = id)]
    licence: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

pub(crate) async fn devices(args: DevicesArgs) -> Result<()> {
    if !args.add && args.device.is_given() {
        return Err(Failure::usage("add_missing", "a device is described, but not added")
            .hint("add it with --add, or leave its options out to see the devices"));
    }
    let readers: Vec<_> = args.device.readers().collect();
    one_reader_of_stdin(&readers)?;
    let client = Client::signed_in(&args.connection)?;
    let licences = fetch_licences(&client).await?.licences;
    let licence = find_licence(&licences, &args.what)?;
    if !args.add {
        answer(args.connection.json, licence, table);
        return Ok(());
    }
    let recipient = args.device.recipient(&licences)?;
    let added: DeviceResponse =
        client.post(&["api", "v1", "licences", &licence.id, "devices"], &recipient).await?;
    answer(args.connection.json, &added, |added| {
        format!(
            "{}\nFetch it with `sealpost fetch {} --device {}`.",
            told(&added.device),
            licence.id,
            added.device.id
        )
    });
    Ok(())
}

pub(crate) async fn revoke(args: RevokeArgs) -> Result<()> {
    let client = Client::signed_in(&args.connection)?;
    let path = ["api", "v1", "licences", &args.licence, "revoke"];
    let licence: Licence = client.post(&path, &serde_json::json!({})).await?;
    answer(args.connection.json, &licence, |licence| {
        format!(
            "Licence {} is {}: it gives no key any more. Keys that are out stay out.",
            licence.id, licence.state
        )
    });
    Ok(())
}

/// The plugin licence that is meant: the one with that id, or the newest of that plugin, an active one first.
pub(crate) fn find_licence<'a>(licences: &'a [Licence], what: &str) -> Result<&'a Licence> {
    let named = || {
        let of_plugin =
            |licence: &&Licence| licence.plugin_id.as_deref() == Some(what) || licence.listing == what;
        let mut newest_first = licences.iter().filter(of_plugin);
        newest_first.clone().find(|licence| licence.state == "active").or_else(|| newest_first.next())
    };
    let found = licences.iter().find(|licence| licence.id == what).or_else(named);
    let found = found.ok_or_else(|| {
        Failure::new("no_licence", format!("you have no licence for {what}"))
            .hint(format!("buy it with `sealpost buy {what}`, or see `sealpost licences`"))
    })?;
    if found.devices.is_none() {
        return Err(Failure::new("no_devices", "this licence counts prints and has no devices")
            .hint(format!("print it with `sealpost print {}`", found.id)));
    }
    Ok(found)
}

/// A device in a sentence.
pub(crate) fn told(device: &Device) -> String {
    let name = device.name.as_deref().map(|name| format!(" ({})", clean(name))).unwrap_or_default();
    let index = device.index.map(|index| format!(", key {index} of the wallet")).unwrap_or_default();
    format!("Device {}{name}: {}{index}.", device.id, device.curve)
}

fn table(licence: &Licence) -> String {
    let mut table = Table::new(["DEVICE", "NAME", "CURVE", "INDEX", "KEY", "ADDED"]);
    let devices = licence.devices.as_deref().unwrap_or_default();
    for device in devices {
        table.row([
            device.id.clone(),
            device.name.clone().unwrap_or_default(),
            device.curve.clone(),
            device.index.map(|index| index.to_string()).unwrap_or_default(),
            device.public_key.clone(),
            short_date(&device.created_at),
        ]);
    }
    let rows = table.or("No devices yet.");
    let allowed = licence.devices_allowed.unwrap_or_default();
    format!("{}\n{} of {} registered.", rows.trim_end(), devices.len(), counted(allowed, "device"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn licence(id: &str, plugin: &str, state: &str) -> Licence {
        Licence {
            id: id.into(),
            listing: "l_1".into(),
            plugin_id: Some(plugin.into()),
            state: state.into(),
            devices: Some(Vec::new()),
            ..Licence::default()
        }
    }

    #[test]
    fn an_id_or_a_plugin_names_a_licence_and_active_ones_come_first() {
        let licences = [
            licence("new", "a.b", "revoked"),
            licence("mid", "a.b", "active"),
            licence("old", "a.b", "active"),
        ];
        let id = |what| find_licence(&licences, what).map(|licence| licence.id.clone());
        assert_eq!(id("old").unwrap(), "old");
        assert_eq!(id("a.b").unwrap(), "mid");
        assert_eq!(id("l_1").unwrap(), "mid");
        assert_eq!(find_licence(&licences[..1], "a.b").unwrap().id, "new");
        assert_eq!(find_licence(&licences, "c.d").unwrap_err().code(), "no_licence");
        let prints = [Licence { id: "p".into(), ..Licence::default() }];
        assert_eq!(find_licence(&prints, "p").unwrap_err().code(), "no_devices");
    }
}
