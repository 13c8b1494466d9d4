//! The last look at a fixture before it is written: nothing that was replaced may be in it, in whatever form.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::{AhoCorasick, AhoCorasickKind, Span};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::redact::{Notes, is_short_number};
use crate::json::each_string;
use crate::spec::{Spec, percent_decode, percent_encode};

/// Shorter texts are in everything.
const SHORTEST: usize = 4;
/// Up to this length a text only counts where it stands alone.
const WORD: usize = 8;

/// The words that a fixture may hold whoever's data it was made of: those of the document and of the format.
pub(super) struct Vocabulary(String);

impl Vocabulary {
    /// The names, paths and listed values of the document; descriptions and examples are none.
    pub(super) fn of(spec: &Spec, own: &[&str]) -> Self {
        let mut words = BTreeSet::new();
        collect(spec.document(), "", &mut words);
        words.extend(own.iter().map(|word| word.to_ascii_lowercase()));
        Self(words.into_iter().collect::<Vec<_>>().join("\n"))
    }

    fn has(&self, text: &str) -> bool {
        self.0.contains(text)
    }
}

fn collect(value: &Value, key: &str, words: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if matches!(name.as_str(), "description" | "summary" | "example" | "examples") && !value.is_object() {
                    continue;
                }
                words.insert(name.to_ascii_lowercase());
                if !matches!(name.as_str(), "example" | "examples") {
                    collect(value, name, words);
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|item| collect(item, key, words)),
        Value::String(text) if matches!(key, "enum" | "operationId" | "tags" | "required" | "name" | "default" | "$ref") => {
            words.insert(text.to_ascii_lowercase());
        }
        _ => {}
    }
}

/// The place of a raw text that is still in the fixture, or `None`.
pub(super) fn leak(text: &str, source: &Value, notes: &Notes, vocabulary: &Vocabulary) -> Option<String> {
    let mut haystack = text.to_ascii_lowercase();
    each_string(source, "", &mut |at, text| {
        haystack.push('\n');
        haystack.push_str(&text.to_ascii_lowercase());
        if at.ends_with("/base64")
            && let Ok(bytes) = STANDARD.decode(text)
        {
            haystack.push('\n');
            haystack.push_str(&String::from_utf8_lossy(&bytes).to_ascii_lowercase());
        }
    });
    let reviewed = notes.public.iter().map(|text| text.to_ascii_lowercase()).collect::<Vec<_>>();
    let is_open = |raw: &str| vocabulary.has(raw) || reviewed.iter().any(|public| public == raw);
    let mut forms_of: BTreeMap<String, usize> = BTreeMap::new();
    for (index, (_, raw)) in notes.raw.iter().enumerate() {
        for secret in secrets_of(raw).iter().filter(|secret| !is_open(&secret.to_ascii_lowercase())) {
            for form in forms(secret) {
                forms_of.entry(form.to_ascii_lowercase()).or_insert(index);
            }
        }
    }
    let found = match AhoCorasick::builder().kind(Some(AhoCorasickKind::NoncontiguousNFA)).build(forms_of.keys()) {
        Ok(search) => {
            let places: Vec<usize> = forms_of.values().copied().collect();
            let standing = search.find_overlapping_iter(&haystack).filter(|hit| stands(&haystack, hit.span()));
            standing.map(|hit| places[hit.pattern().as_usize()]).min()
        }
        // More forms than can be searched for: nothing is known to be gone.
        Err(_) => Some(0),
    };
    found.map(|index| notes.raw[index].0.clone())
}

/// Whether a text that was found counts: a short one only where it stands alone.
fn stands(haystack: &str, at: Span) -> bool {
    let is_word = |c: char| c.is_alphanumeric();
    let before = haystack.get(..at.start).and_then(|text| text.chars().next_back());
    let after = haystack.get(at.end..).and_then(|text| text.chars().next());
    at.len() > WORD || (!before.is_some_and(is_word) && !after.is_some_and(is_word))
}

/// The raw text, what it says once decoded, and the parts of it that look like keys.
fn secrets_of(raw: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::from([raw.trim().to_owned()]);
    let decoded = [STANDARD.decode(raw), STANDARD_NO_PAD.decode(raw), URL_SAFE.decode(raw), URL_SAFE_NO_PAD.decode(raw)];
    let texts = decoded.into_iter().flatten().chain(unhex(raw)).filter_map(|bytes| String::from_utf8(bytes).ok());
    all.extend(texts.filter(|text| text.len() >= WORD && !text.chars().any(char::is_control)));
    all.insert(percent_decode(raw).into_owned());
    if let Ok(Value::String(text)) = serde_json::from_str::<Value>(raw) {
        all.insert(text);
    }
    let words: Vec<String> = all
        .iter()
        .flat_map(|text| text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))))
        .filter(|word| word.len() > WORD && word.bytes().any(|b| b.is_ascii_digit()))
        .map(str::to_owned)
        .collect();
    all.extend(words);
    all.retain(|text| text.chars().count() >= SHORTEST && !is_short_number(text));
    all
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits.chunks(2).map(|pair| u8::try_from(pair.iter().fold(0, |sum, digit| sum * 16 + digit)).ok()).collect()
}

/// The ways in which a text can be written down.
fn forms(secret: &str) -> BTreeSet<String> {
    let bytes = secret.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent = percent_encode(secret);
    let every: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
    let json = Value::from(secret).to_string();
    let backwards: String = secret.chars().rev().collect();
    let mut all = BTreeSet::from([secret.to_owned(), percent.replace("%20", "+"), percent, every, json.trim_matches('"').to_owned(), hex]);
    if bytes.len() > WORD {
        all.insert(backwards);
    }
    // Inside of something longer a text has one of three forms in Base64, whose ends depend on its neighbours.
    for shift in 0..3_usize {
        let padded = [&b"\0\0"[..shift], bytes].concat();
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            let start = (shift * 8).div_ceil(6);
            let end = padded.len() * 8 / 6;
            if let Some(core) = encoded.get(start..end).filter(|core| core.len() >= SHORTEST) {
                all.insert(core.to_owned());
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(raw: &str, text: &str) -> bool {
        let notes = Notes { raw: vec![("/x".to_owned(), raw.to_owned())], ..Notes::default() };
        leak(text, &Value::Null, &notes, &Vocabulary(String::new())).is_some()
    }

    #[test]
    fn sees_a_text_in_every_form() {
        let raw = "kanarie 81/7x";
        let inside = STANDARD.encode(format!("user:{raw}!"));
        for text in ["a kanarie 81/7x b", "KANARIE 81/7X", "kanarie%2081%2F7x", "kanarie+81%2f7x", &inside, "6b616e617269652038312f3778"] {
            assert!(found(raw, text), "{text}");
        }
        assert!(!found(raw, "kanarie 81"));
        assert!(found(&STANDARD.encode(raw), raw), "what was encoded is decoded");
        assert!(found("Bearer tok-12345678", "tok-12345678"), "a part that looks like a key");
    }

    #[test]
    fn short_texts_count_where_they_stand_alone() {
        assert!(found("Emma", "title: Emma"));
        assert!(!found("Emma", "dilemma"));
        assert!(!found("12", "12") && !found("2026", "2026"));
    }
}
