//! The description of the routes as one plain page.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;
use utoipa::openapi::OpenApi;

const HEAD: &str = "<!doctype html><html lang=en><meta charset=utf-8>\
    <meta name=viewport content=\"width=device-width, initial-scale=1\">\
    <title>Sealpost store: routes</title><link rel=stylesheet href=/assets/style.css><main class=wide>\
    <h1>Routes of this store</h1><p>For programs: <a href=/api/openapi.json>openapi.json</a>. \
    Errors are problem JSON (RFC 9457) with <code>code</code>, <code>title</code>, <code>detail</code>, <code>hint</code>.";

/// Renders the routes by what they are for, and the shapes they name.
pub(crate) fn render(description: &OpenApi) -> String {
    let document = serde_json::to_value(description).unwrap_or_default();
    let mut groups: BTreeMap<&str, Vec<(&str, &str, &Value)>> = BTreeMap::new();
    for (path, methods) in entries(&document["paths"]) {
        for (method, route) in entries(methods) {
            groups.entry(text(&route["tags"][0])).or_default().push((method, path, route));
        }
    }

    let mut page = HEAD.to_owned();
    page.push_str("<p>");
    for group in groups.keys() {
        put(&mut page, format_args!("<a href=\"#for-{0}\">{0}</a> · ", escape(group)));
    }
    page.push_str("<a href=\"#shapes\">shapes</a>");
    for (group, routes) in &groups {
        put(&mut page, format_args!("<h2 id=\"for-{0}\">{0}</h2>", escape(group)));
        for (method, path, route) in routes {
            operation(&mut page, method, path, route);
        }
    }
    page.push_str("<h2 id=shapes>shapes</h2>");
    for (name, shape) in entries(&document["components"]["schemas"]) {
        schema(&mut page, name, shape);
    }
    page.push_str("</main></html>");
    page
}

fn operation(page: &mut String, method: &str, path: &str, route: &Value) {
    page.push_str("<div class=card>");
    put(page, format_args!("<h3><code>{} {}</code></h3>", method.to_uppercase(), escape(path)));
    put(page, format_args!("<p>{}", prose(text(&route["summary"]))));
    if let Some(reference) = find_reference(&route["requestBody"]) {
        put(page, format_args!("<p>Body: {}", link(reference)));
    }
    page.push_str("<ul>");
    for (status, answer) in entries(&route["responses"]) {
        put(page, format_args!("<li>{} {}", escape(status), prose(text(&answer["description"]))));
        if let Some(reference) = find_reference(answer) {
            put(page, format_args!(" {}", link(reference)));
        }
    }
    page.push_str("</ul></div>");
}

fn schema(page: &mut String, name: &str, shape: &Value) {
    put(page, format_args!("<div class=card id=\"{0}\"><h3><code>{0}</code></h3>", escape(name)));
    fields(page, shape);
    page.push_str("</div>");
}

/// What a shape says of itself, its fields, and the shapes it is made of.
fn fields(page: &mut String, shape: &Value) {
    put(page, format_args!("<p>{}", prose(text(&shape["description"]))));
    page.push_str("<dl>");
    let required: Vec<_> = shape["required"].as_array().into_iter().flatten().map(text).collect();
    for (field, value) in entries(&shape["properties"]) {
        let optional = if required.contains(&field) { "" } else { " <em>optional</em>" };
        put(page, format_args!("<dt><code>{}</code>{optional}", escape(field)));
        put(page, format_args!("<dd>{}", prose(text(&value["description"]))));
        for value in value["enum"].as_array().into_iter().flatten() {
            put(page, format_args!(" <code>{}</code>", escape(text(value))));
        }
        if let Some(reference) = find_reference(value) {
            put(page, format_args!(" {}", link(reference)));
        }
    }
    for value in shape["enum"].as_array().into_iter().flatten() {
        put(page, format_args!("<dt><code>{}</code>", escape(text(value))));
    }
    page.push_str("</dl>");
    for (of, word) in [("allOf", "With"), ("oneOf", "Either")] {
        for part in shape[of].as_array().into_iter().flatten() {
            match find_reference(part).filter(|_| part.get("$ref").is_some()) {
                Some(reference) => put(page, format_args!("<p>{word} the fields of {}", link(reference))),
                None => {
                    put(page, format_args!("<p class=soft>{word}:"));
                    fields(page, part);
                }
            }
        }
    }
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

/// Text whose parts between backticks are code; the brackets of links in the source are left out.
fn prose(text: &str) -> String {
    let text = text.replace("[`", "`").replace("`]", "`");
    let mut shown = String::new();
    for (number, part) in text.split('`').enumerate() {
        match number % 2 {
            0 => shown.push_str(&escape(part)),
            _ => put(&mut shown, format_args!("<code>{}</code>", escape(part))),
        }
    }
    shown
}

fn put(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = page.write_fmt(text);
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_the_description_is_never_markup() {
        assert_eq!(
            prose("a <b> in [`Job`] & `x<y`"),
            "a &lt;b&gt; in <code>Job</code> &amp; <code>x&lt;y</code>"
        );
    }
}
