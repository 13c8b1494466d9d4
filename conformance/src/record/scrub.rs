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
/// So much of a form is searched for before the rest of it is compared.
const START: usize = 12;

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
    // An automaton of whole forms takes a thousand times their size; where one begins, the rest is compared.
    let mut starts: BTreeMap<&[u8], Vec<(&str, usize)>> = BTreeMap::new();
    for (form, index) in &forms_of {
        let bytes = form.as_bytes();
        starts.entry(bytes.get(..START).unwrap_or(bytes)).or_default().push((form, *index));
    }
    let found = match AhoCorasick::builder().kind(Some(AhoCorasickKind::NoncontiguousNFA)).build(starts.keys()) {
        Ok(search) => {
            let forms: Vec<&Vec<(&str, usize)>> = starts.values().collect();
            let standing = search.find_overlapping_iter(&haystack).filter_map(|hit| {
                let rest = haystack.as_bytes().get(hit.start()..)?;
                let is_there =
                    |form: &str| rest.starts_with(form.as_bytes()) && stands(&haystack, Span::from(hit.start()..hit.start() + form.len()));
                forms[hit.pattern().as_usize()].iter().filter(|(form, _)| is_there(form)).map(|(_, index)| *index).min()
            });
            standing.min()
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
    fn texts_that_begin_alike_are_told_apart() {
        let raw = |end: &str| ("/".to_owned() + end, format!("one and the same beginning {end}"));
        let notes = Notes { raw: vec![raw("first"), raw("second"), raw("third")], ..Notes::default() };
        let found = |text: &str| leak(text, &Value::Null, &notes, &Vocabulary(String::new()));
        assert_eq!(found("one and the same beginning fourth, one and the same"), None);
        assert_eq!(found("one and the same beginning fourth, one and the same beginning second").as_deref(), Some("/second"));
        assert_eq!(found("one and the same beginning third, one and the same beginning second").as_deref(), Some("/second"));
    }

    #[test]
    fn short_texts_count_where_they_stand_alone() {
        assert!(found("Emma", "title: Emma"));
        assert!(!found("Emma", "dilemma"));
        assert!(!found("12", "12") && !found("2026", "2026"));
    }

    #[test]
    fn a_text_is_what_it_says_decoded_and_its_parts_that_look_like_keys() {
        for (raw, expected) in [
            ("Ada Lovelace of somewhere", &["Ada Lovelace of somewhere"][..]),
            (" Emma ", &["Emma", " Emma "]),
            ("abc", &[]),
            ("1234567", &["1234567"]),
            ("123456", &[]),
            ("-12.5", &[]),
            ("Bearer tok-12345678", &["Bearer tok-12345678", "tok-12345678"]),
            ("Bearer tok-1234", &["Bearer tok-1234"]),
            ("Bearer tok-12345", &["Bearer tok-12345", "tok-12345"]),
            ("id=corp_team.9913&b", &["id=corp_team.9913&b", "corp_team.9913"]),
            ("a%20b%2Fc", &["a b/c", "a%20b%2Fc"]),
            ("\"quoted text\"", &["\"quoted text\"", "quoted text"]),
            ("YSBzZWNyZXQgdGV4dA==", &["YSBzZWNyZXQgdGV4dA==", "a secret text", "YSBzZWNyZXQgdGV4dA"]),
            ("YSBzZWNyZXQgdGV4dA", &["YSBzZWNyZXQgdGV4dA", "a secret text"]),
            ("Pz8_Pz8-Pz8_Pz8-", &["Pz8_Pz8-Pz8_Pz8-", "?????>?????>"]),
            ("61207365637265742074657874", &["61207365637265742074657874", "a secret text"]),
            ("c2hvcnQ=", &["c2hvcnQ="]),
        ] {
            let mut wanted: BTreeSet<String> = expected.iter().map(|text| (*text).to_owned()).collect();
            let found = secrets_of(raw);
            // What Base64 makes of a text that is none is no text, mostly.
            wanted.extend(found.iter().filter(|text| !text.is_ascii()).cloned());
            assert_eq!(found, wanted, "{raw}");
        }
    }

    #[test]
    fn a_text_is_written_in_these_forms() {
        let all = forms("a b/\"ü123");
        for form in [
            "a b/\"ü123",
            "a%20b%2F%22%C3%BC123",
            "a+b%2F%22%C3%BC123",
            "%61%20%62%2f%22%c3%bc%31%32%33",
            "a b/\\\"ü123",
            "6120622f22c3bc313233",
            "321ü\"/b a",
        ] {
            assert!(all.contains(form), "{form} is none of {all:?}");
        }
        for before in ["", "x", "xy", "xyz"] {
            for after in ["", "x", "xy"] {
                let within = format!("{before}a b/\"ü123{after}");
                for encoded in [STANDARD.encode(&within), URL_SAFE_NO_PAD.encode(&within)] {
                    assert!(all.iter().any(|form| encoded.contains(form.as_str())), "{within} as {encoded}");
                }
            }
        }
        assert!(!forms("abcd1234").contains("4321dcba") && forms("abcd12345").contains("54321dcba"));
        assert!(forms("ab").iter().all(|form| form == "ab" || form.len() >= SHORTEST), "{:?}", forms("ab"));
    }

    #[test]
    fn words_of_the_document_and_what_is_public_may_stand() {
        let spec = Spec::parse(
            "api.yaml",
            "openapi: 3.0.3\ninfo: {title: API, version: '1'}\npaths:\n  /listened:\n    get:\n      operationId: get_listened\n      \
             tags: [Audiobooks]\n      summary: Whispering\n      parameters: [{name: Narrator, in: query, example: Kowalski, \
             schema: {type: string, enum: [Shouting], default: Mumbling}}]\n      responses: {'200': {description: Humming}}\n",
        )
        .expect("a document");
        let vocabulary = Vocabulary::of(&spec, &["Ownwords"]);
        for word in ["listened", "audiobooks", "narrator", "shouting", "mumbling", "ownwords", "operationid", "parameters"] {
            assert!(vocabulary.has(word), "{word}");
        }
        for word in ["whispering", "kowalski", "humming"] {
            assert!(!vocabulary.has(word), "{word} is prose, or an example");
        }
        let notes = |public: &[&str]| Notes {
            raw: vec![("/one".into(), "nothing here".into()), ("/two".into(), "Shouting".into()), ("/three".into(), "Kowalski".into())],
            public: public.iter().map(|text| (*text).to_owned()).collect(),
            ..Notes::default()
        };
        let found = |text: &str, public: &[&str]| leak(text, &Value::Null, &notes(public), &vocabulary);
        assert_eq!(found("shouting", &[]), None);
        assert_eq!(found("by KOWALSKI", &[]).as_deref(), Some("/three"));
        assert_eq!(found("by Kowalski", &["kowalski"]), None);
        assert_eq!(found("by Kowalski", &["by Kowalski"]).as_deref(), Some("/three"));
        assert_eq!(found("Kowalski: nothing here", &[]).as_deref(), Some("/one"), "the first place is told");
    }

    #[test]
    fn what_is_encoded_in_the_fixture_is_looked_into() {
        let notes = Notes { raw: vec![("/x".to_owned(), "Kowalski".to_owned())], ..Notes::default() };
        let vocabulary = Vocabulary(String::new());
        let source = serde_json::json!({"response": {"base64": STANDARD.encode("\u{1}by Kowalski")}});
        assert!(leak("", &source, &notes, &vocabulary).is_some());
        let source = serde_json::json!({"response": {"json": {"Kowalski": 1}}});
        assert!(leak("", &source, &notes, &vocabulary).is_some(), "the name of a member");
        let source = serde_json::json!({"response": {"base64": "no base64"}});
        assert!(leak("", &source, &notes, &vocabulary).is_none());
    }

    #[test]
    fn up_to_eight_letters_a_text_has_to_stand_alone() {
        for (raw, text, is_found) in [
            ("abcdefgh", "xabcdefgh", false),
            ("abcdefgh", "abcdefghx", false),
            ("abcdefgh", "abcdefgh", true),
            ("abcdefgh", "(abcdefgh)", true),
            ("abcdefghi", "xabcdefghix", true),
            ("abcd", "-abcd_", true),
            ("abcd", "äabcd", false),
        ] {
            assert_eq!(found(raw, text), is_found, "{raw} in {text}");
        }
    }
}
