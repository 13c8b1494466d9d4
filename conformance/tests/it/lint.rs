//! Each check of a fixture: silent on a good one, speaking when that one thing is wrong.

use opusclip_conformance::finding::Finding;
use opusclip_conformance::lint::lint;
use opusclip_conformance::suite::Suite;

use crate::toy::{spec, suite};

const GOOD: &str = r#"fixture: 1
id: books/get_book/case
operation: get_book
summary: One book
provenance: {kind: synthetic, source: page 5, fact: books have ids}
call: {bookId: b1}
request:
  method: GET
  path: /books/b1
  require_headers: [authorization]
response:
  status: 200
  headers: {content-type: application/json}
  json: {id: b1, title: Duino}
expect: {client: ok, type: Book}
"#;

const POST: &str = r#"fixture: 1
id: books/add_book/case
operation: add_book
summary: A new book
provenance: {kind: documented, source: page 4}
call:
  body: {title: Duino}
request:
  method: POST
  path: /books
  require_headers: [authorization]
  json: {title: Duino}
response:
  status: 201
  headers: {content-type: application/json}
  json: {id: b1}
expect: {client: ok, type: Book}
"#;

const LIST: &str = r#"fixture: 1
id: books/list_books/case
operation: list_books
summary: Books
provenance: {kind: documented, source: page 3}
call: {page: 2}
request:
  method: GET
  path: /books
  query: [[page, "2"]]
  require_headers: [authorization]
response:
  status: 200
  headers: {content-type: application/json}
  json: {data: []}
expect: {client: ok, type: BookPage}
"#;

const PUT: &str = r#"fixture: 1
id: covers/put_cover/case
operation: put_cover
summary: A cover
provenance: {kind: documented, source: page 6}
call: {url: "https://files.books.example/covers/b1.png?sig=1", body: iVBORw==}
request:
  method: PUT
  path: /covers/b1.png
  query: [[sig, "1"]]
  headers: {content-type: application/octet-stream}
  base64: iVBORw==
response: {status: 204}
expect:
  client: ok
  type: ()
  violates: [{check: F205, at: /request/query/sig, why: the URL is opaque}]
"#;

fn findings(text: &str) -> Vec<Finding> {
    let mut suite = Suite::default();
    let id = text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap_or_default();
    let path_id = if id.ends_with("/case") { id } else { "books/get_book/case" };
    suite.add(&format!("fixtures/{path_id}.yaml"), path_id, text);
    lint(spec(), &suite)
}

fn items(text: &str) -> Vec<String> {
    findings(text).iter().map(|finding| format!("{} {}", finding.id, finding.pointer)).collect()
}

/// The text with one replacement, which has to apply.
fn with(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "nothing to replace: {from}");
    text.replacen(from, to, 1)
}

#[test]
fn good_fixtures_are_silent() {
    for text in [GOOD, POST, LIST, PUT] {
        assert_eq!(items(text), Vec::<String>::new(), "{text}");
    }
    assert!(lint(spec(), &suite()).is_empty());
}

#[test]
fn each_check_speaks_at_the_place() {
    let violates = |at: &str| format!("expect: {{client: ok, type: Book, violates: [{{check: F302, at: {at}, why: meant}}]}}");
    let lossy = |at: &str, why: &str| format!("expect: {{client: ok, type: Book, lossy: [{{at: {at}, why: '{why}'}}]}}");
    let expect = "expect: {client: ok, type: Book}";
    let cases: Vec<(&str, &str, String, &str)> = vec![
        (GOOD, "summary: One book", "sumary: One book".into(), "F201 /sumary"),
        (GOOD, "fixture: 1", "fixture: 2".into(), "F201 /fixture"),
        (GOOD, "status: 200", "status: \"200\"".into(), "F201 /response/status"),
        (GOOD, "status: 200", "stat: 200".into(), "F201 /response/stat"),
        (GOOD, "client: ok", "client: fine".into(), "F201 /expect/client"),
        (GOOD, "kind: synthetic", "kind: invented".into(), "F201 /provenance/kind"),
        (LIST, "[page, \"2\"]", "[page, 2]".into(), "F201 /request/query/0/1"),
        (GOOD, "summary: One book", "summary: One book\nsummary: Again".into(), "F201 "),
        (GOOD, "  method: GET\n", String::new(), "F201 /request"),
        (GOOD, "id: books/get_book/case", "id: books/get_book/cases".into(), "F202 /id"),
        (GOOD, "operation: get_book", "operation: get_books".into(), "F203 /operation"),
        (GOOD, "operation: get_book", "operation: list_books".into(), "F203 /operation"),
        (GOOD, "method: GET", "method: PUT".into(), "F203 /request/method"),
        (GOOD, "path: /books/b1", "path: /books/".into(), "F204 /request/path"),
        (LIST, "[page, \"2\"]", "[page, \"two\"]".into(), "F205 /request/query/page"),
        (GOOD, "[authorization]", "[authorization, x-debug]".into(), "F206 /request/headers/x-debug"),
        (GOOD, "[authorization]", "[]".into(), "F207 /request/headers/authorization"),
        (POST, "[authorization]", "[authorization]\n  headers: {content-type: text/json}".into(), "F208 /request/headers/content-type"),
        (POST, "json: {title: Duino}", "json: {title: Duino, titel: x}".into(), "F209 /request/json/titel"),
        (GOOD, "  json: {id", "  text: x\n  json: {id".into(), "F210 /response/text"),
        (PUT, "base64: iVBORw==", "base64: '*'".into(), "F210 /request/base64"),
        (GOOD, ", fact: books have ids", String::new(), "F211 /provenance"),
        (GOOD, "source: page 5", "source: ' '".into(), "F211 /provenance/source"),
        (GOOD, "fact: books have ids", "fact: f, at: '2026-01-01T00:00:00Z'".into(), "F211 /provenance/at"),
        (POST, "kind: documented", "kind: recorded".into(), "F211 /provenance"),
        (GOOD, ", type: Book", String::new(), "F212 /expect"),
        (GOOD, "client: ok, type: Book", "client: api-error".into(), "F212 /response/status"),
        (GOOD, "client: ok, type: Book", "client: rejected".into(), "F212 /expect/client"),
        (GOOD, "client: ok, type: Book", "client: transport-error".into(), "F212 /expect/client"),
        (GOOD, "status: 200", "status: 404".into(), "F212 /response/status"),
        (GOOD, "status: 200", "status: 99".into(), "F212 /response/status"),
        (GOOD, "status: 200", "fault: reset".into(), "F212 /expect/client"),
        (GOOD, "  headers: {content-type: application/json}\n", String::new(), "F213 /response"),
        (
            GOOD,
            "content-type: application/json",
            "content-type: application/json, content-length: '7'".into(),
            "F213 /response/headers/content-length",
        ),
        (GOOD, "content-type: application/json", "content-type: application/json, 'a b': '7'".into(), "F213 /response/headers/a b"),
        (GOOD, "call: {bookId: b1}", "call: {bookId: b2}".into(), "F214 /call/bookId"),
        (GOOD, "call: {bookId: b1}", "call: {}".into(), "F214 /call"),
        (GOOD, "call: {bookId: b1}", "call: {bookId: b1, extra: 1}".into(), "F214 /call/extra"),
        (LIST, "call: {page: 2}", "call: {page: 3}".into(), "F214 /request/query/page"),
        (LIST, "call: {page: 2}", "call: {}".into(), "F214 /request/query/page"),
        (POST, "body: {title: Duino}", "body: {title: Malte}".into(), "F214 /call/body/title"),
        (POST, "  body: {title: Duino}", "  {}".into(), "F214 /call"),
        (PUT, "covers/b1.png?sig=1", "covers/b2.png?sig=1".into(), "F214 /call/url"),
        (PUT, "covers/b1.png?sig=1", "covers/b1.png?sig=2".into(), "F214 /call/url"),
        (PUT, "files.books.example/", "elsewhere.example/".into(), "F214 /call/url"),
        (GOOD, "summary: One book", "summary: ' '".into(), "F215 /summary"),
        (GOOD, expect, lossy("/title", ""), "F215 /expect/lossy/0/why"),
        (GOOD, expect, lossy("title", "r"), "F216 /expect/lossy/0/at"),
        (GOOD, expect, lossy("/author/name", "r"), "F216 /expect/lossy/0/at"),
        (GOOD, expect, violates("/json/title"), "F216 /expect/violates/0/at"),
        (GOOD, "type: Book", "type: Book, part: /data".into(), "F216 /expect/part"),
        (GOOD, expect, violates("/response/json/title"), "F217 /expect/violates/0"),
        (GOOD, "status: 200", "status: 206".into(), "F301 /response/status"),
        (GOOD, "title: Duino", "titel: Duino".into(), "F302 /response/json/titel"),
        (GOOD, "content-type: application/json", "content-type: text/html".into(), "F303 /response/headers/content-type"),
        (GOOD, "  json: {id: b1, title: Duino}\n", String::new(), "F304 /response"),
        (GOOD, "content-type: application/json", "content-type: application/json, x-debug: '1'".into(), "F306 /response/headers/x-debug"),
        (GOOD, "title: Duino", "title: write to jo@corp.io".into(), "R601 /response/json/title"),
    ];
    for (text, from, to, item) in cases {
        let found = items(&with(text, from, &to));
        let speaks = found.iter().any(|found| found == item || (item == "F304 /response" && found.starts_with(item)));
        assert!(speaks, "{from:?} -> {to:?}: no `{item}` in {found:?}");
    }
}

#[test]
fn exceptions_that_are_meant_are_silent() {
    let declared = with(GOOD, "title: Duino", "titel: Duino");
    let declared = with(&declared, "type: Book}", "type: Book, violates: [{check: F302, at: /response/json/titel, why: old spelling}]}");
    assert_eq!(items(&declared), Vec::<String>::new());

    let other = with(&declared, "check: F302", "check: F305");
    assert_eq!(items(&other), ["F302 /response/json/titel", "F217 /expect/violates/0"], "the id is part of the declaration");

    let tolerant = with(GOOD, "status: 200", "status: 404");
    let tolerant = with(&tolerant, "json: {id: b1, title: Duino}", "json: {code: NO_BOOK}");
    let tolerant =
        with(&tolerant, "type: Book}", "type: Book, violates: [{check: F212, at: /response/status, why: no book is an answer}]}");
    assert_eq!(items(&tolerant), Vec::<String>::new());

    let rejected = "fixture: 1\nid: books/get_book/case\noperation: get_book\nsummary: s\n\
                    provenance: {kind: documented, source: p}\ncall: {bookId: '', page: 1}\nexpect: {client: rejected}\n";
    assert_eq!(items(rejected), Vec::<String>::new());

    let redirect = with(GOOD, "status: 200", "status: 302");
    let redirect = with(&redirect, "client: ok, type: Book", "client: api-error");
    assert_eq!(items(&redirect), ["F301 /response/status"], "only the spec objects");

    let recorded = with(POST, "kind: documented", "kind: recorded, at: '2026-01-01T00:00:00Z'");
    assert_eq!(items(&recorded), Vec::<String>::new());
}

#[test]
fn findings_name_line_and_column() {
    let found = findings(&with(GOOD, "title: Duino", "titel: Duino"));
    let at = found[0].at.as_ref().unwrap();
    assert_eq!(at.to_string(), "fixtures/books/get_book/case.yaml:14:18");
    assert_eq!(found[0].spec_at.as_ref().map(|at| at.file.as_str()), Some("openapi.yaml"));

    let found = findings(&with(GOOD, "status: 200", "status: ok"));
    assert_eq!(found[0].at.as_ref().map(|at| at.line), Some(12), "{found:?}");
    assert!(found[0].message.contains("integer"), "{found:?}");

    let found = findings(&with(GOOD, "client: ok", "client: fine"));
    assert!(found[0].message.contains("\"ok\", \"api-error\""), "{found:?}");

    let found = findings(&with(GOOD, "status: 200", "stat: 200"));
    assert!(found[0].message.contains("known here: base64, fault, headers") || found[0].message.contains("status"), "{found:?}");

    let found = findings("fixture: [");
    assert!(found.len() == 1 && found[0].at.is_some(), "{found:?}");
}

#[test]
fn two_files_with_one_id_are_a_finding() {
    let mut suite = Suite::default();
    suite.add("a.yaml", "books/get_book/case", GOOD);
    suite.add("b.yaml", "books/get_book/case", GOOD);
    let found = lint(spec(), &suite);
    assert!(found.iter().any(|finding| finding.id == "F202" && finding.message.contains("a.yaml")), "{found:?}");
}

/// Request, response and expectation have to belong together.
#[test]
fn what_cannot_go_together_is_told() {
    let request = "request: {method: GET, path: /books/b1, require_headers: [authorization]}\n";
    let head = "fixture: 1\nid: books/get_book/case\noperation: get_book\nsummary: s\nprovenance: {kind: documented, source: p}\ncall: {bookId: b1}\n";
    for (rest, wanted) in [
        (format!("{request}expect: {{client: ok, type: Book}}"), &["F212  the response is missing"][..]),
        ("response: {status: 204}\nexpect: {client: ok, type: Book}".to_owned(), &["F212  the request is missing"]),
        (
            format!("{request}response: {{status: 404}}\nexpect: {{client: rejected}}"),
            &["F212 /expect/client a call that the client rejects has neither"],
        ),
        ("expect: {client: rejected}".to_owned(), &[]),
        (format!("{request}response: {{}}\nexpect: {{client: api-error}}"), &["F212 /response a response needs a status or a fault"]),
        (
            format!("{request}response: {{status: 404, fault: reset}}\nexpect: {{client: transport-error}}"),
            &["F212 /response/status where a fault takes"],
        ),
        (
            format!("{request}response: {{fault: reset}}\nexpect: {{client: api-error}}"),
            &["F212 /expect/client a fault and `transport-error`"],
        ),
        (format!("{request}response: {{fault: reset}}\nexpect: {{client: transport-error}}"), &[]),
        (
            format!("{request}response: {{status: 404}}\nexpect: {{client: transport-error}}"),
            &["F212 /expect/client a fault and `transport-error`"],
        ),
        (
            format!("{request}response: {{status: 199}}\nexpect: {{client: ok, type: Book}}"),
            &["F212 /response/status a final status lies between"],
        ),
        (
            format!("{request}response: {{status: 600}}\nexpect: {{client: api-error}}"),
            &["F212 /response/status a final status lies between"],
        ),
        (
            format!("{request}response: {{status: 404}}\nexpect: {{client: ok, type: Book}}"),
            &["F212 /response/status an error status is an `api-error`"],
        ),
        (
            format!("{request}response: {{status: 404}}\nexpect: {{client: decode-error}}"),
            &["F212 /response/status an error status is an `api-error`"],
        ),
        (
            format!("{request}response: {{status: 200}}\nexpect: {{client: api-error}}"),
            &["F212 /response/status an `api-error` needs a status"],
        ),
        (format!("{request}response: {{status: 302}}\nexpect: {{client: api-error}}"), &[]),
        (format!("{request}response: {{status: 200}}\nexpect: {{client: ok}}"), &["F212 /expect `ok` needs the `type`"]),
        (format!("{request}response: {{status: 200}}\nexpect: {{client: ok, type: ' '}}"), &["F212 /expect/type this names no type"]),
        (
            format!("{request}response: {{status: 404}}\nexpect: {{client: api-error, type: Book}}"),
            &["F212 /expect/type a failure decodes into no type"],
        ),
        (
            format!("{request}response: {{status: 404}}\nexpect: {{client: api-error, part: /a}}"),
            &["F212 /expect `lossy` and `part` speak"],
        ),
    ] {
        let found = findings(&format!("{head}{rest}\n"));
        let said: Vec<String> = found
            .iter()
            .filter(|finding| finding.id == "F212")
            .map(|finding| format!("{} {} {}", finding.id, finding.pointer, finding.message))
            .collect();
        assert!(said.len() == wanted.len() && said.iter().zip(wanted).all(|(said, wanted)| said.starts_with(wanted)), "{rest}\n{said:?}");
    }
}
