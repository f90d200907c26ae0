//! Whom operators let in, keep out, and share their role with.

use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::kit::Kit;
use super::operate_kit::{actions, me, proved, set};

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
async fn a_session_of_an_operator_alone_changes_nobodys_role_and_suspends_nobody() {
    let kit = Kit::new().await;
    let (operator, ann) = (kit.operator().await, kit.person("ann").await);
    let path = format!("/api/v1/people/{}", me(&kit, &ann).await);
    let deeds = [
        (Method::PATCH, path.clone(), json!({"operator": true})),
        (Method::POST, format!("{path}/suspend"), json!({"reason": "spam"})),
        (Method::POST, format!("{path}/lift"), json!({})),
        (Method::POST, format!("{path}/reset-link"), json!({})),
    ];
    let with = |body: &Value, password: &str| {
        let mut body = body.clone();
        body["password"] = json!(password);
        Some(body)
    };
    for (method, path, body) in &deeds {
        let bare = kit.call(method.clone(), path, &operator, Some(body.clone())).await;
        assert_eq!(bare.problem(), (403, "proof_required".to_owned()), "{path}");
        let guess = kit.call(method.clone(), path, &operator, with(body, "a guess of somebody")).await;
        assert_eq!(guess.problem(), (403, "wrong_credentials".to_owned()), "{path}");
    }
    let person = kit.get(&path, &operator).await.json();
    assert_eq!((&person["operator"], person.get("suspended_at")), (&json!(false), None));
    assert_eq!(kit.get("/api/v1/me", &ann).await.status, StatusCode::OK);
    let unknown = kit.call(Method::PATCH, &path, &operator, Some(json!({"operater": true}))).await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    for (method, path, body) in &deeds[1..] {
        let done = kit.call(method.clone(), path, &operator, with(body, "correct horse battery")).await;
        assert!(done.status.is_success(), "{path}: {}", done.text());
    }
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
