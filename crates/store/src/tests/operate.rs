//! What operators set holds at once, for everybody, and is written down.

use http::{Method, StatusCode, header};
use serde_json::json;

use super::kit::{GCODE, Kit};
use super::operate_kit::{actions, me, set};

#[tokio::test]
async fn operators_alone_see_and_change_how_a_store_is_run() {
    let kit = Kit::new().await;
    let (_operator, ann) = (kit.operator().await, kit.person("ann").await);
    let listing = kit.listing(&ann, json!({})).await;
    let id = me(&kit, &ann).await;
    for path in [
        "/api/v1/operator/overview",
        "/api/v1/operator/settings",
        "/api/v1/operator/health",
        "/api/v1/operator/backup",
        "/api/v1/operator/audit",
        "/api/v1/operator/audit/export",
        "/api/v1/operator/listings",
        "/api/v1/operator/reports",
        "/api/v1/people",
        "/api/v1/invitations",
        "/metrics",
        &format!("/api/v1/people/{id}"),
    ] {
        assert_eq!(kit.get(path, &ann).await.problem(), (403, "operator_required".to_owned()), "{path}");
        assert_eq!(kit.get(path, "").await.problem(), (401, "sign_in_required".to_owned()), "{path}");
    }
    for (path, body) in [
        (format!("/api/v1/listings/{listing}/suspend"), json!({"reason": "x"})),
        (format!("/api/v1/listings/{listing}/lift"), json!({})),
        (format!("/api/v1/people/{id}/suspend"), json!({"reason": "x"})),
        (format!("/api/v1/people/{id}/lift"), json!({})),
        ("/api/v1/invitations".to_owned(), json!({"note": ""})),
        ("/api/v1/operator/backup/keys".to_owned(), json!({"key": "x"})),
        ("/api/v1/operator/reports/x/close".to_owned(), json!({"note": ""})),
    ] {
        let answer = kit.post(&path, &ann, body).await;
        assert_eq!(answer.problem(), (403, "operator_required".to_owned()), "{path}");
    }
    for (path, body) in
        [("/api/v1/operator/settings".to_owned(), json!({})), (format!("/api/v1/people/{id}"), json!({}))]
    {
        let answer = kit.call(Method::PATCH, &path, &ann, Some(body)).await;
        assert_eq!(answer.problem(), (403, "operator_required".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_store_says_of_itself_what_its_operators_set() {
    let kit = Kit::new().await;
    let facts = kit.get("/api/v1/store", "").await.json();
    assert_eq!(facts["first_run"], true);
    assert_eq!(
        (&facts["name"], &facts["registration"], &facts["fee_bps"]),
        (&json!("Sealpost"), &json!("open"), &json!(0))
    );
    let operator = kit.operator().await;
    let words = json!({"name": "  Benchy's ", "currency": "eur", "contact": "op@example.org", "terms": "Be kind.", "fee_bps": 250});
    let settings = set(&kit, &operator, words).await;
    assert_eq!((&settings["name"], &settings["currency"]), (&json!("Benchy's"), &json!("EUR")));
    let facts = kit.get("/api/v1/store", "").await.json();
    assert_eq!(facts["first_run"], false);
    for (name, value) in
        [("name", "Benchy's"), ("currency", "EUR"), ("contact", "op@example.org"), ("terms", "Be kind.")]
    {
        assert_eq!(facts[name], value);
    }
    assert_eq!(facts["fee_bps"], 250);
    // Back to what is so without, it is not kept.
    set(
        &kit,
        &operator,
        json!({"name": "Sealpost", "currency": "", "contact": "", "terms": "", "fee_bps": 0}),
    )
    .await;
    assert_eq!(kit.execute("DELETE FROM settings").await, 0);
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused_and_change_nothing() {
    let kit = Kit::new().await;
    let operator = kit.operator().await;
    let before = set(&kit, &operator, json!({})).await;
    let mut rates = before["rates"].clone();
    rates["purchase"]["burst"] = json!(0);
    for (changes, named) in [
        (json!({"fee_bps": 5001}), "fee_bps"),
        (json!({"name": " "}), "name"),
        (json!({"name": "a\nb"}), "name"),
        (json!({"name": "x".repeat(61)}), "name"),
        (json!({"currency": "what?"}), "currency"),
        (json!({"upload_bytes": 1}), "upload_bytes"),
        (json!({"upload_bytes": before["upload_bytes"].as_u64().unwrap() + 1}), "upload_bytes"),
        (json!({"terms": "\u{7}"}), "terms"),
        (json!({"rates": rates}), "rates.purchase"),
        (json!({"name": "Good", "fee_bps": 9999}), "fee_bps"),
    ] {
        let answer = kit.call(Method::PATCH, "/api/v1/operator/settings", &operator, Some(changes)).await;
        assert_eq!(answer.problem(), (422, "invalid".to_owned()), "{named}");
        assert!(answer.text().contains(&format!("`{named}`")), "{}", answer.text());
    }
    let unknown =
        kit.call(Method::PATCH, "/api/v1/operator/settings", &operator, Some(json!({"colour": 1}))).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(set(&kit, &operator, json!({})).await, before);
    assert!(actions(&kit, &operator, "action=settings.changed").await.is_empty());
}

#[tokio::test]
async fn another_process_of_the_store_obeys_within_a_second_of_its_clock() {
    let kit = Kit::new().await;
    let operator = kit.operator().await;
    let other = kit.again().await;
    assert_eq!(other.get("/api/v1/store", "").await.json()["registration"], "open");
    set(&kit, &operator, json!({"registration": "closed", "fee_bps": 100})).await;
    other.pass_s(1);
    assert_eq!(other.get("/api/v1/store", "").await.json()["fee_bps"], 100);
    let body = json!({"email": "late@example.org", "password": "correct horse battery"});
    assert_eq!(
        other.post("/api/v1/accounts", "", body).await.problem(),
        (403, "registration_closed".to_owned())
    );
}

#[tokio::test]
async fn the_fee_of_a_sale_is_the_one_of_when_it_began() {
    let kit = Kit::new().await;
    let (operator, ann, bob) = (kit.operator().await, kit.person("ann").await, kit.person("bob").await);
    let price = json!({"price": {"amount": "1999", "currency": "EUR"}});
    let listing = kit.listing(&ann, price).await;
    kit.publish(&ann, json!({"listing": listing, "version": "1.0.0"}), GCODE).await;
    let gift = kit.listing(&ann, json!({"title": "Free"})).await;
    kit.publish(&ann, json!({"listing": gift, "version": "1.0.0"}), GCODE).await;
    let buy = async |listing: &str, method: &str| {
        let body = json!({"listing": listing, "payment": {"method": method}});
        let answer = kit.post("/api/v1/purchases", &bob, body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        answer.json()["purchase"]["id"].as_str().unwrap().to_owned()
    };
    let before = buy(&listing, "marked_paid").await;
    set(&kit, &operator, json!({"fee_bps": 1_250})).await;
    let with = buy(&listing, "marked_paid").await;
    let free = buy(&gift, "free").await;
    set(&kit, &operator, json!({"fee_bps": 5_000})).await;
    for id in [&before, &with] {
        let paid = kit.post(&format!("/api/v1/purchases/{id}/mark-paid"), &ann, json!({})).await;
        assert_eq!(paid.status, StatusCode::OK, "{}", paid.text());
    }
    for (id, fee) in [(&before, 0), (&with, 1_250), (&free, 0)] {
        let sql = format!(
            "UPDATE purchases SET row_version = row_version WHERE id = '{id}' AND fee_basis_points = {fee}"
        );
        assert_eq!(kit.execute(&sql).await, 1, "{id} has {fee}");
    }
    let overview = kit.get("/api/v1/operator/overview", &operator).await.json();
    // 12.5 % of 19.99.
    assert_eq!(overview["fees"], json!([{"amount": "249", "currency": "EUR"}]));
    assert_eq!(overview["sales"], 3);
}

#[tokio::test]
async fn limits_hold_from_the_next_request_on() {
    let kit = Kit::new().await;
    let (operator, ann) = (kit.operator().await, kit.person("ann").await);
    let listing = kit.listing(&ann, json!({})).await;
    let first = kit.publish(&ann, json!({"listing": listing, "version": "1.0.0"}), GCODE).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text());
    let taken = first.json()["blob_size"].as_u64().unwrap();

    set(&kit, &operator, json!({"listings": 1})).await;
    let more = kit.post("/api/v1/listings", &ann, json!({"title": "Another"})).await;
    assert_eq!(more.problem(), (409, "too_many_listings".to_owned()));
    set(&kit, &operator, json!({"listings": 2})).await;
    assert!(kit.post("/api/v1/listings", &ann, json!({"title": "Another"})).await.status.is_success());

    set(&kit, &operator, json!({"storage_bytes": taken + 1})).await;
    let full = kit.publish(&ann, json!({"listing": listing, "version": "2.0.0"}), GCODE).await;
    assert_eq!(full.problem(), (413, "storage_full".to_owned()));
    set(&kit, &operator, json!({"storage_bytes": 10 * taken})).await;
    let fits = kit.publish(&ann, json!({"listing": listing, "version": "2.0.0"}), GCODE).await;
    assert_eq!(fits.status, StatusCode::CREATED, "{}", fits.text());
    set(&kit, &operator, json!({"storage_bytes": 0, "upload_bytes": 1 << 20})).await;
    let large = vec![b'\n'; (1 << 20) + 1];
    let large = kit.publish(&ann, json!({"listing": listing, "version": "3.0.0"}), &large).await;
    assert_eq!(large.problem(), (413, "file_too_large".to_owned()));

    let bob = kit.person("bob").await;
    let licence = kit.bought_of(&listing, &bob, 2).await;
    let printer = kit.printer(&bob, true).await;
    set(&kit, &operator, json!({"open_jobs": 1})).await;
    let order = json!({"licence": licence, "printer": printer.id});
    let job = kit.post("/api/v1/jobs", &bob, order.clone()).await;
    assert_eq!(job.status, StatusCode::CREATED, "{}", job.text());
    assert_eq!(
        kit.post("/api/v1/jobs", &bob, order.clone()).await.problem(),
        (409, "too_many_jobs".to_owned())
    );
    let path = format!("/api/v1/jobs/{}/cancel", job.string("id"));
    assert!(kit.post(&path, &bob, json!({})).await.status.is_success());
    assert!(kit.post("/api/v1/jobs", &bob, order).await.status.is_success());

    let rates = set(&kit, &operator, json!({})).await["rates"].clone();
    let mut few = rates.clone();
    few["purchase"] = json!({"burst": 1, "every_ms": 60_000});
    set(&kit, &operator, json!({"rates": few})).await;
    let cyd = kit.person("cyd").await;
    let purchase = json!({"listing": listing, "payment": {"method": "free"}});
    assert!(kit.post("/api/v1/purchases", &cyd, purchase.clone()).await.status.is_success());
    assert_eq!(kit.post("/api/v1/purchases", &cyd, purchase.clone()).await.problem().0, 429);
    set(&kit, &operator, json!({"rates": rates})).await;
    assert!(kit.post("/api/v1/purchases", &cyd, purchase).await.status.is_success());
}

#[tokio::test]
async fn the_audit_log_is_searched_by_who_what_and_when_and_taken_away_whole() {
    let kit = Kit::new().await;
    let operator = kit.operator().await;
    kit.person("ann").await;
    kit.pass_s(3600);
    set(&kit, &operator, json!({"name": "=cmd"})).await;
    assert_eq!(actions(&kit, &operator, "who=op&action=settings.changed").await, ["settings.changed"]);
    assert!(actions(&kit, &operator, "who=ann&action=settings.changed").await.is_empty());
    assert!(!actions(&kit, &operator, "who=ann").await.is_empty());
    assert_eq!(actions(&kit, &operator, "q=SETTINGS.").await, ["settings.changed"]);
    assert!(actions(&kit, &operator, "who=nobody-is-called-so").await.is_empty());
    let began = super::kit::START_S * 1000;
    let moment = sealpost_database::clock::rfc3339(began + 60_000);
    let late = actions(&kit, &operator, &format!("since={moment}")).await;
    assert_eq!(late, ["settings.changed"]);
    assert!(!actions(&kit, &operator, &format!("until={moment}")).await.contains(&late[0]));
    assert_eq!(kit.get("/api/v1/operator/audit?since=yesterday", &operator).await.problem().0, 422);
    let log = kit.get("/api/v1/operator/audit?action=settings.changed", &operator).await.json();
    let actor = log["entries"][0]["actor"].as_str().unwrap();
    assert_eq!(log["names"][actor], "op");
    let file = kit.get("/api/v1/operator/audit/export", &operator).await;
    assert_eq!(file.headers[header::CONTENT_TYPE], "text/csv; charset=utf-8");
    let (lines, all) = (file.text().lines().count(), actions(&kit, &operator, "limit=200").await.len());
    assert_eq!(lines, all + 1);
}
