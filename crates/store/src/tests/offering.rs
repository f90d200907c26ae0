//! Listings of plugins: what may be said of them, and what they are called.

use http::Method;
use serde_json::{Value, json};

use super::kit::Kit;
use super::plugin_kit::{PLUGIN, public, signing_key};

#[tokio::test]
async fn a_listing_of_a_plugin_says_what_it_is() {
    let kit = Kit::new().await;
    let (seller, key) = (kit.person("sel").await, signing_key());
    let plugin = json!({"plugin_id": PLUGIN, "devices": 3, "publisher_key": public(&key).to_uppercase()});
    let new = json!({"title": "Viewer", "kind": "plugin", "plugin": plugin, "free_updates": false, "valid_days": 30});
    let listing = kit.post("/api/v1/listings", &seller, new).await.json();
    assert_eq!(listing["kind"], "plugin");
    assert_eq!(listing["plugin"], json!({"plugin_id": PLUGIN, "devices": 3, "publisher_key": public(&key)}));
    assert_eq!(listing["prints"], 3);
    assert_eq!(listing["free_updates"], false);
    assert_eq!(listing["valid_days"], 30);
    let id = listing["id"].as_str().unwrap();
    for name in [id, PLUGIN] {
        assert_eq!(kit.get(&format!("/api/v1/listings/{name}"), "").await.json(), listing);
    }
    let gcode = kit.post("/api/v1/listings", &seller, json!({"title": "Part"})).await.json();
    assert_eq!((&gcode["kind"], &gcode["free_updates"]), (&json!("gcode"), &json!(true)));
    assert_eq!((gcode.get("plugin"), gcode.get("valid_days")), (None, None));
}

#[tokio::test]
async fn values_that_make_no_sense_are_told_by_their_field() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let plugin = |more: Value| {
        let mut plugin = json!({"plugin_id": PLUGIN});
        plugin.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"kind": "plugin", "plugin": plugin})
    };
    for (field, more) in [
        ("kind", json!({"kind": "model"})),
        ("kind", json!({"kind": ""})),
        ("plugin", json!({"kind": "plugin"})),
        ("plugin", json!({"plugin": {"plugin_id": PLUGIN}})),
        ("plugin.plugin_id", plugin(json!({"plugin_id": ""}))),
        ("plugin.plugin_id", plugin(json!({"plugin_id": "a b"}))),
        ("plugin.plugin_id", plugin(json!({"plugin_id": "../x"}))),
        ("plugin.devices", plugin(json!({"devices": 0}))),
        ("plugin.devices", plugin(json!({"devices": 1_000_001}))),
        ("publisher_key", plugin(json!({"publisher_key": "00"}))),
        ("publisher_key", plugin(json!({"publisher_key": "00".repeat(32)}))),
        ("valid_days", json!({"valid_days": 0})),
        ("valid_days", json!({"valid_days": 36_501})),
    ] {
        let mut new = json!({"title": "a"});
        new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        told(&kit, &seller, field, new).await;
    }
    for (field, value) in [("prints", json!(1)), ("free_retries", json!(0)), ("seal_once", json!(true))] {
        let mut new = plugin(json!({}));
        (new["title"], new[field]) = ("a".into(), value);
        told(&kit, &seller, field, new).await;
    }
    assert_eq!(kit.get("/api/v1/listings?kind=plugin", "").await.json()["listings"], json!([]));
}

#[tokio::test]
async fn a_name_leads_to_one_listing_whatever_kind_of_name_it_is() {
    let kit = Kit::new().await;
    let (seller, other) = (kit.person("sel").await, kit.person("other").await);
    let new = |id: Option<&str>, plugin_id: Option<&str>| {
        let mut new = json!({"title": "a", "id": id});
        if let Some(plugin_id) = plugin_id {
            (new["kind"], new["plugin"]) = ("plugin".into(), json!({"plugin_id": plugin_id}));
        }
        new
    };
    let make = async |who: &str, new: Value| kit.post("/api/v1/listings", who, new).await;
    assert!(make(&seller, new(None, Some("viewer"))).await.status.is_success());
    assert!(make(&seller, new(Some("part"), None)).await.status.is_success());
    for (id, plugin_id, code) in [
        (None, Some("viewer"), "plugin_id_taken"),
        (Some("viewer"), None, "id_taken"),
        (Some("viewer"), Some("viewer2"), "id_taken"),
        (None, Some("part"), "plugin_id_taken"),
        (Some("part"), None, "id_taken"),
    ] {
        for who in [&seller, &other] {
            let answer = make(who, new(id, plugin_id)).await;
            assert_eq!(answer.problem(), (409, code.to_owned()), "{}", answer.text());
        }
    }
    // Its own two names may be one; case tells names apart.
    assert!(make(&other, new(Some("tool"), Some("tool"))).await.status.is_success());
    assert!(make(&other, new(None, Some("Viewer"))).await.status.is_success());
}

#[tokio::test]
async fn the_catalogue_shows_one_kind_on_request() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let part = kit.listing(&seller, json!({})).await;
    let plugin = kit.plugin(&seller, None).await;
    for (query, expected) in [
        ("", vec![&plugin, &part]),
        ("?kind=gcode", vec![&part]),
        ("?kind=plugin", vec![&plugin]),
        ("?kind=plugin&q=nothing", vec![]),
    ] {
        let page = kit.get(&format!("/api/v1/listings{query}"), "").await.json();
        let mut ids: Vec<_> = page["listings"].as_array().unwrap().iter().map(|l| l["id"].clone()).collect();
        let mut expected: Vec<Value> = expected.into_iter().map(|id| json!(id)).collect();
        // Made in the same millisecond of the clock that tests move.
        ids.sort_by_key(ToString::to_string);
        expected.sort_by_key(ToString::to_string);
        assert_eq!(ids, expected, "{query}");
    }
    assert_eq!(kit.get("/api/v1/listings?kind=model", "").await.problem(), (422, "invalid".to_owned()));
}

#[tokio::test]
async fn a_plugins_name_serves_where_its_listing_is_changed_and_given_away() {
    let kit = Kit::new().await;
    let (seller, other) = (kit.person("sel").await, kit.person("other").await);
    let listing = kit.plugin(&seller, None).await;
    let path = format!("/api/v1/listings/{PLUGIN}");
    let changed =
        kit.call(Method::PATCH, &path, &seller, Some(json!({"title": "New", "state": "unlisted"}))).await;
    assert_eq!((changed.string("id"), changed.string("title")), (listing.clone(), "New".to_owned()));
    let foreign = kit.call(Method::PATCH, &path, &other, Some(json!({"title": "Mine"}))).await;
    assert_eq!(foreign.problem(), (403, "not_your_listing".to_owned()));
    let voucher = kit.post("/api/v1/vouchers", &seller, json!({"listing": PLUGIN})).await;
    assert_eq!(voucher.string("listing"), listing);
}

#[tokio::test]
async fn only_plugins_have_a_publisher_key() {
    let kit = Kit::new().await;
    let (seller, key) = (kit.person("sel").await, signing_key());
    let part = kit.listing(&seller, json!({})).await;
    kit.plugin(&seller, Some(&key)).await;
    for (listing, value) in
        [(part.as_str(), public(&key)), (PLUGIN, "00".to_owned()), (PLUGIN, String::new())]
    {
        let path = format!("/api/v1/listings/{listing}");
        let answer = kit.call(Method::PATCH, &path, &seller, Some(json!({"publisher_key": value}))).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{listing} {value}");
        assert!(answer.text().contains("publisher_key"));
    }
}

async fn told(kit: &Kit, seller: &str, field: &str, new: Value) {
    let answer = kit.post("/api/v1/listings", seller, new).await;
    assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{}", answer.text());
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains(&format!("`{field}`")), "{field}: {detail}");
}
