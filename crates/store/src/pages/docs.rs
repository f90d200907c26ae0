//! The description of the routes as one plain page.

use std::fmt::Write;

use serde_json::Value;
use utoipa::openapi::OpenApi;

/// Renders the routes, in the order of their addresses, and the shapes they name.
pub(crate) fn render(description: &OpenApi) -> String {
    let document = serde_json::to_value(description).unwrap_or_default();
    let mut page = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Sealpost store: routes</title><link rel=stylesheet href=/assets/style.css><main>\
         <h1>Routes of this store</h1><p>For programs: <a href=/api/openapi.json>openapi.json</a>. \
         Errors are problem JSON (RFC 9457) with <code>code</code>, <code>title</code>, <code>detail</code>, <code>hint</code>.",
    );
    for (path, methods) in entries(&document["paths"]) {
        for (method, route) in entries(methods) {
            operation(&mut page, method, path, route);
        }
    }
    page.push_str("<h1>Shapes</h1>");
    for (name, shape) in entries(&document["components"]["schemas"]) {
        schema(&mut page, name, shape);
    }
    page.push_str("</main></html>");
    page
}

fn operation(page: &mut String, method: &str, path: &str, route: &Value) {
    put(page, format_args!("<h2><code>{} {}</code></h2>", method.to_uppercase(), escape(path)));
    put(page, format_args!("<p>{}", escape(text(&route["summary"]))));
    if let Some(reference) = find_reference(&route["requestBody"]) {
        put(page, format_args!("<p>Body: {}", link(reference)));
    }
    page.push_str("<ul>");
    for (status, answer) in entries(&route["responses"]) {
        put(page, format_args!("<li>{} {}", escape(status), escape(text(&answer["description"]))));
        if let Some(reference) = find_reference(answer) {
            put(page, format_args!(" {}", link(reference)));
        }
    }
    page.push_str("</ul>");
}

fn schema(page: &mut String, name: &str, shape: &Value) {
    let name = escape(name);
    put(
        page,
        format_args!("<h2 id=\"{name}\"><code>{name}</code></h2><p>{}", escape(text(&shape["description"]))),
    );
    page.push_str("<dl>");
    let required: Vec<_> =
        shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (field, value) in entries(&shape["properties"]) {
        let optional = if required.contains(&field) { "" } else { " <em>optional</em>" };
        put(page, format_args!("<dt><code>{}</code>{optional}", escape(field)));
        put(page, format_args!("<dd>{}", escape(text(&value["description"]))));
        if let Some(reference) = find_reference(value) {
            put(page, format_args!(" {}", link(reference)));
        }
    }
    for value in shape["enum"].as_array().into_iter().flatten() {
        put(page, format_args!("<dt><code>{}</code><dd>", escape(text(value))));
    }
    page.push_str("</dl>");
}

fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The first shape that is named anywhere below.
fn find_reference(value: &Value) -> Option<&str> {
    match value {
        Value::Object(fields) => match fields.get("$ref").and_then(Value::as_str) {
            Some(reference) => reference.rsplit('/').next(),
            None => fields.values().find_map(find_reference),
        },
        Value::Array(items) => items.iter().find_map(find_reference),
        _ => None,
    }
}

fn link(name: &str) -> String {
    let name = escape(name);
    format!("<a href=\"#{name}\"><code>{name}</code></a>")
}

fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = page.write_fmt(text);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
