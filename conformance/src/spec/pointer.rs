//! JSON pointers as text, and the references that hold them.

use std::borrow::Cow;
use std::collections::BTreeSet;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Everything but the unreserved characters of RFC 3986, which are free in every part of a URL.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `pointer` extended by one token, which is escaped.
pub(super) fn join(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", escape(token))
}

/// A token as it stands inside a pointer.
pub(super) fn escape(token: &str) -> Cow<'_, str> {
    if token.contains(['~', '/']) { Cow::Owned(token.replace('~', "~0").replace('/', "~1")) } else { Cow::Borrowed(token) }
}

/// A token of a pointer as the key that it names.
pub(super) fn unescape(token: &str) -> Cow<'_, str> {
    if token.contains('~') { Cow::Owned(token.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(token) }
}

/// The tokens of a pointer, unescaped.
pub(super) fn tokens(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.split('/').skip(1).map(unescape)
}

/// The longest leading part of `pointer` that exists in `document`.
pub(super) fn existing<'a>(document: &Value, pointer: &'a str) -> &'a str {
    let mut pointer = pointer;
    while document.pointer(pointer).is_none() {
        match pointer.rfind('/') {
            Some(end) => pointer = pointer.get(..end).unwrap_or_default(),
            None => return "",
        }
    }
    pointer
}

/// The text as it can stand in every part of a URL.
pub(crate) fn percent_encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Bytes of `%xx` sequences put back; what is no such sequence stays as it is.
pub(crate) fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let decoded = match (first, tail) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match decoded {
            Some((high, low)) => {
                bytes.push(high * 16 + low);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The text of a `$ref`, for a value that is a reference.
pub(crate) fn reference(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()
}

/// Why a schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) kind: FlawKind,
    /// Pointer to the object that is to blame.
    pub(crate) at: String,
    pub(crate) message: String,
}

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FlawKind {
    /// A reference leads nowhere.
    DeadEnd,
    /// References lead in a circle.
    Circle,
    /// The schema itself makes no sense.
    Schema,
}

/// The pointer that a reference text names, if that place exists in `document`.
pub(super) fn target(document: &Value, at: &str, reference: &str) -> Result<String, Flaw> {
    let dead_end = |message: String| Flaw { kind: FlawKind::DeadEnd, at: at.to_owned(), message };
    let Some(fragment) = reference.strip_prefix('#') else {
        return Err(dead_end(format!("`$ref: {reference}` leaves the document; only references that begin with `#/` are followed")));
    };
    let pointer = percent_decode(fragment).into_owned();
    if pointer.is_empty() || document.pointer(&pointer).is_none() {
        return Err(dead_end(format!("`$ref: {reference}` leads nowhere")));
    }
    Ok(pointer)
}

/// Follows references from `pointer` until something that is none.
pub(crate) fn resolve<'a>(document: &'a Value, pointer: &str) -> Result<(String, &'a Value), Flaw> {
    let mut seen = BTreeSet::new();
    let mut pointer = pointer.to_owned();
    loop {
        let Some(value) = document.pointer(&pointer) else {
            return Err(Flaw { kind: FlawKind::DeadEnd, message: "nothing stands here".to_owned(), at: pointer });
        };
        let Some(text) = reference(value) else {
            return Ok((pointer, value));
        };
        let next = target(document, &pointer, text)?;
        if !seen.insert(next.clone()) {
            return Err(Flaw { kind: FlawKind::Circle, at: pointer, message: format!("`$ref: {text}` leads back to itself") });
        }
        pointer = next;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn escapes_and_unescapes_tokens() {
        assert_eq!(join("/paths", "/a~b"), "/paths/~1a~0b");
        assert_eq!(tokens("/paths/~1a~0b").collect::<Vec<_>>(), ["paths", "/a~b"]);
    }

    #[test]
    fn finds_the_nearest_ancestor_that_exists() {
        let document = json!({"a": {"b": [1]}});
        assert_eq!(existing(&document, "/a/b/0"), "/a/b/0");
        assert_eq!(existing(&document, "/a/b/7/x"), "/a/b");
        assert_eq!(existing(&document, "/z"), "");
    }

    #[test]
    fn follows_references_and_refuses_dead_ends() {
        let document = json!({
            "a": {"$ref": "#/b%20c"}, "b c": {"$ref": "#/d"}, "d": 1,
            "x": {"$ref": "#/y"}, "y": {"$ref": "#/x"}, "out": {"$ref": "other.yaml#/a"}, "lost": {"$ref": "#/q"},
        });
        assert_eq!(resolve(&document, "/a").unwrap(), ("/d".to_owned(), &json!(1)));
        assert!(resolve(&document, "/x").unwrap_err().message.contains("back to itself"));
        assert!(resolve(&document, "/out").unwrap_err().message.contains("leaves the document"));
        assert!(resolve(&document, "/lost").unwrap_err().message.contains("leads nowhere"));
    }

    #[test]
    fn decodes_percent_sequences() {
        assert_eq!(percent_decode("a%2Fb%20%C3%A9"), "a/b é");
        assert_eq!(percent_decode("100%"), "100%");
        assert_eq!(percent_decode("%zz%4"), "%zz%4");
    }

    #[test]
    fn encodes_all_but_what_is_free_everywhere() {
        assert_eq!(percent_encode("aZ9-._~"), "aZ9-._~");
        assert_eq!(percent_encode("é a+b/c?d=e&f%"), "%C3%A9%20a%2Bb%2Fc%3Fd%3De%26f%25");
    }
}
