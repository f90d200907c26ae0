use proptest::{prelude::*, sample::Index};

use super::*;
use crate::ErrorCode;

const V2: DomainVersion = DomainVersion::V2 { epoch: 7 };

#[test]
fn a_short_secret_is_good_for_version_1_only() {
    let secret = DomainSecret::new(vec![1; 31]).unwrap();
    assert!(DomainKey::derive(&secret, "example.com", "p", DomainVersion::V1 { epoch: None }).is_ok());
    let refused = DomainKey::derive(&secret, "example.com", "p", V2).unwrap_err();
    assert_eq!(refused, DomainError::SecretShort { found: 31 });
    assert_eq!(DomainSecret::new(Vec::new()).unwrap_err(), DomainError::SecretEmpty);
}

#[test]
fn plugin_ids_cannot_reach_into_the_epoch() {
    for plugin in ["", "p\0", "p\x001", "\0"] {
        assert_eq!(DomainKey::derive(&secret(), "a.example", plugin, V2), Err(DomainError::PluginId));
    }
}

#[test]
fn every_part_has_a_key_of_its_own() {
    let other_secret = DomainSecret::new(vec![8; 32]).unwrap();
    for version in [V2, DomainVersion::V1 { epoch: Some(7) }] {
        let other_version = match version {
            DomainVersion::V1 { .. } => DomainVersion::V1 { epoch: Some(8) },
            DomainVersion::V2 { .. } => DomainVersion::V2 { epoch: 8 },
        };
        let key = DomainKey::derive(&secret(), "a.example", "p", version).unwrap();
        assert_eq!(DomainKey::derive(&secret(), "a.example", "p", version).unwrap(), key);
        assert_ne!(DomainKey::derive(&other_secret, "a.example", "p", version).unwrap(), key);
        assert_ne!(DomainKey::derive(&secret(), "b.example", "p", version).unwrap(), key);
        assert_ne!(DomainKey::derive(&secret(), "a.example", "q", version).unwrap(), key);
        assert_ne!(DomainKey::derive(&secret(), "a.example", "p", other_version).unwrap(), key);
    }
}

#[test]
fn version_1_tells_no_epoch_from_epoch_0_and_spellings_apart() {
    let derive =
        |domain, epoch| DomainKey::derive(&secret(), domain, "p", DomainVersion::V1 { epoch }).unwrap();
    assert_ne!(derive("example.com", None), derive("example.com", Some(0)));
    assert_ne!(derive("example.com", None), derive("Example.com", None));
    assert_eq!(
        DomainKey::derive(&secret(), "", "p", DomainVersion::V1 { epoch: None }),
        Err(DomainError::NotADomain)
    );
}

#[test]
fn version_1_without_a_plugin_id_gives_every_domain_away_with_one() {
    let derive = |domain| {
        *DomainKey::derive(&secret(), domain, "", DomainVersion::V1 { epoch: Some(1) }).unwrap().expose()
    };
    let [known, wanted] = ["a.example", "b.example"].map(|domain| digest::sha256(domain.as_bytes()));
    let computed: Vec<u8> =
        derive("a.example").iter().zip(known).zip(wanted).map(|((key, a), b)| key ^ a ^ b).collect();
    assert_eq!(computed, derive("b.example"));
}

#[test]
fn what_is_no_single_host_is_refused_by_name() {
    let cases = [
        ("", "domain_invalid"),
        ("a..b", "domain_invalid"),
        (".example.com", "domain_invalid"),
        ("exa mple.com", "domain_invalid"),
        ("exa%6Dple.com", "domain_invalid"),
        ("a\0b.com", "domain_invalid"),
        ("xn--", "domain_invalid"),
        ("xn--a", "domain_invalid"),
        ("\u{ad}", "domain_invalid"),
        ("[::1", "domain_invalid"),
        ("[a]", "domain_invalid"),
        ("[fe80::1%eth0]", "domain_invalid"),
        ("example.com.", "domain_trailing_dot"),
        ("127.0.0.1.", "domain_trailing_dot"),
        ("example。", "domain_trailing_dot"),
        ("example.com:8080", "domain_port"),
        ("[::1]:80", "domain_port"),
        ("https://example.com", "domain_is_url"),
        ("example.com/path", "domain_is_url"),
        ("user@example.com", "domain_is_url"),
        ("*.example.com", "domain_wildcard"),
        ("＊.example.com", "domain_wildcard"),
        ("127.1", "domain_ipv4"),
        ("１.２", "domain_ipv4"),
        ("0x7f.0.0.1", "domain_ipv4"),
        ("a.0x", "domain_ipv4"),
        ("2130706433", "domain_ipv4"),
        ("256.1.1.1", "domain_ipv4"),
        ("127.0.0.01", "domain_ipv4"),
    ];
    for (domain, code) in cases {
        assert_eq!(normalise(domain).unwrap_err().code(), code, "{domain:?}");
    }
    let long = "a".repeat(64) + ".example";
    assert_eq!(normalise(&long), Err(DomainError::NotADomain));
    assert_eq!(normalise(&"a.".repeat(127)), Err(DomainError::TrailingDot));
    assert_eq!(normalise(&("a.".repeat(127) + "b")), Err(DomainError::NotADomain));
}

#[test]
fn debug_shows_no_secret_byte() {
    assert_eq!(format!("{:?}", secret()), "DomainSecret([redacted])");
    assert_eq!(format!("{:?}", DomainKey::from_bytes([0xab; 32])), "DomainKey([redacted])");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_wrapped_key_comes_back_and_a_changed_one_never(
        key: [u8; 32], dek: [u8; 32], at in any::<Index>(), bit in 0u8..8,
    ) {
        let key = DomainKey::from_bytes(key);
        let mut wrapped = key.wrap(&Dek::from_bytes(dek), &mut rng()).unwrap();
        prop_assert_eq!(key.unwrap(&wrapped), Ok(Dek::from_bytes(dek)));
        wrapped[at.index(WRAPPED_LEN)] ^= 1 << bit;
        prop_assert_eq!(key.unwrap(&wrapped), Err(DomainError::Open));
    }

    #[test]
    fn a_normalised_domain_stays_as_it_is(domain in "\\PC{0,40}|[a-z0-9.-]{1,20}|[0-9a-f:.\\[\\]]{1,20}") {
        if let Ok(host) = normalise(&domain) {
            prop_assert_eq!(normalise(&host), Ok(host.clone()));
            prop_assert!(host.is_ascii());
        }
    }

    #[test]
    fn no_input_panics(secret: Vec<u8>, domain: String, plugin: String, epoch: Option<u64>) {
        let Ok(secret) = DomainSecret::new(secret) else { return Ok(()) };
        let version = epoch.map_or(DomainVersion::V1 { epoch }, |epoch| DomainVersion::V2 { epoch });
        let _ = DomainKey::derive(&secret, &domain, &plugin, version);
    }
}

fn secret() -> DomainSecret {
    DomainSecret::new(vec![7; 32]).unwrap()
}

fn rng() -> impl CryptoRng {
    rand_core::UnwrapErr(getrandom::SysRng)
}
