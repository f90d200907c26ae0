//! What publishers do with their listings: drafts, terms, release notes, vouchers, and how often something was sold.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::kit::{GCODE, Kit, until};
use super::plugin_kit::PLUGIN;

#[tokio::test]
async fn a_draft_is_there_for_its_publisher_and_operators_alone_until_it_is_published() {
    let kit = Kit::new().await;
    let (operator, seller, other) =
        (kit.operator().await, kit.person("sel").await, kit.person("other").await);
    let draft = kit.listing(&seller, json!({"state": "draft"})).await;
    let path = format!("/api/v1/listings/{draft}");

    let release = kit.publish(&seller, json!({"listing": draft, "version": "1"}), GCODE).await.string("id");
    let of_release = format!("/api/v1/releases/{release}");
    for who in [&seller, &operator] {
        assert_eq!(kit.get(&path, who).await.string("state"), "draft");
        assert_eq!(kit.get(&of_release, who).await.status, StatusCode::OK);
        // What they were shown is not kept for others.
        for stranger in ["", &other] {
            assert_eq!(kit.get(&path, stranger).await.problem(), (404, "not_found".to_owned()));
            assert_eq!(kit.get(&of_release, stranger).await.problem(), (404, "not_found".to_owned()));
        }
    }
    assert_eq!(kit.get("/api/v1/listings", "").await.json()["listings"], json!([]));
    let buy = json!({"listing": draft, "payment": {"method": "free"}});
    assert_eq!(
        kit.post("/api/v1/purchases", &other, buy.clone()).await.problem(),
        (410, "listing_not_for_sale".to_owned())
    );

    let publish =
        async |state: &str| kit.call(Method::PATCH, &path, &seller, Some(json!({"state": state}))).await;
    assert_eq!(publish("listed").await.string("state"), "listed");
    assert_eq!(kit.get(&path, "").await.string("title"), "Benchy");
    assert_eq!(kit.post("/api/v1/purchases", &other, buy).await.status, StatusCode::CREATED);
    assert_eq!(publish("draft").await.problem(), (409, "already_published".to_owned()));
}

#[tokio::test]
async fn a_draft_that_was_suspended_is_a_draft_again_and_never_on_sale() {
    let kit = Kit::new().await;
    let (operator, seller, other) =
        (kit.operator().await, kit.person("sel").await, kit.person("other").await);
    let draft = kit.listing(&seller, json!({"state": "draft"})).await;
    kit.publish(&seller, json!({"listing": draft, "version": "1"}), GCODE).await;
    let path = format!("/api/v1/listings/{draft}");
    let state = async || kit.get(&path, &operator).await.string("state");
    let turn =
        async |state: &str| kit.call(Method::PATCH, &path, &operator, Some(json!({"state": state}))).await;
    let suspend =
        async || kit.post(&format!("{path}/suspend"), &operator, json!({"reason": "x"})).await.status;
    let lift = async || kit.post(&format!("{path}/lift"), &operator, json!({})).await.status;

    assert_eq!((suspend().await, lift().await), (StatusCode::OK, StatusCode::NO_CONTENT));
    assert_eq!(state().await, "draft");
    // Without a word, and twice over.
    assert_eq!((turn("suspended").await.status, suspend().await), (StatusCode::OK, StatusCode::OK));
    assert_eq!(turn("suspended").await.status, StatusCode::OK);
    for sold in ["listed", "unlisted"] {
        assert_eq!(turn(sold).await.problem(), (409, "listing_was_draft".to_owned()));
    }
    // With its publisher, in either order.
    let id = kit.get("/api/v1/me", &seller).await.string("user_id");
    let people = format!("/api/v1/people/{id}");
    kit.post(&format!("{people}/suspend"), &operator, json!({"reason": "spam"})).await;
    kit.post(&format!("{people}/lift"), &operator, json!({})).await;
    assert_eq!(state().await, "suspended", "it was suspended for itself");
    assert_eq!(lift().await, StatusCode::NO_CONTENT);
    kit.post(&format!("{people}/suspend"), &operator, json!({"reason": "spam"})).await;
    kit.post(&format!("{people}/lift"), &operator, json!({})).await;
    assert_eq!(state().await, "draft");
    let buy = json!({"listing": draft, "payment": {"method": "free"}});
    let refused = kit.post("/api/v1/purchases", &other, buy).await;
    assert_eq!(refused.problem(), (410, "listing_not_for_sale".to_owned()));
    // Nobody is left who could publish it.
    let seller = kit.sign_in("sel").await;
    let gone = kit.post("/api/v1/me/delete", &seller, json!({"password": "correct horse battery"})).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text());
    assert_eq!((lift().await, state().await.as_str()), (StatusCode::CONFLICT, "suspended"));
}

#[tokio::test]
async fn a_listing_that_holds_nothing_is_not_published_and_begins_suspended_for_nobody() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let draft = kit.listing(&seller, json!({"state": "draft"})).await;
    let path = format!("/api/v1/listings/{draft}");
    let listed = json!({"state": "listed"});
    let refused = kit.call(Method::PATCH, &path, &seller, Some(listed.clone())).await;
    assert_eq!(refused.problem(), (409, "nothing_to_sell".to_owned()));
    let release = kit.publish(&seller, json!({"listing": draft, "version": "1"}), GCODE).await.string("id");
    kit.post(&format!("/api/v1/releases/{release}/yank"), &seller, json!({})).await;
    let refused = kit.call(Method::PATCH, &path, &seller, Some(listed)).await;
    assert_eq!(refused.problem(), (409, "nothing_to_sell".to_owned()), "what was taken back is nothing");
    for state in ["suspended", "sold", ""] {
        let new = kit.post("/api/v1/listings", &seller, json!({"title": "a", "state": state})).await;
        assert_eq!(new.problem(), (422, "invalid".to_owned()), "{state}");
    }
}

#[tokio::test]
async fn a_draft_can_be_thrown_away_with_all_that_is_in_it_and_what_was_published_cannot() {
    let kit = Kit::new().await;
    let (seller, other) = (kit.person("sel").await, kit.person("other").await);
    let draft = kit.listing(&seller, json!({"id": "part", "state": "draft"})).await;
    let path = format!("/api/v1/listings/{draft}");
    let release = kit.publish(&seller, json!({"listing": draft, "version": "1"}), GCODE).await.string("id");
    kit.post("/api/v1/vouchers", &seller, json!({"listing": draft})).await;
    assert_eq!(kit.blobs().len(), 1);
    assert_eq!(
        kit.call(Method::DELETE, &path, &other, None).await.problem(),
        (403, "not_your_listing".to_owned())
    );
    assert_eq!(kit.call(Method::DELETE, &path, &seller, None).await.status, StatusCode::NO_CONTENT);
    for gone in [&path, &format!("/api/v1/releases/{release}")] {
        assert_eq!(kit.get(gone, &seller).await.problem(), (404, "not_found".to_owned()));
    }
    assert_eq!(kit.call(Method::DELETE, &path, &seller, None).await.problem(), (404, "not_found".to_owned()));
    for table in ["listings", "releases", "vault", "vouchers", "thumbnails"] {
        assert_eq!(kit.execute(&format!("DELETE FROM {table}")).await, 0, "{table}");
    }
    until(async || kit.blobs().is_empty()).await;

    let again = kit.listing(&seller, json!({"id": "part"})).await;
    let refused = kit.call(Method::DELETE, &format!("/api/v1/listings/{again}"), &seller, None).await;
    assert_eq!(refused.problem(), (409, "already_published".to_owned()), "its name is free again");
}

#[tokio::test]
async fn people_are_told_of_a_drafts_versions_when_it_is_published() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let draft = kit.listing(&seller, json!({"state": "draft"})).await;
    kit.publish(&seller, json!({"listing": draft, "version": "1"}), GCODE).await;
    // Each statement says how many rows it would have touched.
    let told = async || kit.execute("UPDATE happenings SET id = id WHERE kind = 'release.published'").await;
    assert_eq!(told().await, 0);
    let path = format!("/api/v1/listings/{draft}");
    kit.call(Method::PATCH, &path, &seller, Some(json!({"state": "listed"}))).await;
    assert_eq!(told().await, 1);
    kit.publish(&seller, json!({"listing": draft, "version": "2"}), GCODE).await;
    assert_eq!(told().await, 2);
}

#[tokio::test]
async fn a_draft_counts_as_new_when_it_is_published() {
    let kit = Kit::new().await;
    let seller = kit.person("sel").await;
    let draft = kit.listing(&seller, json!({"title": "Draft", "state": "draft"})).await;
    kit.publish(&seller, json!({"listing": draft, "version": "1"}), GCODE).await;
    kit.pass_s(60);
    kit.listing(&seller, json!({"title": "Later"})).await;
    kit.pass_s(60);
    let path = format!("/api/v1/listings/{draft}");
    kit.call(Method::PATCH, &path, &seller, Some(json!({"state": "listed"}))).await;
    let page = kit.get("/api/v1/listings", "").await.json();
    let titles: Vec<_> =
        page["listings"].as_array().unwrap().iter().map(|one| one["title"].clone()).collect();
    assert_eq!(titles, ["Draft", "Later"]);
}

#[tokio::test]
async fn every_term_of_a_listing_changes_for_later_buyers_alone() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buyer").await);
    let licence = kit.bought(&seller, &buyer, json!({"prints": 2, "valid_days": 30})).await;
    let before = kit.licence(&buyer, &licence).await;
    let listing = before["listing"].as_str().unwrap();
    let path = format!("/api/v1/listings/{listing}");
    let change = async |changes: Value| kit.call(Method::PATCH, &path, &seller, Some(changes)).await;

    let terms =
        json!({"prints": 5, "free_retries": 3, "seal_once": true, "free_updates": false, "valid_days": 0});
    let changed = change(terms).await.json();
    for (field, value) in [
        ("prints", json!(5)),
        ("free_retries", json!(3)),
        ("seal_once", json!(true)),
        ("free_updates", json!(false)),
    ] {
        assert_eq!(changed[field], value, "{field}");
    }
    assert_eq!(changed.get("valid_days"), None, "0 is for ever");
    let after = kit.licence(&buyer, &licence).await;
    assert_eq!(
        (&after["prints_allowed"], &after["expires_at"]),
        (&before["prints_allowed"], &before["expires_at"])
    );

    for wrong in [json!({"prints": 0}), json!({"free_retries": 1001}), json!({"valid_days": 36_501})] {
        assert_eq!(change(wrong.clone()).await.problem(), (422, "invalid".to_owned()), "{wrong}");
    }
    kit.plugin(&seller, None).await;
    let plugin = format!("/api/v1/listings/{PLUGIN}");
    let change = async |changes: Value| kit.call(Method::PATCH, &plugin, &seller, Some(changes)).await;
    assert_eq!(change(json!({"prints": 4})).await.json()["plugin"]["devices"], 4);
    for wrong in [json!({"free_retries": 1}), json!({"seal_once": false})] {
        assert_eq!(change(wrong.clone()).await.problem(), (422, "invalid".to_owned()), "{wrong}");
    }
}

#[tokio::test]
async fn release_notes_are_told_and_can_be_changed_by_the_publisher() {
    let kit = Kit::new().await;
    let (seller, other) = (kit.person("sel").await, kit.person("other").await);
    let listing = kit.listing(&seller, json!({})).await;
    let new = json!({"listing": listing, "version": "1", "notes": "First.\nWith lines.\n\n"});
    let release = kit.publish(&seller, new, GCODE).await;
    assert_eq!(release.string("notes"), "First.\nWith lines.");
    let path = format!("/api/v1/releases/{}", release.string("id"));
    let notes = json!({"notes": "Better."});
    assert_eq!(
        kit.call(Method::PATCH, &path, &other, Some(notes.clone())).await.problem(),
        (403, "not_your_listing".to_owned())
    );
    let changed = kit.call(Method::PATCH, &path, &seller, Some(notes)).await.json();
    assert_eq!((&changed["notes"], &changed["state"]), (&json!("Better."), &json!("active")));
    assert_eq!(
        kit.get(&format!("/api/v1/listings/{listing}"), "").await.json()["releases"][0]["notes"],
        "Better."
    );
    let yanked = kit.call(Method::PATCH, &path, &seller, Some(json!({"state": "yanked"}))).await.json();
    assert_eq!((&yanked["notes"], &yanked["state"]), (&json!("Better."), &json!("yanked")));
    for wrong in ["x".repeat(5001), "bell\u{7}".to_owned()] {
        let answer = kit.call(Method::PATCH, &path, &seller, Some(json!({"notes": wrong}))).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()));
        let new = json!({"listing": listing, "version": "2", "notes": wrong});
        assert_eq!(kit.publish(&seller, new, GCODE).await.problem(), (422, "invalid".to_owned()));
    }
}

#[tokio::test]
async fn own_listings_are_listed_with_what_was_sold() {
    let kit = Kit::new().await;
    let (seller, buyer) = (kit.person("sel").await, kit.person("buyer").await);
    kit.bought(&seller, &buyer, json!({"title": "Sold"})).await;
    kit.pass_s(1);
    kit.listing(&seller, json!({"title": "Draft", "state": "draft"})).await;
    kit.pass_s(1);
    let priced = json!({"title": "Waits", "price": {"amount": "100", "currency": "EUR"}});
    let waits = kit.listing(&seller, priced).await;
    kit.publish(&seller, json!({"listing": waits, "version": "1"}), GCODE).await;
    let order = json!({"listing": waits, "payment": {"method": "marked_paid"}});
    kit.post("/api/v1/purchases", &buyer, order).await;
    kit.post("/api/v1/vouchers", &seller, json!({"listing": waits})).await;

    assert_eq!(kit.get("/api/v1/me/listings", "").await.problem(), (401, "sign_in_required".to_owned()));
    assert_eq!(kit.get("/api/v1/me/listings", &buyer).await.json()["listings"], json!([]));
    let page = kit.get("/api/v1/me/listings", &seller).await.json();
    let rows: Vec<_> = page["listings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            json!([
                row["listing"]["title"],
                row["listing"]["state"],
                row["sales"],
                row["waiting"],
                row["vouchers"]
            ])
        })
        .collect();
    let expected = [
        json!(["Waits", "listed", 0, 1, 1]),
        json!(["Draft", "draft", 0, 0, 0]),
        json!(["Sold", "listed", 1, 0, 0]),
    ];
    assert_eq!(rows, expected);
    let first = kit.get("/api/v1/me/listings?limit=2", &seller).await.json();
    let next = format!("/api/v1/me/listings?limit=2&after={}", first["next"].as_str().unwrap());
    let second = kit.get(&next, &seller).await.json();
    assert_eq!(second["listings"][0]["listing"]["title"], "Sold");
    assert_eq!(second.get("next"), None);
}

#[tokio::test]
async fn vouchers_are_listed_without_their_codes_and_pay_for_nothing_once_taken_back() {
    let kit = Kit::new().await;
    let (seller, other) = (kit.person("sel").await, kit.person("other").await);
    let priced = json!({"price": {"amount": "100", "currency": "EUR"}, "prints": 3});
    let listing = kit.listing(&seller, priced).await;
    kit.publish(&seller, json!({"listing": listing, "version": "1"}), GCODE).await;
    let new = json!({"listing": listing, "uses": 2, "label": "For Ann"});
    let made = kit.post("/api/v1/vouchers", &seller, new).await.json();
    let code = made["code"].as_str().unwrap().to_owned();
    let buy = |who: &str| {
        let (who, body) =
            (who.to_owned(), json!({"listing": listing, "payment": {"method": "voucher", "code": code}}));
        let kit = &kit;
        async move { kit.post("/api/v1/purchases", &who, body).await }
    };
    assert_eq!(buy(&other).await.status, StatusCode::CREATED);

    let path = format!("/api/v1/vouchers?listing={listing}");
    assert_eq!(kit.get(&path, &other).await.problem(), (403, "not_your_listing".to_owned()));
    let answer = kit.get(&path, &seller).await;
    let bare = code.replace('-', "");
    assert!(!answer.text().contains(&code) && !answer.text().contains(&bare), "the code is shown once");
    let voucher = answer.json()["vouchers"][0].clone();
    assert_eq!(voucher["id"], made["id"]);
    assert_eq!(
        json!([
            voucher["label"],
            voucher["ends"],
            voucher["uses"],
            voucher["uses_left"],
            voucher["state"],
            voucher["prints"]
        ]),
        json!(["For Ann", bare[12..], 2, 1, "active", 3])
    );

    let one = format!("/api/v1/vouchers/{}", made["id"].as_str().unwrap());
    assert_eq!(
        kit.call(Method::DELETE, &one, &other, None).await.problem(),
        (403, "not_your_listing".to_owned())
    );
    for _ in 0..2 {
        let disabled = kit.call(Method::DELETE, &one, &seller, None).await.json();
        assert_eq!((&disabled["state"], &disabled["uses_left"]), (&json!("disabled"), &json!(1)));
    }
    let third = kit.person("third").await;
    assert_eq!(buy(&third).await.problem(), (410, "voucher_disabled".to_owned()));
    assert_eq!(
        kit.call(Method::DELETE, "/api/v1/vouchers/none", &seller, None).await.problem(),
        (404, "not_found".to_owned())
    );
}
