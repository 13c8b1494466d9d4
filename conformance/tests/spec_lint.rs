//! The lint of the document: silent on a sound one, and one finding for each thing that is broken.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use opusclip_conformance::spec::{CHECKS, Spec};

const BOOKS: &str = include_str!("books/openapi.yaml");

/// The text with one thing changed; the place must exist exactly once.
fn changed(from: &str, to: &str) -> String {
    assert_eq!(BOOKS.matches(from).count(), 1, "{from}");
    BOOKS.replacen(from, to, 1)
}

fn lint(text: &str) -> Vec<(&'static str, String)> {
    let found = Spec::parse("books.yaml", text).unwrap().lint();
    found.into_iter().map(|violation| (violation.check, violation.at)).collect()
}

/// What to change, into what, and the one finding that must come of it.
const BROKEN: &[(&str, &str, &str, &str)] = &[
    ("version: \"1\"", "version: 010", "S101", "/info/version"),
    (
        "genre: {$ref: \"#/components/schemas/Genre\"}",
        "genre: {$ref: \"#/components/schemas/Genre\", nullable: true}",
        "S103",
        "/components/schemas/Book/properties/genre",
    ),
    (
        "sequels: {type: array, items: {$ref: \"#/components/schemas/Book\"}}",
        "sequels: {type: array}",
        "S104",
        "/components/schemas/Book/properties/sequels",
    ),
    ("FieldErrors:\n      type: object", "FieldErrors:\n      description: By name.", "S105", "/components/schemas/FieldErrors"),
    (
        "example: [{id: 7, title: Emma, year: null}]",
        "example: [{id: 7, titel: Emma, year: null}]",
        "S106",
        "/paths/~1books/get/responses/200/content/application~1json/example/0/titel",
    ),
    ("example: 1815", "example: long ago", "S106", "/components/schemas/Book/properties/year/example"),
    ("example: 1815", "default: long ago", "S106", "/components/schemas/Book/properties/year/default"),
    ("        cover: aGk=", "        cover: 12", "S106", "/components/examples/Maximal/value/cover"),
    ("example: 2", "example: 0", "S106", "/paths/~1books/get/parameters/1/example"),
    ("example: closed", "example: no", "S106", "/paths/~1books/get/responses/5XX/content/text~1plain/example"),
    (
        "          description: The book.\n          allOf:",
        "          nullable: true\n          allOf:",
        "S107",
        "/components/schemas/Wrapped/properties/data",
    ),
    (
        "          description: The book.\n          allOf:",
        "          nullable: true\n          type: object\n          allOf:",
        "S107",
        "/components/schemas/Wrapped/properties/data",
    ),
    ("enum: [novel, poetry]", "enum: [novel, poetry]\n      nullable: true", "S107", "/components/schemas/Genre"),
    ("- {type: string}", "- {type: string, nullable: true}", "S108", "/components/schemas/Book/properties/rating"),
    ("        \"401\": {description: Unauthorized.}\n", "", "S109", "/paths/~1covers~1{name}.{kind}/put/responses"),
    ("\"401\": {description: Unauthorized.}", "\"403\": {description: Forbidden.}", "S109", "/paths/~1covers~1{name}.{kind}/put/responses"),
    ("operationId: get_book\n", "operationId: getBook\n", "S110", "/paths/~1books~1{bookId}/get/operationId"),
    (
        "operationId: book_arrived",
        "operationId: add_book",
        "S110",
        "/paths/~1books/post/callbacks/arrived/{$request.body#~1notify}/post/operationId",
    ),
    ("      operationId: get_book\n", "", "S110", "/paths/~1books~1{bookId}/get"),
    ("examples:\n    Maximal:", "examples:\n    Unused: {value: 1}\n    Maximal:", "S112", "/components/examples/Unused"),
    ("    cover_key: {", "    other: {type: http, scheme: basic}\n    cover_key: {", "S112", "/components/securitySchemes/other"),
    ("required: [fields]", "required: [fields, code]", "S113", "/components/schemas/FieldErrors/required/1"),
    ("notes: {type: object}", "notes: {type: object, readOnly: true}", "S114", "/components/schemas/NewBook/allOf/1/properties/notes"),
    (
        "genre: {$ref: \"#/components/schemas/Genre\"}",
        "genre: {$ref: \"#/components/schemas/Gender\"}",
        "S115",
        "/components/schemas/Book/properties/genre",
    ),
    ("- cover_key: []", "- cover_key: []\n        - lost_key: []", "S115", "/paths/~1covers~1{name}.{kind}/put"),
    (
        "cover: {type: string, format: byte}",
        "cover: {type: string, pattern: \"(\"}",
        "S116",
        "/components/schemas/NewBook/allOf/1/properties/cover/pattern",
    ),
    ("cover: {type: string, format: byte}", "cover: {type: text}", "S116", "/components/schemas/NewBook/allOf/1/properties/cover/type"),
];

#[test]
fn is_silent_on_a_sound_document() {
    assert_eq!(lint(BOOKS), []);
}

#[test]
fn finds_each_thing_that_is_broken_and_nothing_else() {
    for (from, to, check, at) in BROKEN {
        let found = lint(&changed(from, to));
        assert_eq!(found, [(*check, (*at).to_owned())], "{from} -> {to}");
    }
}

#[test]
fn has_a_test_for_every_lint() {
    let lints = CHECKS.iter().filter(|check| check.starts_with('S'));
    for check in lints.filter(|check| **check != "S102") {
        assert!(BROKEN.iter().any(|(_, _, tested, _)| tested == check), "{check}");
    }
}

#[test]
fn points_at_the_line() {
    let text = changed("operationId: get_book\n", "operationId: getBook\n");
    let line = text.lines().position(|line| line.contains("getBook")).unwrap() + 1;
    let spec = Spec::parse("books.yaml", &text).unwrap();
    let at = spec.locate(&spec.lint()[0].spec_at).unwrap();
    assert_eq!((at.file.as_str(), at.line, at.column), ("books.yaml", line, 7));
}

#[test]
fn follows_no_circle() {
    for (from, to) in [
        ("    Genre:\n      type: string", "    Genre:\n      $ref: \"#/components/schemas/Genre\"\n      type: string"),
        ("    Genre:\n      type: string", "    Genre:\n      allOf: [{$ref: \"#/components/schemas/Genre\"}]\n      type: string"),
        ("    Genre:\n      type: string", "    Genre:\n      not: {anyOf: [{$ref: \"#/components/schemas/Genre\"}]}\n      type: string"),
    ] {
        let text = changed(from, to);
        let spec = Spec::parse("books.yaml", &text).unwrap();
        let found = spec.lint();
        assert!(found.iter().any(|v| ["S115", "S116"].contains(&v.check) && v.at == "/components/schemas/Genre"), "{found:?}");
        assert!(!spec.inventory().items.is_empty());
    }
}

#[test]
fn refuses_what_is_no_document() {
    for (text, message) in [
        ("", "no OpenAPI document"),
        ("[]", "no OpenAPI document"),
        ("swagger: '2.0'", "no OpenAPI document"),
        ("openapi: 3.1.0\npaths: {}", "not supported"),
        ("openapi: 3.0\npaths: {}", "not supported"),
        ("openapi: 3.0.3", "`paths` is missing"),
        ("openapi: 3.0.3\npaths: []", "`paths` is missing"),
        ("openapi: 3.0.3\npaths: {\n", "books.yaml:"),
        ("openapi: 3.0.3\npaths: {}\npaths: {}", "books.yaml:3:1: duplicate key `paths`"),
    ] {
        let error = Spec::parse("books.yaml", text).unwrap_err().to_string();
        assert!(error.contains(message), "{text:?}: {error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
    let error = Spec::load(std::path::Path::new("no/such/openapi.yaml")).unwrap_err();
    assert!(error.to_string().starts_with("no/such/openapi.yaml: cannot be read"));
    assert!(error.location().is_none());
}

#[test]
fn takes_nonsense_without_panic() {
    for (from, to) in [
        ("parameters:\n      - $ref: \"#/components/parameters/Branch\"", "parameters: 7"),
        ("schema: {$ref: \"#/components/schemas/Wrapped\"}", "schema: 7"),
        ("requestBody:\n        required: true\n        content:", "requestBody:\n        required: 1\n        contents:"),
        ("security:\n  - key: []", "security: {key: []}"),
        ("properties: {min: {type: integer}, max: {type: integer}}", "properties: [min]"),
        ("genres: {type: array, minItems: 1, items: {$ref: \"#/components/schemas/Genre\"}}", "genres: {type: array, items: [1]}"),
        ("servers:\n  - url: https://books.example/", "servers: [7, {url: 7}, {}]"),
        ("tags: [shelf, public]", "tags: {shelf: 1}"),
        ("enum: [title, year]", "enum: title"),
        ("- {type: integer, nullable: true}", "- 7"),
        ("        \"404\": {description: Unknown.}", "        404: 7"),
    ] {
        let spec = Spec::parse("books.yaml", &changed(from, to)).unwrap();
        let _ = (spec.lint(), spec.inventory(), spec.servers());
    }
}
