//! What a letter says: plain text, and the same as HTML for whoever reads that.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

/// Characters of a name, a subject.
pub(crate) const SHORT: usize = 120;
/// Characters of a paragraph.
const LONG: usize = 2_000;

/// One letter. Texts are plain ones: what stands in them is never markup, in no reader.
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// Address that it goes to.
    pub address: String,
    /// Name of whom it is for; empty where none is to stand in it.
    pub name: String,
    /// What it is about, in a line.
    pub subject: String,
    /// Paragraphs before the link.
    pub lines: Vec<String>,
    /// The one thing to do; it may let somebody in.
    pub link: Option<Link>,
    /// Paragraphs behind it.
    pub after: Vec<String>,
    /// How to have no more such letters; for those that tell news.
    pub unsubscribe: Option<Unsubscribe>,
}

/// Something to follow.
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
pub struct Link {
    /// What it does.
    pub label: String,
    /// Where it leads.
    pub url: String,
}

/// How to have no more letters of a kind (RFC 8058).
#[derive(Clone, Deserialize, PartialEq, Eq, Serialize)]
pub struct Unsubscribe {
    /// Page for people.
    pub page: String,
    /// What a mail program posts `List-Unsubscribe=One-Click` to.
    pub endpoint: String,
}

impl Letter {
    /// A letter with a subject and nothing in it yet.
    pub fn new(name: &str, address: &str, subject: &str) -> Self {
        Self {
            address: address.to_owned(),
            name: one_line(name, SHORT),
            subject: one_line(subject, SHORT),
            lines: Vec::new(),
            link: None,
            after: Vec::new(),
            unsubscribe: None,
        }
    }

    /// One more paragraph: before the link, or behind it where there is one.
    #[must_use]
    pub fn line(mut self, text: &str) -> Self {
        let text = one_line(text, LONG);
        if self.link.is_some() {
            self.after.push(text)
        } else {
            self.lines.push(text)
        }
        self
    }

    /// The link.
    #[must_use]
    pub fn link(mut self, label: &str, url: &str) -> Self {
        self.link = Some(Link { label: one_line(label, SHORT), url: url.to_owned() });
        self
    }

    /// How to have no more of these.
    #[must_use]
    pub fn unsubscribe(mut self, page: String, endpoint: String) -> Self {
        self.unsubscribe = Some(Unsubscribe { page, endpoint });
        self
    }

    fn greeting(&self) -> String {
        if self.name.is_empty() { "Hello,".to_owned() } else { format!("Hello {},", self.name) }
    }

    /// As plain text.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n", self.greeting());
        for line in &self.lines {
            let _ = write!(text, "\n{line}\n");
        }
        if let Some(link) = &self.link {
            let _ = write!(text, "\n{}:\n{}\n", link.label, link.url);
        }
        for line in &self.after {
            let _ = write!(text, "\n{line}\n");
        }
        if let Some(unsubscribe) = &self.unsubscribe {
            let _ = write!(text, "\n-- \nNo more mails like this one: {}\n", unsubscribe.page);
        }
        text
    }

    /// As HTML, without pictures, styles or scripts.
    pub(crate) fn html(&self) -> String {
        let paragraph = |text: &str| format!("<p>{}</p>\n", escaped(text));
        let mut html = String::from("<!doctype html>\n<html lang=\"en\"><meta charset=\"utf-8\"><body>\n");
        html.push_str(&paragraph(&self.greeting()));
        for line in &self.lines {
            html.push_str(&paragraph(line));
        }
        if let Some(link) = &self.link {
            let _ = writeln!(html, "<p><a href=\"{}\">{}</a></p>", escaped(&link.url), escaped(&link.label));
        }
        for line in &self.after {
            html.push_str(&paragraph(line));
        }
        if let Some(unsubscribe) = &self.unsubscribe {
            let url = escaped(&unsubscribe.page);
            let _ =
                writeln!(html, "<hr><p><small><a href=\"{url}\">No more mails like this one</a></small></p>");
        }
        html.push_str("</body></html>\n");
        html
    }
}

impl std::fmt::Debug for Letter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter").field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Without what would end a line, or turn how it is read; not longer than that.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let harmless = |character: char| {
        let turns =
            matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let ends = character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
        if ends { Some(' ') } else { (!turns).then_some(character) }
    };
    let line: String = text.chars().filter_map(harmless).collect();
    let line = line.trim();
    if line.chars().count() <= most {
        return line.to_owned();
    }
    line.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter() -> Letter {
        Letter::new("<b>Ann</b>\r\nBcc: all@example.org", "ann@example.org", "A\nsubject")
            .line("\"Cube\" <script>alert(1)</script> \u{202e}was printed.")
            .link("Look", "https://store.example/shop/?a=1&b=2")
            .line("Bye")
            .unsubscribe("https://store.example/u".to_owned(), "https://store.example/api/u".to_owned())
    }

    #[test]
    fn what_people_wrote_ends_no_line_and_turns_none() {
        let letter = letter();
        assert_eq!(letter.subject, "A subject");
        assert_eq!(letter.name, "<b>Ann</b>  Bcc: all@example.org");
        assert!(!letter.text().contains('\u{202e}'));
        assert_eq!(one_line("aaaa", 3), "aa…");
    }

    #[test]
    fn what_people_wrote_is_no_markup() {
        let html = letter().html();
        assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
        assert!(html.contains("href=\"https://store.example/shop/?a=1&amp;b=2\""), "{html}");
    }

    #[test]
    fn the_text_holds_all_that_the_html_does() {
        let text = letter().text();
        for part in ["Cube", "https://store.example/shop/?a=1&b=2", "Bye", "https://store.example/u"] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
