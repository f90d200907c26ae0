use serde_json::Value;

use super::*;

/// The vectors of BIP-32, which the suite `vectors` reads too.
fn chains() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/bip32/valid.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn every_private_key_and_chain_code_of_bip_32_comes_out() {
    let mut seen = 0;
    for chain in chains() {
        let mut node = Node::master(&hex::decode(chain["seed"].as_str().unwrap()).unwrap()).unwrap();
        for step in chain["chain"].as_array().unwrap() {
            if let Some(number) = step["child"].as_str() {
                node = node.child(number.parse().unwrap()).unwrap();
            }
            let expected: bip32::XPrv = step["xprv"].as_str().unwrap().parse().unwrap();
            assert_eq!(*node.scalar(), expected.to_bytes(), "{}", step["path"]);
            assert_eq!(*node.chain_code, expected.attrs().chain_code, "{}", step["path"]);
            seen += 1;
        }
    }
    assert_eq!(seen, 17);
}
