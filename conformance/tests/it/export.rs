//! What other tools are given: parsed back with their own grammars, and complete.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opusclip_conformance::export::Exchanges;
use opusclip_conformance::suite::Suite;
use serde_json::{Value, json};

use crate::toy::{spec, suite};

fn departing(suite: &Suite) -> usize {
    suite.cases.iter().filter(|case| !case.fixture.expect.violates.is_empty() && case.fixture.request.is_some()).count()
}

#[test]
fn only_lawful_and_complete_exchanges_are_exported() {
    let suite = suite();
    let exchanges = Exchanges::new(spec(), &suite);
    let left_out = exchanges.left_out();
    assert_eq!(exchanges.len() + left_out.departing + left_out.incomplete, suite.cases.len());
    assert!(left_out.departing > 0 && left_out.incomplete > 0 && !exchanges.is_empty(), "{left_out:?}");
    assert_eq!(left_out.departing, departing(&suite));
}

#[test]
fn a_har_reads_back_as_what_the_fixtures_say() {
    let suite = suite();
    let exchanges = Exchanges::new(spec(), &suite);
    let text = exchanges.to_har(spec());
    assert_eq!(text, Exchanges::new(spec(), &suite).to_har(spec()));
    let har::Spec::V1_2(log) = har::from_slice(text.as_bytes()).unwrap().log else { panic!("not HAR 1.2") };
    assert_eq!(log.entries.len(), exchanges.len());
    for entry in &log.entries {
        let case = suite.case(entry.comment.as_deref().unwrap()).unwrap();
        let (request, response) = (case.request().unwrap(), case.response().unwrap());
        assert_eq!(entry.request.method, request.method);
        assert!(entry.request.url.contains(&request.path) && entry.request.url.starts_with("http"), "{}", entry.request.url);
        assert_eq!(entry.request.query_string.len(), request.query.len());
        let sent = entry.request.post_data.as_ref().and_then(|data| data.text.clone()).unwrap_or_default();
        assert!(sent == request.body.to_text() || STANDARD.decode(&sent).is_ok_and(|bytes| bytes == request.body.0), "{sent}");
        assert_eq!(entry.response.status, i64::from(response.status));
        assert_eq!(entry.response.content.text.as_deref().unwrap_or_default(), response.body.to_text());
        let names: BTreeSet<&str> = entry.request.headers.iter().map(|header| header.name.as_str()).collect();
        for name in case.fixture.request.as_ref().unwrap().named_headers() {
            assert!(names.contains(name.as_str()), "{}: no {name}", case.fixture.id);
        }
    }
}

#[test]
fn an_example_for_specmatic_is_one_pair() {
    let suite = suite();
    let files = Exchanges::new(spec(), &suite).to_specmatic(spec());
    let text = &files.iter().find(|(name, _)| name == "books__add_book__maximal.json").unwrap().1;
    let example: Value = serde_json::from_str(text).unwrap();
    let case = suite.case("books/add_book/maximal").unwrap();
    let expected = json!({
        "method": "POST",
        "path": "/books",
        "headers": { "content-type": "application/json", "authorization": "Bearer any" },
        "body": { "title": "Duino", "genre": "poetry" },
    });
    assert_eq!(example["http-request"], expected);
    assert_eq!(example["http-response"]["status"], 201);
    assert_eq!(example["http-response"]["body"], case.response().unwrap().body.to_json().unwrap());
}

fn hurl(suite: &Suite) -> String {
    Exchanges::new(spec(), suite).to_hurl()
}

#[test]
fn a_hurl_file_makes_every_call_and_asserts_every_answer() {
    let suite = suite();
    let text = hurl(&suite);
    assert_eq!(text.matches("\nHTTP ").count(), Exchanges::new(spec(), &suite).len());
    let entry = "
# books/add_book/maximal: Everything that a new book can say
POST {{server}}/f/books/add_book/maximal/books
content-type: application/json
authorization: Bearer {{token}}
{
  \"title\": \"Duino\",
  \"genre\": \"poetry\"
}
HTTP 201
content-type: application/json
";
    assert!(text.contains(entry), "no\n{entry}\nin\n{text}");
    let answers = ["\n[Query]\n", "\nHTTP 404\n", "[Asserts]\nbytes count == 0\n"];
    assert!(answers.iter().all(|part| text.contains(part)), "{text}");
}

/// What has a meaning in a Hurl file, in every place where a fixture can have it.
#[test]
fn a_hurl_file_escapes_what_has_a_meaning() {
    let mut suite = suite();
    suite.retain(|_, id| id == "books/get_book/minimal");
    let fixture = &mut suite.cases[0].fixture;
    fixture.summary = "one\ntwo".into();
    let request = fixture.request.as_mut().unwrap();
    request.query = vec![("a:b".into(), " {{c}} #d\\e ".into())];
    let response = fixture.response.as_mut().unwrap();
    response.headers.insert("x-note".into(), "1: {{2}}".into());
    response.json = Some(json!({ "title": "{{c}}" }));
    let text = hurl(&suite);
    for part in [
        "# books/get_book/minimal: one two\n",
        "a\\:b: \\u{20}\\u{7b}{c}} \\#d\\\\e\\u{20}\n",
        "x-note: 1: \\u{7b}{2}}\n",
        "base64,eyJ0aXRsZSI6Int7Y319In0=;\n",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    let response = suite.cases[0].fixture.response.as_mut().unwrap();
    response.json = None;
    response.headers.insert("content-type".into(), "text/plain".into());
    for (body, shown) in [("it is gone", "`it is gone`\n"), ("a\nb", "base64,YQpi;\n"), ("`", "base64,YA==;\n")] {
        suite.cases[0].fixture.response.as_mut().unwrap().text = Some(body.into());
        assert!(hurl(&suite).ends_with(shown), "{}", hurl(&suite));
    }
}
