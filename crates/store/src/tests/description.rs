//! The description of the routes is complete and changes knowingly.

use super::kit::Kit;

#[tokio::test]
async fn the_description_is_the_one_that_was_agreed() {
    let kit = Kit::new().await;
    let description = kit.get("/api/openapi.json", "").await.json();
    insta::with_settings!({prepend_module_to_snapshot => false}, {
        insta::assert_json_snapshot!("openapi", description, {".info.version" => "[version]"});
    });
}

#[tokio::test]
async fn the_readable_description_names_every_route() {
    let kit = Kit::new().await;
    let description = kit.get("/api/openapi.json", "").await.json();
    let page = kit.get("/api/docs", "").await.text();
    for path in description["paths"].as_object().unwrap().keys() {
        assert!(page.contains(path.as_str()), "{path}");
    }
}
