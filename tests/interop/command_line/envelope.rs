use std::fs;

use sealpost_envelope::ecdh::{Curve, SecretKey};
use serde_json::{Value, json};

use crate::cases::Cases;
use crate::peer::{Peer, bytes, text};
use crate::program::sealpost;

#[test]
fn noble_and_space_data_standards_agree_on_envelopes() {
    let (mut cases, folder) = (Cases::new("envelope"), tempfile::tempdir().unwrap());
    let (mut noble, mut eme) = (Peer::node("noble"), Peer::node("eme"));
    for curve in Curve::ALL {
        let secret = SecretKey::generate(curve, cases.rng());
        let (dek, plugin_id) = (hex::encode(cases.array::<32>()), cases.plugin_id());
        fs::write(folder.path().join("dek"), &dek).unwrap();
        fs::write(folder.path().join("key"), hex::encode(secret.expose())).unwrap();

        let to = secret.recipient().to_hex();
        let wrap = ["envelope", "wrap", "--to", &to, "--curve", curve.as_str(), "--plugin-id", &plugin_id];
        let ours = sealpost(&[&wrap[..], &["--dek-file", "dek"]].concat(), b"", folder.path());
        let request = json!({
            "curve": curve, "secret": hex::encode(secret.expose()), "pluginId": plugin_id,
            "envelope": serde_json::from_slice::<Value>(&ours).unwrap(),
        });
        assert_eq!(text(&noble.ask("unwrap", request), "dek"), dek);

        let request = json!({"curve": curve, "recipient": to, "pluginId": plugin_id, "dek": dek});
        let theirs = noble.ask("wrap", request)["envelope"].take();
        let unwrap = ["envelope", "unwrap", "--key-file", "key", "--plugin-id", &plugin_id];
        let opened = sealpost(&unwrap, theirs.to_string().as_bytes(), folder.path());
        assert_eq!(str::from_utf8(&opened).unwrap().trim(), dek);

        let to_eme = ["envelope", "to-eme", "--plugin-id", &plugin_id];
        let record = sealpost(&to_eme, theirs.to_string().as_bytes(), folder.path());
        let mut read = eme.ask("read", json!({"bytes": hex::encode(record)}))["records"].take();
        assert_eq!(read[0]["EPHEMERAL_PUBLIC_KEY"], theirs["ephemeralPub"]);
        read[0]["ENCRYPTION_ALGORITHM_PARAMETERS"] = Value::Null;
        let record = bytes(&eme.ask("write", json!({"records": read})), "bytes");
        let back = sealpost(&["envelope", "from-eme"], &record, folder.path());
        assert_eq!(serde_json::from_slice::<Value>(&back).unwrap(), theirs);
    }
}
