//! The operations of a document, with their references followed once.

use std::collections::BTreeSet;

use serde_json::Value;

use super::pointer::{join, percent_decode, resolve};

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// One operation of the document.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Operation {
    /// The operationId; `GET /path` where the document gives none.
    pub id: String,
    /// Upper case, as `GET`.
    pub method: String,
    /// The path template, as `/books/{bookId}`.
    pub path: String,
    /// The first tag.
    pub tag: Option<String>,
    /// JSON pointer to the operation in the document.
    pub pointer: String,
    /// The first server URL of the operation or of its path, no trailing slash. `None` where the
    /// servers of the document hold.
    pub server: Option<String>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) body: Option<Payload>,
    pub(crate) responses: Vec<Reply>,
    pub(crate) security: Vec<Vec<Credential>>,
}

/// Where a parameter travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Path,
    Query,
    Header,
    Cookie,
}

impl Place {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }
}

/// How a parameter is written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `form` and `simple`: commas.
    Comma,
    Space,
    Pipe,
    Deep,
    /// `label` and `matrix`, whose values are not taken apart.
    Opaque,
    /// A `content` parameter: the text is JSON.
    Json,
}

/// A parameter, or a header of a response.
#[derive(Clone, Debug)]
pub(crate) struct Parameter {
    /// In lower case for a header.
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) required: bool,
    pub(crate) pointer: String,
    pub(crate) schema: Option<String>,
    pub(crate) style: Style,
    pub(crate) explode: bool,
}

/// A request body.
#[derive(Clone, Debug)]
pub(crate) struct Payload {
    pub(crate) required: bool,
    pub(crate) pointer: String,
    pub(crate) media: Vec<Media>,
}

/// One documented media type.
#[derive(Clone, Debug)]
pub(crate) struct Media {
    /// As the document writes it.
    pub(crate) name: String,
    pub(crate) pointer: String,
    pub(crate) schema: Option<String>,
}

/// One documented response.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// `200`, `4XX` or `default`.
    pub(crate) status: String,
    pub(crate) pointer: String,
    pub(crate) media: Vec<Media>,
    pub(crate) headers: Vec<Parameter>,
}

/// What a security scheme asks of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    Bearer,
    Basic,
    Header(String),
    Query(String),
    Cookie(String),
    /// A scheme that the components do not declare, or of a kind that cannot be seen in a request.
    Unknown(String),
}

/// A media type in lower case, without parameters.
pub(crate) fn essence(content_type: &str) -> String {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}

/// The media type of a form.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// Whether a body of this media type is JSON.
pub(super) fn is_json(essence: &str) -> bool {
    essence == "application/json" || essence.ends_with("+json") || essence == "text/json"
}

/// The documented media type that covers `content_type`: exact first, then `text/*`, then `*/*`.
pub(super) fn media_for<'a>(media: &'a [Media], content_type: &str) -> Option<&'a Media> {
    let wanted = essence(content_type);
    let range = wanted.split_once('/').map(|(kind, _)| format!("{kind}/*")).unwrap_or_default();
    [wanted.as_str(), range.as_str(), "*/*"].into_iter().find_map(|name| media.iter().find(|media| essence(&media.name) == name))
}

impl Operation {
    /// The documented response for a status: the number, then its class, then `default`.
    pub(super) fn reply(&self, status: u16) -> Option<&Reply> {
        let number = status.to_string();
        let class = format!("{}XX", status / 100);
        let with = |name: &str| self.responses.iter().find(|reply| reply.status.eq_ignore_ascii_case(name));
        with(&number).or_else(|| with(&class)).or_else(|| with("default"))
    }

    pub(super) fn parameters_in(&self, place: Place) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(move |parameter| parameter.place == place)
    }

    /// The path parameters of `path`, percent-decoded, if the template matches it. Empty values match.
    #[must_use]
    pub fn match_path(&self, path: &str) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        let mut segments = path.split('/');
        for template in self.path.split('/') {
            let segment = segments.next()?;
            match_segment(template, &percent_decode(segment), &mut found)?;
        }
        segments.next().is_none().then_some(found)
    }

    /// How much of the template is literal, segment by segment; the smallest is the most specific.
    pub(super) fn openness(&self) -> Vec<u8> {
        let openness = |segment: &str| match (segment.contains('{'), segment.starts_with('{')) {
            (false, _) => 0,
            (true, true) if segment.ends_with('}') && segment.matches('{').count() == 1 => 2,
            (true, _) => 1,
        };
        self.path.split('/').map(openness).collect()
    }
}

fn match_segment(template: &str, segment: &str, found: &mut Vec<(String, String)>) -> Option<()> {
    let Some((literal, rest)) = template.split_once('{') else {
        return (template == segment).then_some(());
    };
    let segment = segment.strip_prefix(literal)?;
    let (name, rest) = rest.split_once('}')?;
    let next = rest.split('{').next().unwrap_or_default();
    let end = match (next.is_empty(), next == rest) {
        (true, _) => segment.len(),
        (false, true) => segment.strip_suffix(next)?.len(),
        (false, false) => segment.find(next)?,
    };
    found.push((name.to_owned(), segment.get(..end)?.to_owned()));
    match_segment(rest, segment.get(end..)?, found)
}

/// All operations under `paths`, in the order of the document.
pub(super) fn operations(document: &Value) -> Vec<Operation> {
    let mut all = Vec::new();
    let Some(paths) = document.get("paths").and_then(Value::as_object) else {
        return all;
    };
    for path in paths.keys().filter(|path| path.starts_with('/')) {
        let Ok((pointer, item)) = resolve(document, &join("/paths", path)) else {
            continue;
        };
        let Some(entries) = item.as_object() else {
            continue;
        };
        for (method, value) in entries {
            if METHODS.contains(&method.as_str()) && value.is_object() {
                let reader = Reader { document, item, item_at: &pointer };
                all.push(reader.operation(path, method, value));
            }
        }
    }
    all
}

/// Every server URL that the document names, without trailing slash and without repeats.
pub(super) fn servers(document: &Value) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut all = own_servers(document);
    let items = document.get("paths").and_then(Value::as_object);
    for item in items.into_iter().flat_map(|paths| paths.values()) {
        all.extend(own_servers(item));
        for method in METHODS {
            all.extend(item.get(method).map(own_servers).unwrap_or_default());
        }
    }
    all.retain(|url| seen.insert(url.clone()));
    all
}

/// The server URLs that stand at one place of the document.
pub(super) fn own_servers(value: &Value) -> Vec<String> {
    let servers = value.get("servers").and_then(Value::as_array);
    let urls = servers.into_iter().flatten().filter_map(server_url);
    urls.filter(|url| !url.is_empty()).collect()
}

fn server_url(server: &Value) -> Option<String> {
    let mut url = server.get("url")?.as_str()?.to_owned();
    let variables = server.get("variables").and_then(Value::as_object);
    for (name, variable) in variables.into_iter().flatten() {
        if let Some(default) = variable.get("default").and_then(Value::as_str) {
            url = url.replace(&format!("{{{name}}}"), default);
        }
    }
    Some(url.trim_end_matches('/').to_owned())
}

/// Reads the operations of one path item.
struct Reader<'a> {
    document: &'a Value,
    item: &'a Value,
    item_at: &'a str,
}

impl Reader<'_> {
    fn operation(&self, path: &str, method: &str, value: &Value) -> Operation {
        let pointer = join(self.item_at, method);
        let method = method.to_ascii_uppercase();
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Operation {
            id: text("operationId").unwrap_or_else(|| format!("{method} {path}")),
            tag: value.pointer("/tags/0").and_then(Value::as_str).map(str::to_owned),
            server: [value, self.item].into_iter().find_map(|holder| own_servers(holder).into_iter().next()),
            parameters: self.parameters(&pointer, value),
            body: self.body(&pointer, value),
            responses: self.responses(&pointer, value),
            security: self.security(value),
            path: path.to_owned(),
            method,
            pointer,
        }
    }

    fn parameters(&self, pointer: &str, value: &Value) -> Vec<Parameter> {
        let mut all: Vec<Parameter> = Vec::new();
        // The operation's own come first, so that they shadow those of the path.
        for (at, holder) in [(pointer, value), (self.item_at, self.item)] {
            let list = holder.get("parameters").and_then(Value::as_array);
            for position in 0..list.map_or(0, Vec::len) {
                let at = format!("{at}/parameters/{position}");
                let Some(parameter) = self.parameter(&at) else {
                    continue;
                };
                let known = |other: &Parameter| other.name == parameter.name && other.place == parameter.place;
                if !all.iter().any(known) {
                    all.push(parameter);
                }
            }
        }
        all
    }

    fn parameter(&self, at: &str) -> Option<Parameter> {
        let (pointer, value) = resolve(self.document, at).ok()?;
        let place = match value.get("in")?.as_str()? {
            "path" => Place::Path,
            "query" => Place::Query,
            "header" => Place::Header,
            "cookie" => Place::Cookie,
            _ => return None,
        };
        let name = value.get("name")?.as_str()?;
        // OAS 3.0.3, 4.7.12.2: definitions of these three headers are ignored.
        let ignored = ["accept", "content-type", "authorization"];
        let lower = name.to_ascii_lowercase();
        if place == Place::Header && ignored.contains(&lower.as_str()) {
            return None;
        }
        let name = if place == Place::Header { lower } else { name.to_owned() };
        Some(described(name, place, pointer, value))
    }

    fn body(&self, pointer: &str, value: &Value) -> Option<Payload> {
        value.get("requestBody")?;
        let (pointer, body) = resolve(self.document, &join(pointer, "requestBody")).ok()?;
        Some(Payload { required: flag(body, "required"), media: media(&pointer, body), pointer })
    }

    fn responses(&self, pointer: &str, value: &Value) -> Vec<Reply> {
        let Some(replies) = value.get("responses").and_then(Value::as_object) else {
            return Vec::new();
        };
        let base = join(pointer, "responses");
        let statuses = replies.keys().filter(|status| !status.starts_with("x-"));
        statuses
            .map(|status| {
                let own = join(&base, status);
                let resolved = resolve(self.document, &own).ok();
                Reply {
                    status: status.clone(),
                    media: resolved.as_ref().map(|(pointer, reply)| media(pointer, reply)).unwrap_or_default(),
                    headers: resolved.map(|(pointer, reply)| self.headers(&pointer, reply)).unwrap_or_default(),
                    pointer: own,
                }
            })
            .collect()
    }

    fn headers(&self, pointer: &str, reply: &Value) -> Vec<Parameter> {
        let names = reply.get("headers").and_then(Value::as_object);
        let base = join(pointer, "headers");
        let headers = names.into_iter().flat_map(|names| names.keys());
        headers
            .filter(|name| !name.eq_ignore_ascii_case("content-type"))
            .filter_map(|name| {
                let (at, value) = resolve(self.document, &join(&base, name)).ok()?;
                Some(described(name.to_ascii_lowercase(), Place::Header, at, value))
            })
            .collect()
    }

    fn security(&self, value: &Value) -> Vec<Vec<Credential>> {
        let wanted = value.get("security").or_else(|| self.document.get("security"));
        let list = wanted.and_then(Value::as_array);
        let requirement = |names: &Value| {
            let names = names.as_object().into_iter().flat_map(|names| names.keys());
            names.map(|name| self.credential(name)).collect()
        };
        list.into_iter().flatten().map(requirement).collect()
    }

    fn credential(&self, scheme: &str) -> Credential {
        let unknown = || Credential::Unknown(scheme.to_owned());
        let at = join("/components/securitySchemes", scheme);
        let Ok((_, value)) = resolve(self.document, &at) else {
            return unknown();
        };
        let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let name = text("name").to_owned();
        match (text("type"), text("in")) {
            ("http", _) => match text("scheme").to_ascii_lowercase().as_str() {
                "bearer" => Credential::Bearer,
                "basic" => Credential::Basic,
                _ => unknown(),
            },
            ("oauth2" | "openIdConnect", _) => Credential::Bearer,
            ("apiKey", "header") => Credential::Header(name.to_ascii_lowercase()),
            ("apiKey", "query") => Credential::Query(name),
            ("apiKey", "cookie") => Credential::Cookie(name),
            _ => unknown(),
        }
    }
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

fn described(name: String, place: Place, pointer: String, value: &Value) -> Parameter {
    let content = value.get("content").and_then(Value::as_object);
    let content = content.and_then(|content| content.keys().next());
    let style = value.get("style").and_then(Value::as_str);
    let form = place == Place::Query || place == Place::Cookie;
    let (schema, style) = match content {
        Some(kind) => {
            let json = is_json(&essence(kind));
            let at = join(&join(&pointer, "content"), kind);
            let schema = json.then(|| join(&at, "schema"));
            (schema, if json { Style::Json } else { Style::Opaque })
        }
        None => {
            let schema = value.get("schema").map(|_| join(&pointer, "schema"));
            let style = match style {
                Some("spaceDelimited") => Style::Space,
                Some("pipeDelimited") => Style::Pipe,
                Some("deepObject") => Style::Deep,
                Some("label" | "matrix") => Style::Opaque,
                _ => Style::Comma,
            };
            (schema, style)
        }
    };
    Parameter {
        explode: value.get("explode").and_then(Value::as_bool).unwrap_or(form && style == Style::Comma),
        required: flag(value, "required") || place == Place::Path,
        name,
        place,
        pointer,
        schema,
        style,
    }
}

fn media(pointer: &str, holder: &Value) -> Vec<Media> {
    let base = join(pointer, "content");
    let content = holder.get("content").and_then(Value::as_object);
    let entries = content.into_iter().flatten();
    entries
        .map(|(name, value)| {
            let pointer = join(&base, name);
            Media { name: name.clone(), schema: value.get("schema").map(|_| join(&pointer, "schema")), pointer }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn matched(template: &str, path: &str) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        match_segment(template, path, &mut found).map(|()| found)
    }

    #[test]
    fn matches_segments_with_several_parameters() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(matched("books", "books"), Some(vec![]));
        assert_eq!(matched("{id}", "7"), Some(vec![pair("id", "7")]));
        assert_eq!(matched("{name}.{kind}", "a.pdf"), Some(vec![pair("name", "a"), pair("kind", "pdf")]));
        assert_eq!(matched("{name}.pdf", "a.b.pdf"), Some(vec![pair("name", "a.b")]));
        assert_eq!(matched("{name}.pdf", "a.txt"), None);
        assert_eq!(matched("v{n}", "7"), None);
    }

    #[test]
    fn finds_the_closest_media_type() {
        let media: Vec<Media> = ["*/*", "text/*", "application/json"]
            .into_iter()
            .map(|name| Media { name: name.to_owned(), pointer: String::new(), schema: None })
            .collect();
        let name = |wanted: &str| media_for(&media, wanted).unwrap().name.clone();
        assert_eq!(name("Application/JSON; charset=utf-8"), "application/json");
        assert_eq!(name("text/plain"), "text/*");
        assert_eq!(name("image/png"), "*/*");
        assert!(media_for(&media[2..], "text/html").is_none());
    }
}
