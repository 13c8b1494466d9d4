//! What a document offers to cover, and what an exchange covers of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use opusclip_conformance::exchange::{Body, Request, Response};
use opusclip_conformance::spec::{Dimension, Item, Spec};
use serde_json::{Value, json};

const BOOKS: &str = include_str!("books/openapi.yaml");

fn books() -> Spec {
    Spec::parse("books.yaml", BOOKS).unwrap()
}

fn keys(items: &BTreeSet<Item>, dimension: Dimension) -> Vec<&str> {
    let of = items.iter().filter(|item| item.dimension == dimension);
    of.map(|item| item.key.as_str()).collect()
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    list.iter().map(owned).collect()
}

fn response(status: u16, kind: &str, body: &Value) -> Response {
    Response { status, headers: pairs(&[("content-type", kind)]), body: Body::json(body) }
}

#[test]
fn lists_operations_statuses_and_parameters() {
    let items = books().inventory().items;
    let of = |dimension| keys(&items, dimension);
    assert_eq!(of(Dimension::Operation), ["add_book", "get_book", "get_latest_book", "list_books", "put_cover"]);
    let statuses = of(Dimension::Status);
    assert!(statuses.contains(&"list_books 5XX") && statuses.contains(&"add_book default"));
    assert_eq!(statuses.len(), 13);
    let parameters = of(Dimension::Parameter);
    assert!(parameters.contains(&"add_book header x-branch"));
    assert!(parameters.contains(&"put_cover path kind"));
    assert!(!parameters.iter().any(|key| key.contains("arrived")));
    assert_eq!(parameters.len(), 13);
    assert_eq!(
        of(Dimension::ParameterEnum),
        [
            "list_books query genre=novel",
            "list_books query genre=poetry",
            "list_books query sort=title",
            "list_books query sort=year",
            "put_cover path kind=jpg",
            "put_cover path kind=png",
        ]
    );
}

#[test]
fn lists_places_in_bodies_and_stops_at_recursion() {
    let items = books().inventory().items;
    let of = |dimension, start: &str| -> Vec<String> {
        let keys = keys(&items, dimension);
        let own = keys.into_iter().filter(|key| key.starts_with(start));
        own.map(str::to_owned).collect()
    };
    assert_eq!(
        of(Dimension::ResponseProperty, "list_books"),
        [
            "list_books 200 /[]/genre",
            "list_books 200 /[]/id",
            "list_books 200 /[]/rating",
            "list_books 200 /[]/sequels",
            "list_books 200 /[]/title",
            "list_books 200 /[]/year",
        ]
    );
    assert_eq!(
        of(Dimension::ResponseProperty, "add_book default"),
        ["add_book default /fields", "add_book default /fields/{}", "add_book default /status", "add_book default /title",]
    );
    assert_eq!(
        of(Dimension::RequestProperty, ""),
        [
            "add_book /cover",
            "add_book /genres",
            "add_book /notes",
            "add_book /published",
            "add_book /size",
            "add_book /size/{}",
            "add_book /title",
        ]
    );
    assert_eq!(
        of(Dimension::EnumValue, ""),
        [
            "request #/components/schemas/Genre=novel",
            "request #/components/schemas/Genre=poetry",
            "response #/components/schemas/Genre=novel",
            "response #/components/schemas/Genre=poetry",
        ]
    );
    assert_eq!(of(Dimension::NullableNull, "list_books"), ["list_books 200 /[]/rating", "list_books 200 /[]/year"]);
    assert_eq!(of(Dimension::ArrayLength, "add_book /genres"), ["add_book /genres length 1", "add_book /genres length many"]);
    assert!(of(Dimension::ArrayLength, "list_books 200 / ").len() == 3);
    assert!(!of(Dimension::OptionalAbsent, "add_book").contains(&"add_book /title".to_owned()));
    assert!(of(Dimension::MediaType, "").contains(&"list_books 5XX text/plain".to_owned()));
}

#[test]
fn names_are_unique_and_places_exist() {
    let spec = books();
    let items = spec.inventory().items;
    let names: BTreeSet<_> = items.iter().map(|item| (item.dimension, &item.key)).collect();
    assert_eq!(names.len(), items.len());
    for item in &items {
        assert!(spec.document().pointer(&item.spec_at).is_some(), "{item:?}");
    }
    assert_eq!(Spec::parse("again", BOOKS).unwrap().inventory().items, items);
}

#[test]
fn only_the_first_seven_dimensions_gate() {
    let gates = Dimension::ALL.into_iter().filter(|dimension| dimension.gates());
    let checks: Vec<_> = gates.map(Dimension::check).collect();
    assert_eq!(checks, ["V701", "V702", "V703", "V704", "V705", "V706", "V707"]);
}

#[test]
fn touches_what_an_exchange_shows() {
    let spec = books();
    let operation = spec.operation("list_books").unwrap();
    let request = Request {
        method: "GET".into(),
        path: "/books".into(),
        query: pairs(&[("sort", "title"), ("genre", "poetry")]),
        headers: pairs(&[("x-branch", "north")]),
        body: Body::default(),
    };
    let answer =
        response(200, "application/json", &json!([{"id": 7, "year": null, "genre": "novel", "unheard": 1}, {"id": 8, "title": "Emma"}]));
    let touched = spec.touch(operation, Some(&request), Some(&answer));
    let of = |dimension| keys(&touched, dimension);
    assert_eq!(of(Dimension::Operation), ["list_books"]);
    assert_eq!(of(Dimension::Status), ["list_books 200"]);
    assert_eq!(of(Dimension::Parameter), ["list_books header x-branch", "list_books query genre", "list_books query sort"]);
    assert_eq!(of(Dimension::ParameterEnum), ["list_books query genre=poetry", "list_books query sort=title"]);
    assert_eq!(
        of(Dimension::ResponseProperty),
        ["list_books 200 /[]/genre", "list_books 200 /[]/id", "list_books 200 /[]/title", "list_books 200 /[]/year",]
    );
    assert_eq!(of(Dimension::EnumValue), ["response #/components/schemas/Genre=novel"]);
    assert_eq!(of(Dimension::NullableNull), ["list_books 200 /[]/year"]);
    assert_eq!(of(Dimension::ArrayLength), ["list_books 200 / length many"]);
    assert_eq!(of(Dimension::MediaType), ["list_books 200 application/json"]);
    assert_eq!(of(Dimension::OptionalAbsent).len(), 5);
    assert!(touched.is_subset(&spec.inventory().items));
}

#[test]
fn touches_only_the_branch_that_fits() {
    let spec = books();
    let operation = spec.operation("add_book").unwrap();
    let answer = response(400, "application/problem+json", &json!({"fields": {"title": []}}));
    let touched = spec.touch(operation, None, Some(&answer));
    assert_eq!(keys(&touched, Dimension::ResponseProperty), ["add_book default /fields", "add_book default /fields/{}"]);
    assert_eq!(keys(&touched, Dimension::Status), ["add_book default"]);
    let other = json!({"fields": {}, "title": 7});
    let touched = spec.touch(operation, None, Some(&response(400, "application/problem+json", &other)));
    assert_eq!(keys(&touched, Dimension::ResponseProperty), ["add_book default /fields"]);
    let nothing = response(400, "text/html", &json!({"fields": {}}));
    let touched = spec.touch(operation, None, Some(&nothing));
    assert_eq!(keys(&touched, Dimension::ResponseProperty), [] as [&str; 0]);
}

#[test]
fn touches_request_bodies() {
    let spec = books();
    let operation = spec.operation("add_book").unwrap();
    let request = Request {
        method: "POST".into(),
        path: "/books".into(),
        headers: pairs(&[("content-type", "application/json")]),
        body: Body::json(&json!({"title": "Emma", "genres": ["novel"], "size": {"min": 1}})),
        ..Request::default()
    };
    let touched = spec.touch(operation, Some(&request), None);
    assert_eq!(keys(&touched, Dimension::RequestProperty), ["add_book /genres", "add_book /size", "add_book /size/{}", "add_book /title"]);
    assert_eq!(keys(&touched, Dimension::EnumValue), ["request #/components/schemas/Genre=novel"]);
    assert_eq!(keys(&touched, Dimension::Status), [] as [&str; 0]);
}

#[test]
fn everything_can_be_touched() {
    let spec = books();
    let mut missing = spec.inventory().items;
    let mut cover = |id: &str, request: Option<Request>, response: Option<Response>| {
        let operation = spec.operation(id).unwrap();
        for item in spec.touch(operation, request.as_ref(), response.as_ref()) {
            missing.remove(&item);
        }
    };
    let request = |path: &str, query: &[(&str, &str)], headers: &[(&str, &str)], body: Value| Request {
        path: path.into(),
        query: pairs(query),
        headers: pairs(headers),
        body: if body.is_null() { Body::default() } else { Body::json(&body) },
        ..Request::default()
    };
    let json = [("content-type", "application/json"), ("x-branch", "n")];
    for sort in ["title", "year"] {
        let query =
            [("sort", sort), ("page", "1"), ("genre", "novel"), ("genre", "poetry"), ("ids", "1"), ("size[min]", "1"), ("near", "{}")];
        let headers = [("x-branch", "n"), ("cookie", "reader=1")];
        cover("list_books", Some(request("/books", &query, &headers, Value::Null)), None);
    }
    let full = |sequels: Value| json!({"id": 1, "title": "a", "year": null, "genre": "novel", "rating": null, "sequels": sequels});
    let shelves = [
        json!([]),
        json!([full(json!([]))]),
        json!([full(json!([{"id": 1}])), full(json!([{"id": 1}, {"id": 2, "genre": "poetry"}])), {"id": 1}]),
    ];
    for shelf in shelves {
        cover("list_books", None, Some(response(200, "application/json", &shelf)));
        for book in shelf.as_array().unwrap() {
            cover("get_book", None, Some(response(200, "application/json", book)));
            cover("add_book", None, Some(response(201, "application/json", book)));
            let wrapped = json!({"data": book});
            cover("get_latest_book", None, Some(response(200, "application/json", &wrapped)));
        }
    }
    for kind in ["png", "jpg"] {
        let put = request(&format!("/covers/a.{kind}"), &[], &[("x-cover-age", "1")], Value::Null);
        cover("put_cover", Some(put), None);
    }
    cover("get_book", Some(request("/books/7", &[], &[], Value::Null)), None);
    for book in [
        json!({"title": "a"}),
        json!({"title": "a", "cover": "", "published": "", "genres": ["novel"], "size": {"a": 1}, "notes": {}}),
        json!({"title": "a", "genres": ["novel", "poetry"]}),
    ] {
        cover("add_book", Some(request("/books", &[], &json, book)), None);
    }
    for problem in [json!({"title": "a", "status": 1}), json!({"title": "a"}), json!({"fields": {"a": [], "b": ["x"], "c": ["x", "y"]}})] {
        cover("add_book", None, Some(response(422, "application/problem+json", &problem)));
    }
    for (id, status) in [
        ("list_books", 401),
        ("list_books", 429),
        ("list_books", 503),
        ("add_book", 401),
        ("get_book", 401),
        ("get_book", 404),
        ("put_cover", 204),
        ("put_cover", 401),
    ] {
        cover(id, None, Some(response(status, "text/plain", &json!("x"))));
    }
    assert_eq!(missing, BTreeSet::new());
}

/// A document whose schemas are these, with the first of them as the only answer.
fn answers_with(schemas: &[(String, Value)]) -> Spec {
    let first = format!("#/components/schemas/{}", schemas[0].0);
    let schemas: serde_json::Map<String, Value> = schemas.iter().cloned().collect();
    let document = json!({
        "openapi": "3.0.3", "info": {"title": "API", "version": "1"}, "components": {"schemas": schemas},
        "paths": {"/x": {"get": {"operationId": "get_x", "responses": {"200": {
            "description": "It.", "content": {"application/json": {"schema": {"$ref": first}}},
        }}}}},
    });
    Spec::parse("api.json", &document.to_string()).unwrap()
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

#[test]
fn schemas_that_all_contain_each_other_give_no_more_places_than_anybody_can_read() {
    let names: Vec<String> = (0..12).map(|number| format!("S{number:02}")).collect();
    let schemas = names.iter().map(|name| {
        let others = names.iter().filter(|other| *other != name);
        let properties: serde_json::Map<String, Value> = others.map(|other| (other.to_lowercase(), reference(other))).collect();
        (name.clone(), json!({"type": "object", "properties": properties}))
    });
    let spec = answers_with(&schemas.collect::<Vec<_>>());
    let items = spec.inventory().items;
    // Eleven properties of the answer, and those of each of the eleven objects.
    assert_eq!(keys(&items, Dimension::ResponseProperty).len(), 11 + 11 * 11);
    assert!(items.len() < 10_000, "{}", items.len());
    assert!(spec.lint().is_empty(), "{:?}", spec.lint());
}

#[test]
fn a_schema_that_contains_itself_by_way_of_another_is_followed_in_the_nearest_object() {
    let list = |name: &str| json!({"type": "array", "items": reference(name)});
    let schemas = [
        ("Shelf", json!({"type": "object", "properties": {"best": reference("Book"), "worst": reference("Book")}})),
        (
            "Book",
            json!({"type": "object", "properties": {"author": reference("Author"), "editor": reference("Author"), "price": reference("Price")}}),
        ),
        ("Author", json!({"type": "object", "properties": {"books": list("Book"), "name": {"type": "string"}, "fee": reference("Price")}})),
        ("Price", json!({"type": "object", "properties": {"amount": {"type": "number"}}})),
    ];
    let spec = answers_with(&schemas.map(|(name, schema)| (name.to_owned(), schema)));
    let items = spec.inventory().items;
    let of_author = ["", "/books", "/fee", "/fee/amount", "/name"];
    let mut wanted = BTreeSet::new();
    for book in ["/best", "/worst"] {
        wanted.extend(["", "/price", "/price/amount"].map(|place| format!("get_x 200 {book}{place}")));
        for author in ["/author", "/editor"] {
            wanted.extend(of_author.map(|place| format!("get_x 200 {book}{author}{place}")));
        }
    }
    let found: BTreeSet<String> = keys(&items, Dimension::ResponseProperty).into_iter().map(str::to_owned).collect();
    assert_eq!(found, wanted);
}
