//! Every single fault that can be put into a fixture, in a fixed order.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::Operator;
use super::edit::{Edit, Fault, Side};
use crate::fixture::Fixture;
use crate::json;

/// A key, parameter and header that no document of good sense has.
const UNDOCUMENTED: &str = "undocumentedByMutation";
const UNDOCUMENTED_HEADER: &str = "x-undocumented-by-mutation";
const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const STATUSES: [u16; 8] = [200, 201, 204, 400, 401, 404, 429, 500];

/// The faults of one fixture.
pub(super) fn faults(fixture: &Fixture, enums: &BTreeSet<Vec<String>>) -> Vec<Fault> {
    let mut list = List { found: Vec::new(), side: Side::Request, enums };
    if let Some(request) = &fixture.request {
        for method in METHODS.iter().filter(|method| **method != request.method) {
            list.add(Operator::Method, method, "/method", Edit::Method((*method).to_owned()));
        }
        list.path(&request.path);
        list.query(&request.query);
        list.headers(&request.headers);
        list.required(&request.require_headers);
        if request.json.is_some() && !request.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type")) {
            let headers = with(&request.headers, "content-type", "text/x-mutated");
            list.add(Operator::ContentType, "", "/headers/content-type", Edit::Headers(headers));
        }
        list.body(request.json.as_ref(), request.text.as_deref(), request.base64.as_deref());
    }
    list.side = Side::Response;
    if let Some(response) = &fixture.response {
        for status in STATUSES.into_iter().filter(|status| response.status != Some(*status)) {
            list.add(Operator::Status, &status.to_string(), "/status", Edit::Status(status));
        }
        if response.fault.is_none() {
            list.headers(&response.headers);
            list.body(response.json.as_ref(), response.text.as_deref(), response.base64.as_deref());
        }
    }
    list.found
}

fn with(headers: &BTreeMap<String, String>, name: &str, value: &str) -> BTreeMap<String, String> {
    let mut headers = headers.clone();
    headers.insert(name.to_owned(), value.to_owned());
    headers
}

struct List<'a> {
    found: Vec<Fault>,
    side: Side,
    enums: &'a BTreeSet<Vec<String>>,
}

impl List<'_> {
    fn add(&mut self, operator: Operator, variant: &str, at: &str, edit: Edit) {
        let at = format!("/{}{at}", self.side.name());
        self.found.push(Fault { operator, variant: variant.to_owned(), at, side: self.side, edit });
    }

    fn path(&mut self, path: &str) {
        let segments: Vec<&str> = path.split('/').collect();
        for (index, segment) in segments.iter().enumerate().filter(|(_, segment)| !segment.is_empty()) {
            let mut changed = segments.clone();
            let other = format!("{segment}x");
            changed[index] = &other;
            self.add(Operator::Path, &format!("change-{index}"), "/path", Edit::Path(changed.join("/")));
            let mut without = segments.clone();
            without.remove(index);
            self.add(Operator::Path, &format!("drop-{index}"), "/path", Edit::Path(without.join("/")));
        }
        self.add(Operator::Path, "add", "/path", Edit::Path(format!("{path}/mutated")));
    }

    fn query(&mut self, query: &[(String, String)]) {
        for (index, (name, value)) in query.iter().enumerate() {
            let at = format!("/query/{index}");
            let mut changed = query.to_vec();
            changed.remove(index);
            self.add(Operator::Query, "drop", &at, Edit::Query(changed));
            let other = if value.parse::<f64>().is_ok() { "many".to_owned() } else { "7".to_owned() };
            let pairs = [
                ("rename", (format!("{name}Renamed"), value.clone())),
                ("case", (flip_case(name), value.clone())),
                ("retype", (name.clone(), other)),
                ("value", (name.clone(), format!("{value}1"))),
            ];
            for (variant, pair) in pairs {
                let mut changed = query.to_vec();
                changed[index] = pair;
                self.add(Operator::Query, variant, &at, Edit::Query(changed));
            }
            let mut changed = query.to_vec();
            changed.push((name.clone(), value.clone()));
            self.add(Operator::Query, "repeat", &at, Edit::Query(changed));
        }
        let mut changed = query.to_vec();
        changed.push((UNDOCUMENTED.to_owned(), "1".to_owned()));
        self.add(Operator::Query, "add", "/query", Edit::Query(changed));
        if query.len() > 1 {
            let reversed = query.iter().rev().cloned().collect();
            self.add(Operator::Order, "", "/query", Edit::Query(reversed));
        }
    }

    fn headers(&mut self, headers: &BTreeMap<String, String>) {
        for (name, value) in headers {
            let at = json::join("/headers", name);
            let mut without = headers.clone();
            without.remove(name);
            let is_type = name.eq_ignore_ascii_case("content-type");
            let operator = if is_type { Operator::ContentType } else { Operator::Header };
            self.add(operator, "drop", &at, Edit::Headers(without.clone()));
            self.add(operator, "rename", &at, Edit::Headers(with(&without, &format!("{name}-renamed"), value)));
            let wrong = if is_type { "text/x-mutated".to_owned() } else { other_text(value) };
            self.add(operator, "wrong", &at, Edit::Headers(with(headers, name, &wrong)));
            self.add(Operator::HeaderCase, "", &at, Edit::Headers(with(&without, &name.to_ascii_uppercase(), value)));
        }
        self.add(Operator::Header, "add", "/headers", Edit::Headers(with(headers, UNDOCUMENTED_HEADER, "1")));
    }

    fn required(&mut self, names: &[String]) {
        for (index, name) in names.iter().enumerate() {
            let at = format!("/require_headers/{index}");
            let operator = if name.eq_ignore_ascii_case("authorization") { Operator::Auth } else { Operator::Header };
            let mut changed = names.to_vec();
            changed.remove(index);
            self.add(operator, "drop", &at, Edit::Required(changed));
            let mut changed = names.to_vec();
            changed[index] = format!("{name}-renamed");
            self.add(operator, "rename", &at, Edit::Required(changed));
            let mut changed = names.to_vec();
            changed[index] = name.to_ascii_uppercase();
            self.add(Operator::HeaderCase, "", &at, Edit::Required(changed));
        }
    }

    fn body(&mut self, body: Option<&Value>, text: Option<&str>, base64: Option<&str>) {
        if let Some(body) = body {
            self.add(Operator::Drop, "", "/json", Edit::Remove(String::new()));
            self.wrapper(body);
            self.node(body, "", None);
        } else if let Some(text) = text {
            self.add(Operator::Drop, "", "/text", Edit::Remove(String::new()));
            self.add(Operator::Value, "", "/text", Edit::Text(other_text(text)));
        } else if let Some(bytes) = base64.and_then(|text| STANDARD.decode(text).ok()) {
            self.add(Operator::Drop, "", "/base64", Edit::Remove(String::new()));
            let longer = [bytes.as_slice(), &[0]].concat();
            self.add(Operator::Length, "longer", "/base64", Edit::Base64(STANDARD.encode(longer)));
        }
    }

    fn wrapper(&mut self, body: &Value) {
        for key in ["data", "result"] {
            self.add(Operator::Wrapper, key, "/json", Edit::Set(String::new(), json!({ key: body })));
        }
        if let Value::Object(map) = body
            && map.len() == 1
        {
            for inner in map.values().filter(|inner| inner.is_object() || inner.is_array()) {
                self.add(Operator::Wrapper, "remove", "/json", Edit::Set(String::new(), inner.clone()));
            }
        }
    }

    fn node(&mut self, value: &Value, at: &str, key: Option<&str>) {
        let place = format!("/json{at}");
        let set = |value: Value| Edit::Set(at.to_owned(), value);
        if !at.is_empty() {
            self.add(Operator::Drop, "", &place, Edit::Remove(at.to_owned()));
        }
        if let Some(key) = key {
            self.add(Operator::Rename, "", &place, Edit::Rename(at.to_owned(), format!("{key}Renamed")));
            self.add(Operator::Case, "", &place, Edit::Rename(at.to_owned(), flip_case(key)));
        }
        if !value.is_null() {
            self.add(Operator::Null, "", &place, set(Value::Null));
        }
        match value {
            Value::Null => {}
            Value::Bool(is) => {
                self.add(Operator::Retype, "", &place, set(is.to_string().into()));
                self.add(Operator::Value, "", &place, set((!is).into()));
            }
            Value::Number(number) => {
                self.add(Operator::Retype, "", &place, set(number.to_string().into()));
                let more = number
                    .as_i64()
                    .map_or_else(|| number.as_f64().map(|number| Value::from(number + 1.5)), |number| Some(number.wrapping_add(1).into()));
                self.add(Operator::Value, "", &place, set(more.unwrap_or(Value::from(1))));
            }
            Value::String(text) => self.text(text, at),
            Value::Array(list) => {
                self.add(Operator::Retype, "", &place, set(json!({})));
                if let Some(last) = list.last() {
                    self.add(Operator::Length, "empty", &place, set(json!([])));
                    let longer = list.iter().chain([last]).cloned().collect();
                    self.add(Operator::Length, "duplicate", &place, set(longer));
                }
                for (index, item) in list.iter().enumerate() {
                    self.node(item, &format!("{at}/{index}"), None);
                }
            }
            Value::Object(map) => {
                self.add(Operator::Retype, "", &place, set(json!([])));
                self.add(Operator::Add, "", &place, Edit::Insert(at.to_owned(), UNDOCUMENTED.to_owned(), json!(true)));
                for (key, value) in map {
                    self.node(value, &json::join(at, key), Some(key));
                }
            }
        }
    }

    fn text(&mut self, text: &str, at: &str) {
        let place = format!("/json{at}");
        let set = |text: &str| Edit::Set(at.to_owned(), text.into());
        self.add(Operator::Retype, "", &place, Edit::Set(at.to_owned(), json!(7)));
        self.add(Operator::Value, "", &place, set(&other_text(text)));
        if let Some(kind) = format_of(text) {
            self.add(Operator::Format, kind, &place, set(&format!("no {kind}")));
        }
        let holding: Vec<&Vec<String>> = self.enums.iter().filter(|values| values.iter().any(|value| value == text)).collect();
        if !holding.is_empty() {
            let others: BTreeSet<&String> = holding.into_iter().filter_map(|set| set.iter().find(|value| *value != text)).collect();
            for other in others {
                self.add(Operator::Enum, other, &place, set(other));
            }
            self.add(Operator::Enum, "undocumented", &place, set(&format!("{text}_MUTATED")));
        }
    }
}

/// The text with its last character changed, so that the old one does not stand in the new one.
fn other_text(text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    match chars.pop() {
        Some('9') => chars.push('0'),
        Some(c @ '0'..='8') => chars.extend(char::from_digit(c.to_digit(10).unwrap_or_default() + 1, 10)),
        Some('~') => chars.push('-'),
        Some(_) | None => chars.push('~'),
    }
    chars.into_iter().collect()
}

/// The name with the case of its first letter changed.
fn flip_case(name: &str) -> String {
    let mut is_done = false;
    let flip = |c: char| match c {
        c if is_done || !c.is_ascii_alphabetic() => c,
        c => {
            is_done = true;
            if c.is_ascii_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }
        }
    };
    name.chars().map(flip).collect()
}

/// The format that a text looks like.
fn format_of(text: &str) -> Option<&'static str> {
    let shape: String = text.chars().take(20).map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    if shape.starts_with("0000-00-00T00:00:00") {
        Some("date-time")
    } else if shape == "0000-00-00" {
        Some("date")
    } else if text.contains("://") {
        Some("uri")
    } else if text.len() == 36 && text.bytes().filter(|b| *b == b'-').count() == 4 {
        Some("uuid")
    } else if text.contains('@') && !text.contains(' ') {
        Some("email")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{flip_case, format_of, other_text};

    #[test]
    fn another_text_never_holds_the_old_one() {
        for text in ["", "a", "9", "x9", "x8", "~", "a~", "2026-01-01T00:00:00Z", "ü"] {
            let other = other_text(text);
            assert!(other != text && (text.is_empty() || !other.contains(text)), "{text} became {other}");
        }
    }

    #[test]
    fn a_name_changes_the_case_of_its_first_letter() {
        for (name, flipped) in [("pageSize", "PageSize"), ("X-Id", "x-Id"), ("_id", "_Id"), ("7", "7")] {
            assert_eq!(flip_case(name), flipped);
        }
    }

    #[test]
    fn formats_are_told_by_their_look() {
        for (text, format) in [
            ("2026-01-01T00:00:00.5Z", Some("date-time")),
            ("2026-01-01", Some("date")),
            ("https://a.example/b@c", Some("uri")),
            ("123e4567-e89b-12d3-a456-426614174000", Some("uuid")),
            ("a@b.example", Some("email")),
            ("at @ noon", None),
            ("2026-01-01 00:00", None),
        ] {
            assert_eq!(format_of(text), format, "{text}");
        }
    }
}
