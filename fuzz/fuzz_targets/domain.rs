//! Domain names, against the URL parser that browsers' rules were written into.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sealpost_envelope::domain::{DomainKey, DomainSecret, DomainVersion, normalise};
use url::Url;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let secret = DomainSecret::new(vec![7; 32]).unwrap();
    let derive = |domain: &str, version| DomainKey::derive(&secret, domain, "p", version);
    let version = DomainVersion::V2 { epoch: 1 };
    let old = derive(text, DomainVersion::V1 { epoch: Some(1) });
    assert_eq!(old.is_err(), text.is_empty());

    let Ok(name) = normalise(text) else {
        assert!(derive(text, version).is_err());
        return;
    };
    assert_eq!(normalise(&name).as_ref(), Ok(&name), "one spelling leads to another");
    assert_eq!(derive(text, version), derive(&name, version));
    assert!(name.len() <= 253 && name.is_ascii() && !name.bytes().any(|byte| byte.is_ascii_uppercase()));

    let literal =
        if text.contains(':') && !text.starts_with('[') { format!("[{text}]") } else { text.to_owned() };
    for spelling in [&literal, &name] {
        let url = Url::parse(&format!("https://{spelling}/"));
        let seen = url.as_ref().ok().and_then(Url::host_str);
        assert_eq!(seen, Some(name.as_str()), "a browser sees another host for {spelling:?}");
    }
});
