use super::*;

fn root() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn set(version: u64) -> KeySet {
    let [jobs, tokens] = [[2; 32], [3; 32]].map(|seed| SigningKey::from_bytes(&seed).verifying_key());
    let keys = vec![SetKey::new(KeyUse::Jobs, jobs), SetKey::new(KeyUse::Tokens, tokens)];
    KeySet { iss: "https://store.example".into(), version, iat: 1_790_000_000, keys }
}

#[test]
fn a_signed_set_comes_back() {
    let jws = set(u64::MAX).sign(&root()).unwrap();
    assert_eq!(KeySet::verify(&jws, &root().verifying_key(), None).unwrap(), set(u64::MAX));
}

#[test]
fn only_newer_sets_are_taken() {
    let jws = set(5).sign(&root()).unwrap();
    let root = root().verifying_key();
    assert!(KeySet::verify(&jws, &root, Some(4)).is_ok());
    for known in [5, 6] {
        let refused = KeySet::verify(&jws, &root, Some(known)).unwrap_err();
        assert_eq!(refused, KeySetError::NotNewer { known, offered: 5 });
    }
}

#[test]
fn a_time_that_json_would_round_is_not_signed() {
    let signed = |iat| KeySet { iat, ..set(1) }.sign(&root());
    let last = (1 << 53) - 1;
    let jws = signed(last).unwrap();
    assert_eq!(KeySet::verify(&jws, &root().verifying_key(), None).unwrap().iat, last);
    for rounded in [1 << 53, (1 << 53) + 1, u64::MAX] {
        assert_eq!(signed(rounded), Err(KeySetError::Malformed));
    }
}

#[test]
fn a_set_of_another_root_is_refused() {
    let jws = set(1).sign(&SigningKey::from_bytes(&[9; 32])).unwrap();
    assert_eq!(KeySet::verify(&jws, &root().verifying_key(), None), Err(KeySetError::Signature));
}

#[test]
fn a_changed_character_is_refused() {
    let jws = set(1).sign(&root()).unwrap();
    for at in 0..jws.len() {
        let mut changed = jws.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert!(KeySet::verify(&changed, &root().verifying_key(), None).is_err(), "character {at}");
    }
}

#[test]
fn keys_are_found_by_name_and_use_only() {
    let set = set(1);
    let jobs = &set.keys[0];
    assert_eq!(set.find(&jobs.kid, KeyUse::Jobs), Some(&jobs.public));
    assert_eq!(set.find(&jobs.kid, KeyUse::Tokens), None);
    assert_eq!(set.find("", KeyUse::Jobs), None);
}

#[test]
fn a_key_under_a_name_that_is_not_its_own_is_refused() {
    let mut set = set(1);
    set.keys[0].kid = set.keys[1].kid.clone();
    let jws = set.sign(&root()).unwrap();
    assert_eq!(KeySet::verify(&jws, &root().verifying_key(), None), Err(KeySetError::BadKey));
}

#[test]
fn keys_of_small_order_are_refused() {
    let mut identity = [0; 32];
    identity[0] = 1;
    assert_eq!(public_key(&identity), Err(KeySetError::BadKey));
    assert_eq!(public_key(&[0; 32]), Err(KeySetError::BadKey));
}
