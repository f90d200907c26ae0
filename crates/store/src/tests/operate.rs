//! What operators decide holds at once, for everybody, and is written down.

use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::kit::{GCODE, Kit, until};

async fn set(kit: &Kit, operator: &str, changes: Value) -> Value {
    let answer = kit.call(Method::PATCH, "/api/v1/operator/settings", operator, Some(changes)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()["settings"].clone()
}

async fn me(kit: &Kit, token: &str) -> String {
    kit.get("/api/v1/me", token).await.string("user_id")
}

/// With the password of whoever asks.
fn proved(mut body: Value) -> Value {
    body["password"] = json!("correct horse battery");
    body
}

/// The actions of the newest entries of the audit log.
async fn actions(kit: &Kit, operator: &str, query: &str) -> Vec<String> {
    let log = kit.get(&format!("/api/v1/operator/audit?{query}"), operator).await.json();
    let entries = log["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

/// A cookie of a browser that signed in.
async fn browser(kit: &Kit, name: &str) -> String {
    let body = json!({"username": name, "password": "correct horse battery"});
    let request = Request::post("/auth/session")
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::ORIGIN, &kit.store.state.origin)
        .header("sec-fetch-site", "same-origin")
        .body(body.to_string().into())
        .unwrap();
    let answer = kit.send(request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

async fn look_by(kit: &Kit, cookie: &str) -> StatusCode {
    let request = Request::get("/api/v1/me")
        .header(header::COOKIE, cookie)
        .header("sec-fetch-site", "same-origin")
        .body(axum::body::Body::empty())
        .unwrap();
    kit.send(request).await.status
}

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
async fn whoever_is_suspended_is_out_at_once_and_what_was_paid_goes_on() {
    let kit = Kit::new().await;
    let (operator, ann, bob) = (kit.operator().await, kit.person("ann").await, kit.person("bob").await);
    let licence = kit.bought(&ann, &bob, json!({"prints": 2})).await;
    let listing = kit.licence(&bob, &licence).await["listing"].as_str().unwrap().to_owned();
    let other = kit.listing(&ann, json!({"title": "Suspended for itself"})).await;
    let path = format!("/api/v1/listings/{other}/suspend");
    assert!(kit.post(&path, &operator, json!({"reason": "stolen"})).await.status.is_success());
    let printer = kit.printer(&bob, true).await;
    let job = kit.ready_job(&bob, &licence, &printer).await;
    let cookie = browser(&kit, "ann").await;
    assert_eq!(look_by(&kit, &cookie).await, StatusCode::OK);
    let id = me(&kit, &ann).await;

    let suspended =
        kit.post(&format!("/api/v1/people/{id}/suspend"), &operator, proved(json!({"reason": "spam"}))).await;
    assert_eq!(suspended.status, StatusCode::OK, "{}", suspended.text());
    assert!(suspended.json()["suspended_at"].is_string());
    assert_eq!(kit.get("/api/v1/me", &ann).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(look_by(&kit, &cookie).await, StatusCode::UNAUTHORIZED);
    let login = json!({"username": "ann", "password": "correct horse battery"});
    assert_eq!(kit.post("/auth/login", "", login.clone()).await.status, StatusCode::UNAUTHORIZED);
    let shown = kit.get("/api/v1/listings", "").await.json();
    assert!(shown["listings"].as_array().unwrap().is_empty(), "{shown}");
    let purchase = json!({"listing": listing, "payment": {"method": "free"}});
    assert_eq!(
        kit.post("/api/v1/purchases", &bob, purchase.clone()).await.problem().1,
        "listing_not_for_sale"
    );
    // What was bought prints.
    let claimed = kit.claim(&printer, &job, &"a".repeat(32)).await;
    assert_eq!(claimed.status, StatusCode::OK, "{}", claimed.text());
    assert!(kit.ready_job(&bob, &licence, &printer).await != job);
    let lift = kit.post(&format!("/api/v1/listings/{listing}/lift"), &operator, json!({})).await;
    assert_eq!(lift.problem(), (409, "publisher_suspended".to_owned()));

    let lifted = kit.post(&format!("/api/v1/people/{id}/lift"), &operator, proved(json!({}))).await;
    assert_eq!(lifted.json().get("suspended_at"), None);
    assert_eq!(kit.get("/api/v1/me", &ann).await.status, StatusCode::UNAUTHORIZED, "what ended stays ended");
    assert_eq!(look_by(&kit, &cookie).await, StatusCode::UNAUTHORIZED);
    assert_eq!(kit.post("/auth/login", "", login).await.status, StatusCode::OK);
    assert!(kit.post("/api/v1/purchases", &bob, purchase).await.status.is_success());
    let state = async |id: &str| kit.get(&format!("/api/v1/listings/{id}"), &operator).await.string("state");
    assert_eq!((state(&listing).await.as_str(), state(&other).await.as_str()), ("listed", "suspended"));
    let said = actions(&kit, &operator, &format!("q=account:{id}")).await;
    assert!(said.contains(&"account.suspended".to_owned()), "{said:?}");
    assert!(said.contains(&"account.suspension_lifted".to_owned()), "{said:?}");
}

#[tokio::test]
async fn the_last_operator_stays() {
    let kit = Kit::new().await;
    let (operator, ann) = (kit.operator().await, kit.person("ann").await);
    let (op, id) = (me(&kit, &operator).await, me(&kit, &ann).await);
    let role = async |who: &str, by: &str, operator: bool| {
        let body = proved(json!({"operator": operator}));
        kit.call(Method::PATCH, &format!("/api/v1/people/{who}"), by, Some(body)).await
    };
    assert_eq!(role(&op, &operator, false).await.problem(), (409, "last_operator".to_owned()));
    assert_eq!(role(&id, &operator, true).await.json()["operator"], true);
    let own =
        kit.post(&format!("/api/v1/people/{op}/suspend"), &operator, proved(json!({"reason": "me"}))).await;
    assert_eq!(own.problem(), (409, "own_account".to_owned()));
    // One that is suspended is none who could help.
    let gone =
        kit.post(&format!("/api/v1/people/{id}/suspend"), &operator, proved(json!({"reason": "away"}))).await;
    assert_eq!(gone.status, StatusCode::OK, "{}", gone.text());
    assert_eq!(role(&op, &operator, false).await.problem(), (409, "last_operator".to_owned()));
    kit.post(&format!("/api/v1/people/{id}/lift"), &operator, proved(json!({}))).await;

    // Each takes the other's role at the same time: one of them is left.
    let login = json!({"username": "ann", "password": "correct horse battery"});
    let ann = kit.post("/auth/login", "", login).await.string("token");
    let (one, two) = futures::join!(role(&id, &operator, false), role(&op, &ann, false));
    let people = kit.get("/api/v1/people?show=operators", &operator).await;
    let (one, two) = (one.status, two.status);
    assert_eq!(usize::from(one.is_success()) + usize::from(two.is_success()), 1, "{one} {two}");
    let left = if people.status.is_success() {
        people
    } else {
        kit.get("/api/v1/people?show=operators", &ann).await
    };
    assert_eq!(left.json()["operators"], 1);
}

#[tokio::test]
async fn a_listing_is_taken_down_with_a_reason_that_its_publisher_reads_and_comes_back_as_it_was() {
    let kit = Kit::new().await;
    let (operator, ann, bob) = (kit.operator().await, kit.person("ann").await, kit.person("bob").await);
    let listing = kit.listing(&ann, json!({})).await;
    kit.publish(&ann, json!({"listing": listing, "version": "1.0.0"}), GCODE).await;
    let path = format!("/api/v1/listings/{listing}");
    let hide = kit.call(Method::PATCH, &path, &ann, Some(json!({"state": "unlisted"}))).await;
    assert_eq!(hide.status, StatusCode::OK);
    let why = format!("{path}/suspension");
    assert_eq!(kit.get(&why, &ann).await.problem().0, 404);
    for bad in [" ", &"x".repeat(501)] {
        let refused = kit.post(&format!("{path}/suspend"), &operator, json!({"reason": bad})).await;
        assert_eq!(refused.problem(), (422, "invalid".to_owned()));
    }
    let down = kit.post(&format!("{path}/suspend"), &operator, json!({"reason": "Not <b>yours</b>"})).await;
    assert_eq!(down.status, StatusCode::OK, "{}", down.text());
    assert_eq!(kit.get(&why, &ann).await.string("reason"), "Not <b>yours</b>");
    assert_eq!(kit.get(&why, &bob).await.problem(), (403, "not_your_listing".to_owned()));
    let back = kit.call(Method::PATCH, &path, &ann, Some(json!({"state": "listed"}))).await;
    assert_eq!(back.problem(), (403, "not_allowed".to_owned()));
    let all = kit.get("/api/v1/operator/listings?state=suspended&q=BENCH", &operator).await.json();
    assert_eq!(all["listings"][0]["suspension"]["reason"], "Not <b>yours</b>");
    // Another reason, and it is still what it was before.
    assert!(
        kit.post(&format!("{path}/suspend"), &operator, json!({"reason": "Second"}))
            .await
            .status
            .is_success()
    );
    assert_eq!(kit.post(&format!("{path}/lift"), &operator, json!({})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(kit.get(&path, &ann).await.string("state"), "unlisted");
    assert_eq!(kit.get(&why, &ann).await.problem().0, 404);
    // An operator who ends it otherwise leaves no old reason behind.
    kit.post(&format!("{path}/suspend"), &operator, json!({"reason": "Third"})).await;
    kit.call(Method::PATCH, &path, &operator, Some(json!({"state": "listed"}))).await;
    kit.call(Method::PATCH, &path, &operator, Some(json!({"state": "suspended"}))).await;
    assert_eq!(kit.get(&why, &ann).await.problem().0, 404);
    let said = actions(&kit, &operator, &format!("q=listing:{listing}")).await;
    assert_eq!(said.iter().filter(|action| *action == "listing.suspended").count(), 3, "{said:?}");
}

#[tokio::test]
async fn what_people_report_waits_until_an_operator_closes_it() {
    let kit = Kit::new().await;
    let (operator, ann, bob) = (kit.operator().await, kit.person("ann").await, kit.person("bob").await);
    let listing = kit.listing(&ann, json!({})).await;
    let path = format!("/api/v1/listings/{listing}/reports");
    assert_eq!(kit.post(&path, "", json!({"reason": "stolen"})).await.problem().0, 401);
    for bad in [
        json!({"reason": "ugly"}),
        json!({"reason": "other"}),
        json!({"reason": "stolen", "words": "x".repeat(2001)}),
    ] {
        assert_eq!(kit.post(&path, &bob, bad).await.problem(), (422, "invalid".to_owned()));
    }
    let report = kit.post(&path, &bob, json!({"reason": "stolen", "words": "It is mine."})).await;
    assert_eq!(report.status, StatusCode::CREATED, "{}", report.text());
    let again = kit.post(&path, &bob, json!({"reason": "stolen"})).await;
    assert_eq!(again.problem(), (409, "reported_already".to_owned()));
    let overview = kit.get("/api/v1/operator/overview", &operator).await.json();
    assert_eq!(overview["open_reports"], 1);
    let queue = kit.get("/api/v1/operator/reports", &operator).await.json();
    let first = &queue["reports"][0];
    assert_eq!((&first["reporter_name"], &first["words"]), (&json!("bob"), &json!("It is mine.")));
    assert_eq!((&first["title"], &first["listing_state"]), (&json!("Benchy"), &json!("listed")));
    let close = format!("/api/v1/operator/reports/{}/close", report.string("id"));
    assert_eq!(kit.post(&close, &operator, json!({"note": "asked"})).await.status, StatusCode::NO_CONTENT);
    assert_eq!(kit.post(&close, &operator, json!({"note": "twice"})).await.status, StatusCode::NO_CONTENT);
    let closed = kit.get("/api/v1/operator/reports?state=closed", &operator).await.json();
    assert_eq!(closed["reports"][0]["note"], "asked");
    let open = kit.get("/api/v1/operator/reports", &operator).await.json();
    assert!(open["reports"].as_array().unwrap().is_empty());
    assert!(kit.post(&path, &bob, json!({"reason": "dangerous"})).await.status.is_success());
    // Whoever reports without an end is held back.
    let listings = futures::future::join_all((0..12).map(|_| kit.listing(&ann, json!({})))).await;
    let mut held = 0;
    for listing in listings {
        let path = format!("/api/v1/listings/{listing}/reports");
        held += u32::from(
            kit.post(&path, &bob, json!({"reason": "stolen"})).await.status == StatusCode::TOO_MANY_REQUESTS,
        );
    }
    assert!(held > 0);
}

#[tokio::test]
async fn an_invitation_lets_one_person_in() {
    let kit = Kit::new().await;
    let operator = kit.operator().await;
    set(&kit, &operator, json!({"registration": "invited"})).await;
    let made = kit.post("/api/v1/invitations", &operator, json!({"note": "for Ann"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let link = made.string("link");
    let code = link.split_once("#invitation=").unwrap().1;
    let sign_up = async |name: &str, invitation: Option<&str>| {
        let body = json!({"email": format!("{name}@example.org"), "password": "correct horse battery", "invitation": invitation});
        kit.post("/api/v1/accounts", "", body).await
    };
    assert_eq!(sign_up("ann", None).await.problem(), (403, "invitation_needed".to_owned()));
    assert_eq!(sign_up("ann", Some("wrong")).await.problem(), (403, "invitation_invalid".to_owned()));
    // Two at once: one comes in.
    let (one, two) = futures::join!(sign_up("ann", Some(code)), sign_up("bob", Some(code)));
    assert_eq!(
        u32::from(one.status.is_success()) + u32::from(two.status.is_success()),
        1,
        "{} {}",
        one.text(),
        two.text()
    );
    let list = kit.get("/api/v1/invitations", &operator).await.json();
    let shown = &list["invitations"][0];
    assert!(shown["used_at"].is_string() && shown["username"].is_string(), "{list}");
    assert!(!list.to_string().contains(code));
    // One that is taken back, and one that is over.
    let made = kit.post("/api/v1/invitations", &operator, json!({})).await;
    let (link, id) = (made.string("link"), made.json()["invitation"]["id"].as_str().unwrap().to_owned());
    let path = format!("/api/v1/invitations/{id}");
    assert_eq!(kit.call(Method::DELETE, &path, &operator, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(kit.call(Method::DELETE, &path, &operator, None).await.problem().0, 404);
    let code = link.split_once("#invitation=").unwrap().1;
    assert_eq!(sign_up("cyd", Some(code)).await.problem(), (403, "invitation_invalid".to_owned()));
    let late = kit.post("/api/v1/invitations", &operator, json!({})).await.string("link");
    kit.pass_s(15 * 86_400);
    let code = late.split_once("#invitation=").unwrap().1;
    assert_eq!(sign_up("cyd", Some(code)).await.problem(), (403, "invitation_invalid".to_owned()));
}

#[tokio::test]
async fn people_are_found_and_shown_with_what_they_have() {
    let kit = Kit::new().await;
    let (operator, ann, bob) = (kit.operator().await, kit.person("ann").await, kit.person("bo_b").await);
    kit.bought(&ann, &bob, json!({})).await;
    kit.printer(&bob, true).await;
    let found = async |query: &str| {
        let page = kit.get(&format!("/api/v1/people?{query}"), &operator).await.json();
        let people = page["people"].as_array().unwrap().clone();
        let names: Vec<String> =
            people.iter().map(|one| one["username"].as_str().unwrap().to_owned()).collect();
        (page, names.join(" "))
    };
    let (page, _) = found("q=O_B@EXAMPLE").await;
    let bob = &page["people"][0];
    assert_eq!((&bob["printers"], &bob["purchases"], &bob["listings"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!((&page["accounts"], &page["operators"]), (&json!(3), &json!(1)));
    let (page, names) = found("q=ann").await;
    assert_eq!(names, "ann");
    assert_eq!(page["people"][0]["listings"], 1);
    assert!(page["people"][0]["storage_bytes"].as_u64().unwrap() > 0);
    assert_eq!(found("q=%25").await.1, "", "no pattern, but a letter");
    assert_eq!(found("show=operators").await.1, "op");
    // Pages: each person once.
    let (mut seen, mut after) = (Vec::new(), String::new());
    for _ in 0..3 {
        let (page, names) = found(&format!("limit=1{after}")).await;
        seen.push(names);
        after = page["next"].as_str().map(|next| format!("&after={next}")).unwrap_or_default();
    }
    seen.sort();
    assert_eq!((seen.join(" ").as_str(), after.as_str()), ("ann bo_b op", ""));
    assert_eq!(kit.get("/api/v1/people?show=gods", &operator).await.problem().0, 422);
    assert_eq!(kit.get("/api/v1/people/nobody", &operator).await.problem().0, 404);
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

#[tokio::test]
async fn health_tells_what_is_not_well_and_metrics_are_for_operators() {
    let kit = Kit::new().await;
    let operator = kit.operator().await;
    let look = async || kit.get("/api/v1/operator/health", &operator).await.json();
    let check = async |name: &str| {
        let health = look().await;
        let checks = health["checks"].as_array().unwrap().clone();
        let found = checks.into_iter().find(|check| check["name"] == name);
        found.unwrap_or_else(|| panic!("{name} in {health}"))["state"].as_str().unwrap().to_owned()
    };
    assert_eq!((check("database").await.as_str(), check("keys").await.as_str()), ("ok", "ok"));
    assert_eq!(check("backup").await, "warn");
    let kek = kit.store.state.config.kek_path();
    let aside = kek.with_extension("aside");
    std::fs::rename(&kek, &aside).unwrap();
    assert_eq!(check("keys").await, "bad");
    assert_eq!(look().await["state"], "bad");
    std::fs::rename(&aside, &kek).unwrap();
    assert_eq!(check("keys").await, "ok");
    let state = kit.get("/api/v1/operator/backup", &operator).await.json();
    let key = state["key_files"][0]["key"].as_str().unwrap().to_owned();
    assert_eq!(state["key_files"][0].get("confirmed_at"), None);
    let wrong = kit.post("/api/v1/operator/backup/keys", &operator, json!({"key": "x"})).await;
    assert_eq!(wrong.problem(), (409, "another_key".to_owned()));
    let said = kit.post("/api/v1/operator/backup/keys", &operator, json!({"key": key})).await;
    assert_eq!(said.status, StatusCode::NO_CONTENT);
    super::backup::backed_up(&kit).await;
    assert_eq!(check("backup").await, "ok");
    let state = kit.get("/api/v1/operator/backup", &operator).await.json();
    assert!(state["last"]["rows"].as_u64().unwrap() > 0, "{state}");
    kit.pass_s(86_401);
    assert_eq!(check("backup").await, "warn");
    until(async || check("blobs").await == "ok").await;

    let text = kit.get("/metrics", &operator).await.text();
    assert!(text.contains("sealpost_check{name=\"database\"} 0"), "{text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (_, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok(), "{line}");
    }
}
