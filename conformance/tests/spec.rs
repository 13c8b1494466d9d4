//! The closed world: which exchanges keep to a document, and what is said of those that do not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use opusclip_conformance::exchange::{Body, Request, Response};
use opusclip_conformance::spec::{CHECKS, Spec, Violation};
use serde_json::{Value, json};

const BOOKS: &str = include_str!("books/openapi.yaml");

fn books() -> Spec {
    Spec::parse("books.yaml", BOOKS).unwrap()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    list.iter().map(owned).collect()
}

fn request(method: &str, path: &str) -> Request {
    Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: pairs(&[("authorization", "Bearer abc"), ("user-agent", "reader/1")]),
        body: Body::default(),
    }
}

fn list() -> Request {
    let mut request = request("GET", "/books");
    request.query = pairs(&[("sort", "title")]);
    request
}

fn add(book: &Value) -> Request {
    let mut request = request("POST", "/books");
    request.headers.extend(pairs(&[("content-type", "application/json; charset=utf-8")]));
    request.body = Body::json(book);
    request
}

fn cover() -> Request {
    let mut request = request("PUT", "/covers/emma.png");
    request.query = pairs(&[("api_key", "abc")]);
    request.headers = pairs(&[("content-type", "image/png"), ("x-cover-age", "3")]);
    request.body = Body(vec![0xff, 0x00]);
    request
}

fn json_response(status: u16, body: &Value) -> Response {
    Response { status, headers: pairs(&[("content-type", "application/json")]), body: Body::json(body) }
}

fn text_response(status: u16, body: &str) -> Response {
    Response { status, headers: pairs(&[("content-type", "text/plain")]), body: Body(body.as_bytes().to_vec()) }
}

fn listed(body: &Value) -> Response {
    let mut response = json_response(200, body);
    response.headers.extend(pairs(&[("x-total", "1")]));
    response
}

fn places(found: Vec<Violation>) -> Vec<(&'static str, String)> {
    found.into_iter().map(|violation| (violation.check, violation.at)).collect()
}

fn asked(id: &str, request: &Request) -> Vec<(&'static str, String)> {
    let spec = books();
    places(spec.check_request(spec.operation(id).unwrap(), request))
}

fn answered(id: &str, response: &Response) -> Vec<(&'static str, String)> {
    let spec = books();
    places(spec.check_response(spec.operation(id).unwrap(), response))
}

fn one(check: &'static str, at: &str) -> Vec<(&'static str, String)> {
    vec![(check, at.to_owned())]
}

/// A request with one change.
fn with(mut request: Request, change: impl FnOnce(&mut Request)) -> Request {
    change(&mut request);
    request
}

#[test]
fn is_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Spec>();
}

#[test]
fn lists_operations_in_document_order() {
    let spec = books();
    let ids: Vec<_> = spec.operations().iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(ids, ["list_books", "add_book", "get_book", "get_latest_book", "put_cover"]);
    let cover = spec.operation("put_cover").unwrap();
    assert_eq!(cover.server.as_deref(), Some("https://covers.example/eu"));
    assert_eq!(cover.tag.as_deref(), Some("covers"));
    assert_eq!(spec.operation("list_books").unwrap().server, None);
    assert_eq!(spec.servers(), ["https://books.example", "https://covers.example/eu"]);
}

#[test]
fn prefers_literal_segments() {
    let spec = books();
    let reached = |method: &str, path: &str| spec.operation_for(method, path).map(|operation| operation.id.clone());
    assert_eq!(reached("GET", "/books/latest").as_deref(), Some("get_latest_book"));
    assert_eq!(reached("get", "/books/7").as_deref(), Some("get_book"));
    assert_eq!(reached("PUT", "/covers/a.b.png").as_deref(), Some("put_cover"));
    assert_eq!(reached("GET", "/books/"), None);
    assert_eq!(reached("GET", "/books/7/pages"), None);
    assert_eq!(reached("DELETE", "/books/7"), None);
}

#[test]
fn takes_sound_requests() {
    assert_eq!(asked("list_books", &list()), []);
    let full = with(list(), |request| {
        request.query = pairs(&[
            ("sort", "year"),
            ("page", "2"),
            ("genre", "novel"),
            ("genre", "poetry"),
            ("ids", "1,2"),
            ("size[min]", "3"),
            ("near", r#"{"lat": 1.5}"#),
        ]);
        request.headers.extend(pairs(&[("x-branch", "north"), ("cookie", "a=b; reader=7")]));
    });
    assert_eq!(asked("list_books", &full), []);
    assert_eq!(asked("add_book", &add(&json!({"title": "Emma"}))), []);
    let maximal = json!({"title": "Emma", "cover": "aGk=", "published": "2026-01-02T03:04:05Z",
        "genres": ["novel"], "size": {"min": 1.0}, "notes": {"x": 1}});
    assert_eq!(asked("add_book", &add(&maximal)), []);
    let form = with(add(&Value::Null), |request| {
        request.headers = pairs(&[("authorization", "bearer abc"), ("content-type", "application/x-www-form-urlencoded")]);
        request.body = Body(b"title=Mansfield+Park%21&genres=novel&genres=poetry".to_vec());
    });
    assert_eq!(asked("add_book", &form), []);
    assert_eq!(asked("get_book", &request("GET", "/books/7")), []);
    assert_eq!(asked("put_cover", &cover()), []);
}

#[test]
fn f203_says_that_method_or_path_are_others() {
    let wrong = with(list(), |request| request.method = "PUT".into());
    assert_eq!(asked("list_books", &wrong), one("F203", "/request/method"));
    let wrong = with(list(), |request| request.path = "/magazines".into());
    assert_eq!(asked("list_books", &wrong), one("F203", "/request/path"));
    let shadowed = request("GET", "/books/latest");
    let found = asked("get_book", &shadowed);
    assert!(found.contains(&("F203", "/request/path".to_owned())));
}

#[test]
fn f204_judges_path_parameters() {
    for path in ["/books/", "/books/..", "/books/%2E", "/books/seven", "/books/7.5"] {
        assert_eq!(asked("get_book", &request("GET", path)), one("F204", "/request/path"), "{path}");
    }
    let gif = with(cover(), |request| request.path = "/covers/emma.gif".into());
    assert_eq!(asked("put_cover", &gif), one("F204", "/request/path"));
}

#[test]
fn f205_judges_query_parameters() {
    for (query, at) in [
        (&[][..], "sort"),
        (&[("sort", "size")], "sort"),
        (&[("sort", "title"), ("sort", "year")], "sort"),
        (&[("sort", "title"), ("page", "two")], "page"),
        (&[("sort", "title"), ("page", "0")], "page"),
        (&[("sort", "title"), ("genre", "novel"), ("genre", "drama")], "genre"),
        (&[("sort", "title"), ("ids", "1,x")], "ids"),
        (&[("sort", "title"), ("size[min]", "x")], "size"),
        (&[("sort", "title"), ("near", "{")], "near"),
        (&[("sort", "title"), ("pageNum", "2")], "pageNum"),
        (&[("sort", "title"), ("size[most]", "2")], "size"),
    ] {
        let wrong = with(list(), |request| request.query = pairs(query));
        assert_eq!(asked("list_books", &wrong), one("F205", &format!("/request/query/{at}")), "{query:?}");
    }
}

#[test]
fn f206_judges_headers() {
    let more = with(list(), |request| request.headers.extend(pairs(&[("x-shelf", "3")])));
    assert_eq!(asked("list_books", &more), one("F206", "/request/headers/x-shelf"));
    let less = with(cover(), |request| request.headers.retain(|(name, _)| name != "x-cover-age"));
    assert_eq!(asked("put_cover", &less), one("F206", "/request/headers/x-cover-age"));
    let wrong = with(cover(), |request| {
        request.headers = pairs(&[("content-type", "image/png"), ("x-cover-age", "old")]);
    });
    assert_eq!(asked("put_cover", &wrong), one("F206", "/request/headers/x-cover-age"));
}

#[test]
fn f206_objects_to_a_key_that_nobody_asked_for() {
    let open = request("GET", "/books/latest");
    assert_eq!(asked("get_latest_book", &open), one("F206", "/request/headers/authorization"));
    let leaked = with(cover(), |request| request.headers.extend(pairs(&[("authorization", "Bearer abc")])));
    assert_eq!(asked("put_cover", &leaked), one("F206", "/request/headers/authorization"));
}

#[test]
fn f207_asks_for_credentials() {
    for value in [None, Some("Bearer "), Some("abc"), Some("Basic YTpi")] {
        let wrong = with(list(), |request| {
            request.headers.clear();
            request.headers.extend(value.map(|value| ("authorization".to_owned(), value.to_owned())));
        });
        assert_eq!(asked("list_books", &wrong), one("F207", "/request/headers/authorization"), "{value:?}");
    }
    let wrong = with(cover(), |request| request.query.clear());
    assert_eq!(asked("put_cover", &wrong), one("F207", "/request/query/api_key"));
}

#[test]
fn f208_judges_the_content_type_of_a_request() {
    for value in [None, Some("text/csv")] {
        let wrong = with(add(&json!({"title": "Emma"})), |request| {
            request.headers.retain(|(name, _)| name != "content-type");
            request.headers.extend(value.map(|value| ("content-type".to_owned(), value.to_owned())));
        });
        assert_eq!(asked("add_book", &wrong), one("F208", "/request/headers/content-type"));
    }
}

#[test]
fn f209_judges_request_bodies() {
    for (book, at) in [
        (json!({"titel": "Emma", "title": "Emma"}), "/titel"),
        (json!({}), ""),
        (json!({"title": 7}), "/title"),
        (json!({"title": "Emma", "genres": ["novel", "drama"]}), "/genres/1"),
        (json!({"title": "Emma", "genres": []}), "/genres"),
        (json!({"title": "Emma", "size": {"min": 1.5}}), "/size/min"),
        (json!({"title": null}), "/title"),
    ] {
        assert_eq!(asked("add_book", &add(&book)), one("F209", &format!("/request/json{at}")), "{book}");
    }
    let missing = with(add(&Value::Null), |request| request.body = Body::default());
    assert_eq!(asked("add_book", &missing), one("F209", "/request/json"));
    let broken = with(add(&Value::Null), |request| request.body = Body(b"{".to_vec()));
    assert_eq!(asked("add_book", &broken), one("F209", "/request/text"));
    let unasked = with(list(), |request| request.body = Body(b"x".to_vec()));
    assert_eq!(asked("list_books", &unasked), one("F209", "/request/text"));
    let form = with(add(&Value::Null), |request| {
        request.headers = pairs(&[("authorization", "Bearer abc"), ("content-type", "application/x-www-form-urlencoded")]);
        request.body = Body(b"title=Emma&pages=7".to_vec());
    });
    assert_eq!(asked("add_book", &form), one("F209", "/request/text"));
}

#[test]
fn takes_sound_responses() {
    let book = json!({"id": 7.0, "title": "Emma", "year": null, "genre": "novel", "sequels": [{"id": 8}], "rating": null});
    assert_eq!(answered("list_books", &listed(&json!([book.clone()]))), []);
    assert_eq!(answered("list_books", &listed(&json!([]))), []);
    assert_eq!(answered("list_books", &text_response(401, "Unauthorized")), []);
    assert_eq!(answered("list_books", &text_response(503, "closed")), []);
    assert_eq!(answered("list_books", &Response { status: 429, ..Response::default() }), []);
    assert_eq!(answered("get_latest_book", &json_response(200, &json!({"data": book}))), []);
    let problem = |body: Value| Response {
        headers: pairs(&[("content-type", "application/problem+json"), ("date", "now")]),
        ..json_response(422, &body)
    };
    assert_eq!(answered("add_book", &problem(json!({"title": "No", "status": 422}))), []);
    assert_eq!(answered("add_book", &problem(json!({"fields": {"title": ["empty"]}}))), []);
    let stray = problem(json!({"fields": {}, "hint": "x"}));
    assert_eq!(answered("add_book", &stray), one("F302", "/response/json/hint"));
}

#[test]
fn f301_wants_documented_statuses() {
    assert_eq!(answered("list_books", &json_response(404, &json!({}))), one("F301", "/response/status"));
}

#[test]
fn f302_judges_response_bodies() {
    for (book, at) in [
        (json!({"id": 7, "pages": 200}), "/pages"),
        (json!({"title": "Emma"}), ""),
        (json!({"id": "7"}), "/id"),
        (json!({"id": null}), "/id"),
        (json!({"id": 7, "genre": "drama"}), "/genre"),
        (json!({"id": 7, "sequels": [{"id": 8, "a/b": 1}]}), "/sequels/0/a~1b"),
        (json!({"id": 7, "rating": true}), "/rating"),
    ] {
        let response = listed(&json!([{"id": 1}, book]));
        assert_eq!(answered("list_books", &response), one("F302", &format!("/response/json/1{at}")), "{book}");
        let response = json_response(200, &json!({"data": book}));
        assert_eq!(answered("get_latest_book", &response), one("F302", &format!("/response/json/data{at}")));
    }
    let broken = Response { body: Body(b"<html>".to_vec()), ..listed(&Value::Null) };
    assert_eq!(answered("list_books", &broken), one("F302", "/response/text"));
    assert_eq!(answered("list_books", &text_response(500, "no")), one("F302", "/response/text"));
}

#[test]
fn f303_judges_the_content_type_of_a_response() {
    let wrong = with_type(listed(&json!([])), Some("text/html"));
    assert_eq!(answered("list_books", &wrong), one("F303", "/response/headers/content-type"));
    let none = with_type(listed(&json!([])), None);
    assert_eq!(answered("list_books", &none), one("F303", "/response/headers/content-type"));
}

fn with_type(mut response: Response, value: Option<&str>) -> Response {
    response.headers.retain(|(name, _)| name != "content-type");
    response.headers.extend(value.map(|value| ("content-type".to_owned(), value.to_owned())));
    response
}

#[test]
fn f304_knows_where_a_body_belongs() {
    let empty = Response { body: Body::default(), ..listed(&Value::Null) };
    assert_eq!(answered("list_books", &empty), one("F304", "/response/json"));
    assert_eq!(answered("list_books", &text_response(401, "")), one("F304", "/response/text"));
    assert_eq!(answered("list_books", &text_response(429, "slow down")), one("F304", "/response/text"));
    assert_eq!(answered("put_cover", &json_response(204, &json!({}))), one("F304", "/response/json"));
}

#[test]
fn f305_asserts_formats() {
    let wrong = add(&json!({"title": "Emma", "cover": "a*", "published": "yesterday"}));
    let expected = [("F305", "/request/json/cover".to_owned()), ("F305", "/request/json/published".to_owned())];
    assert_eq!(asked("add_book", &wrong), expected);
}

#[test]
fn f306_judges_response_headers() {
    let less = json_response(200, &json!([]));
    assert_eq!(answered("list_books", &less), one("F306", "/response/headers/x-total"));
    let mut wrong = json_response(200, &json!([]));
    wrong.headers.extend(pairs(&[("x-total", "many")]));
    assert_eq!(answered("list_books", &wrong), one("F306", "/response/headers/x-total"));
    let mut more = listed(&json!([]));
    more.headers.extend(pairs(&[("x-shelf", "3")]));
    assert_eq!(answered("list_books", &more), one("F306", "/response/headers/x-shelf"));
}

#[test]
fn has_a_test_for_every_check() {
    let source = include_str!("spec.rs");
    for check in CHECKS.iter().filter(|check| check.starts_with('F')) {
        assert!(source.contains(&format!("\"{check}\"")), "{check}");
    }
}

#[test]
fn explains_in_words_and_points_into_the_document() {
    let spec = books();
    let operation = spec.operation("list_books").unwrap();
    let found = spec.check_response(operation, &listed(&json!([{"id": 7, "genre": "drama"}])));
    assert_eq!(found[0].message, "the text \"drama\" is none of \"novel\", \"poetry\"");
    assert_eq!(found[0].spec_at, "/components/schemas/Genre/enum");
    let line = BOOKS.lines().position(|line| line.contains("enum: [novel, poetry]")).unwrap() + 1;
    assert_eq!(spec.locate(&found[0].spec_at).unwrap().line, line);
}

#[test]
fn says_of_every_violation_where_the_document_says_so() {
    let spec = books();
    let operation = spec.operation("add_book").unwrap();
    let wrong = with(add(&json!({"titel": 1})), |request| {
        request.query = pairs(&[("x", "y")]);
        request.headers.clear();
        request.headers.extend(pairs(&[("content-type", "application/json"), ("x-a", "b")]));
    });
    let found = spec.check_request(operation, &wrong);
    assert!(found.len() >= 4);
    for violation in found {
        assert!(spec.document().pointer(&violation.spec_at).is_some(), "{violation:?}");
    }
}

#[test]
fn knows_which_properties_may_be_absent() {
    let spec = books();
    let operation = spec.operation("list_books").unwrap();
    let response = listed(&json!([{"id": 7, "sequels": [{"id": 8, "title": "x"}]}]));
    let optional = |at: &str| spec.may_be_absent(operation, &response, at);
    assert!(!optional("/0/id"));
    assert!(optional("/0/title"));
    assert!(!optional("/0/sequels/0/id"));
    assert!(optional("/0/sequels/0/title"));
    assert!(!optional("/0"));
    assert!(optional("/0/unheard/of"));
    let wrapped = json_response(200, &json!({"data": {"id": 1}}));
    let latest = spec.operation("get_latest_book").unwrap();
    assert!(!spec.may_be_absent(latest, &wrapped, "/data"));
    assert!(!spec.may_be_absent(latest, &wrapped, "/data/id"));
}
