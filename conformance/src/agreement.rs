//! Whether what the caller gives is what goes over the wire.

use serde_json::Value;

use crate::finding::Finding;
use crate::fixture::{ClientExpectation, RequestSpec};
use crate::json;
use crate::params::{Parameter, parameters};
use crate::spec::{Operation, Parameter as Documented, Place, Spec, Style, as_pairs, as_text};
use crate::suite::Case;

/// The key of a call under which the request body stands.
const BODY: &str = "body";

/// Compares `call` with `request`: every parameter of the one is in the other with the same value, and so is the body.
pub(crate) fn check(spec: &Spec, operation: &Operation, case: &Case) -> Vec<Finding> {
    let known = parameters(spec, operation);
    let servers = spec.servers();
    let mut links = Vec::new();
    let mut findings = Vec::new();
    for (key, value) in &case.fixture.call {
        if key == BODY || known.iter().any(|parameter| parameter.name == *key) {
            continue;
        }
        match value.as_str().and_then(|text| below_server(&servers, text)) {
            Some(rest) => links.push((key, rest)),
            // An input that nobody knows may be why the client refuses.
            None if case.fixture.expect.client == ClientExpectation::Rejected => {}
            None => {
                let names: Vec<&str> = known.iter().map(|parameter| parameter.name.as_str()).collect();
                let message = format!(
                    "`{key}` is no parameter of {}; those are {} and {BODY}, and a URL of the API may stand for all of them",
                    operation.id,
                    names.join(", ")
                );
                findings.push(case.finding("F214", &json::join("/call", key), message));
            }
        }
    }
    let Some(request) = &case.fixture.request else { return findings };
    let given = Given { spec, operation, case, request, links: &links };
    findings.extend(given.links());
    for parameter in &known {
        findings.extend(match parameter.place.as_str() {
            "path" => given.path(parameter),
            "query" => given.query(parameter),
            "header" => given.header(parameter),
            _ => None,
        });
    }
    findings.extend(given.body());
    findings
}

/// What follows a server URL that the text begins with, at a boundary.
fn below_server<'a>(servers: &[String], text: &'a str) -> Option<&'a str> {
    let rests = servers.iter().filter_map(|server| text.strip_prefix(server.as_str()));
    rests.filter(|rest| rest.is_empty() || rest.starts_with(['/', '?', '#'])).min_by_key(|rest| rest.len())
}

struct Given<'a> {
    spec: &'a Spec,
    operation: &'a Operation,
    case: &'a Case,
    request: &'a RequestSpec,
    /// Calls that hand over a whole URL, with what follows the server in it.
    links: &'a [(&'a String, &'a str)],
}

impl Given<'_> {
    fn object(&self, at: &str, message: String) -> Option<Finding> {
        Some(self.case.finding("F214", at, message))
    }

    fn links(&self) -> Vec<Finding> {
        let differing = self.links.iter().filter_map(|(key, rest)| {
            let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
            let mut pairs = query.split('&').filter(|pair| !pair.is_empty()).map(decode_pair);
            let has_all = pairs.all(|pair| self.request.query.contains(&pair));
            (path != self.request.path || !has_all)
                .then(|| self.object(&json::join("/call", key), "the request does not go to this URL".into()))
                .flatten()
        });
        differing.collect()
    }

    /// A parameter that nobody gave is still right where a whole URL was given.
    fn is_in_link(&self) -> bool {
        !self.links.is_empty()
    }

    /// The parameter as the document describes it, with its style.
    fn documented(&self, parameter: &Parameter) -> Option<&'_ Documented> {
        let same = |name: &str| {
            if parameter.place == "header" { name.eq_ignore_ascii_case(&parameter.name) } else { name == parameter.name }
        };
        self.operation.parameters.iter().find(|known| known.place.name() == parameter.place && same(&known.name))
    }

    /// Whether a list has a pair for each of its items.
    fn repeats(&self, parameter: &Parameter) -> bool {
        let documented = self.documented(parameter);
        documented.is_some_and(|documented| documented.place == Place::Query && documented.explode && documented.style != Style::Json)
    }

    /// A value of the call as the one text that its style makes of it.
    fn text(&self, parameter: &Parameter, value: &Value) -> String {
        match self.documented(parameter) {
            Some(documented) if value.is_array() || value.is_object() => as_text(documented, value),
            _ => scalar(value),
        }
    }

    fn path(&self, parameter: &Parameter) -> Option<Finding> {
        let placeholder = format!("{{{}}}", parameter.name);
        let segments = self.operation.path.split('/').zip(self.request.path.split('/'));
        let (_, sent) = segments.into_iter().find(|(template, _)| *template == placeholder)?;
        let sent = decode(sent, false);
        let given = self.case.fixture.call.get(&parameter.name);
        if given.is_some_and(|given| self.is_opaque(parameter, given)) {
            return None;
        }
        match given.map(|given| self.text(parameter, given)) {
            Some(given) if given == sent => None,
            Some(given) => {
                let message = format!("the call gives `{given}`, the request's path has `{sent}`");
                self.object(&json::join("/call", &parameter.name), message)
            }
            None if self.is_in_link() => None,
            None => self.object("/call", format!("`{}` is missing; the request's path has `{sent}`", parameter.name)),
        }
    }

    /// Whether a style that is not taken apart has put the value together.
    fn is_opaque(&self, parameter: &Parameter, value: &Value) -> bool {
        let is_composed = value.is_array() || value.is_object();
        is_composed && self.documented(parameter).is_some_and(|documented| documented.style == Style::Opaque)
    }

    fn query(&self, parameter: &Parameter) -> Option<Finding> {
        let name = &parameter.name;
        if let (Some(documented), Some(value @ Value::Object(_))) = (self.documented(parameter), self.case.fixture.call.get(name)) {
            return self.object_in_query(documented, value);
        }
        // `name[]` is how some APIs spell a repeated parameter; the spec names it that way itself.
        let sent: Vec<&str> = self.request.query.iter().filter(|(key, _)| key == name).map(|(_, value)| value.as_str()).collect();
        self.compare(parameter, &sent, "query", &json::join("/request/query", name))
    }

    /// An object, which can be one text or a pair for each member. The members may come in any order.
    fn object_in_query(&self, documented: &Documented, value: &Value) -> Option<Finding> {
        let name = &documented.name;
        let mut given = Vec::new();
        as_pairs(documented, value, &mut given);
        let is_own = |key: &str| given.iter().any(|(known, _)| known == key) || self.spec.claims(self.operation, documented, key);
        let mut sent: Vec<(String, String)> = self.request.query.iter().filter(|(key, _)| is_own(key)).cloned().collect();
        if documented.style == Style::Json
            && let [(_, text)] = sent.as_slice()
            && serde_json::from_str(text).is_ok_and(|sent: Value| json::differences(value, &sent).is_empty())
        {
            return None;
        }
        given.sort();
        sent.sort();
        let show = |pairs: &[(String, String)]| match pairs {
            [] => "nothing".to_owned(),
            pairs => format!("`{}`", pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")),
        };
        if given == sent || documented.style == Style::Opaque {
            return None;
        }
        let message = format!("`{name}`: the call gives {}, the request has {} in its query", show(&given), show(&sent));
        self.object(&json::join("/request/query", name), message)
    }

    fn header(&self, parameter: &Parameter) -> Option<Finding> {
        let name = &parameter.name;
        let headers = self.request.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        let sent: Vec<&str> = headers.map(|(_, value)| value.as_str()).collect();
        let is_open = self.request.require_headers.iter().any(|key| key.eq_ignore_ascii_case(name));
        if sent.is_empty() && is_open {
            return None;
        }
        self.compare(parameter, &sent, "headers", &json::join("/request/headers", name))
    }

    fn compare(&self, parameter: &Parameter, sent: &[&str], what: &str, at: &str) -> Option<Finding> {
        let name = &parameter.name;
        let given = match self.case.fixture.call.get(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(value) if self.is_opaque(parameter, value) => return None,
            Some(Value::Array(list)) if self.repeats(parameter) => list.iter().map(scalar).collect(),
            Some(value) => vec![self.text(parameter, value)],
        };
        if given.is_empty() && !sent.is_empty() && (parameter.is_constant || self.is_in_link()) {
            return None;
        }
        if given == sent {
            return None;
        }
        let show = |values: Vec<String>| if values.is_empty() { "nothing".into() } else { format!("`{}`", values.join("`, `")) };
        let sent = show(sent.iter().map(|text| (*text).to_owned()).collect());
        let message = format!("`{name}`: the call gives {}, the request has {sent} in its {what}", show(given));
        self.object(at, message)
    }

    fn body(&self) -> Option<Finding> {
        let given = self.case.fixture.call.get(BODY);
        let request = self.request;
        let text = request.text.as_ref().or(request.base64.as_ref()).map(|text| Value::String(text.clone()));
        let sent = request.json.clone().or(text);
        match (given, &sent) {
            (None, None) => None,
            (Some(given), Some(sent)) => {
                let (at, difference) = json::differences(given, sent).into_iter().next()?;
                let what = match difference {
                    json::Difference::Lost(value) => format!("the request lacks {}", json::short(value)),
                    json::Difference::Invented(value) => format!("the request adds {}", json::short(value)),
                    json::Difference::Changed(a, b) => {
                        format!("the call gives {}, the request has {}", json::short(a), json::short(b))
                    }
                };
                self.object(&format!("/call/{BODY}{at}"), what)
            }
            (Some(_), None) => self.object(&format!("/call/{BODY}"), "the request has no body".into()),
            // An empty object is what many operations without input want to be sent.
            (None, Some(Value::Object(map))) if map.is_empty() => None,
            (None, Some(_)) => self.object("/call", format!("`{BODY}` is missing; the request has one")),
        }
    }
}

/// A parameter's value as it is written into a path, a query or a header.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn decode_pair(pair: &str) -> (String, String) {
    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
    (decode(name, true), decode(value, true))
}

/// Percent-decodes; in a query `+` is a space.
pub(crate) fn decode(text: &str, is_query: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match tail {
            [high, low, ..] if *first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match (escaped, *first) {
            (Some((high, low)), _) => {
                bytes.push(high * 16 + low);
                rest = tail.get(2..).unwrap_or_default();
                continue;
            }
            (None, b'+') if is_query => bytes.push(b' '),
            (None, byte) => bytes.push(byte),
        }
        rest = tail;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_is_escaped_and_leaves_the_rest() {
        assert_eq!(decode("a%20b+c%2", true), "a b c%2");
        assert_eq!(decode("a+b%C3%A4", false), "a+bä");
    }

    #[test]
    fn a_host_that_only_begins_like_a_server_is_another() {
        let servers = ["https://api.books.shop".to_owned(), "https://api.books.shop/v2".to_owned()];
        assert_eq!(below_server(&servers, "https://api.books.shop/v2/x?y"), Some("/x?y"));
        assert_eq!(below_server(&servers, "https://api.books.shop.evil/x"), None);
    }
}
