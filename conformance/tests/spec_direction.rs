//! `readOnly` and `writeOnly`: what is required, covered, drafted and refused in one direction is not in the other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use opusclip_conformance::exchange::{Body, Request, Response};
use opusclip_conformance::spec::{Dimension, Spec};
use serde_json::{Value, json};

const API: &str = r##"
openapi: 3.0.3
info: {title: Accounts, version: "1"}
paths:
  /accounts:
    post:
      operationId: add_account
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Account"}}}}
      responses:
        "201": {description: It., content: {application/json: {schema: {$ref: "#/components/schemas/Account"}}}}
components:
  schemas:
    Account:
      type: object
      required: [id, name, password]
      example: {id: a1, name: Jo}
      properties:
        id: {$ref: "#/components/schemas/Id"}
        name: {type: string}
        password: {type: string, writeOnly: true}
        owner:
          allOf:
            - {$ref: "#/components/schemas/Owner"}
            - {required: [since]}
    Owner:
      type: object
      properties:
        since: {type: string, readOnly: true, enum: [before, after]}
        pin: {allOf: [{type: string}], writeOnly: true}
    Id: {type: string, readOnly: true}
"##;

fn request(body: &Value) -> Vec<(&'static str, String, String)> {
    let spec = Spec::parse("accounts.yaml", API).unwrap();
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let request = Request { method: "POST".into(), path: "/accounts".into(), query: Vec::new(), headers, body: Body::json(body) };
    let found = spec.check_request(spec.operation("add_account").unwrap(), &request).into_iter();
    found.map(|violation| (violation.check, violation.at, violation.message)).collect()
}

fn answer(body: &Value) -> (Spec, Response) {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    (Spec::parse("accounts.yaml", API).unwrap(), Response { status: 201, headers, body: Body::json(body) })
}

fn response(body: &Value) -> Vec<(&'static str, String, String)> {
    let (spec, response) = answer(body);
    let found = spec.check_response(spec.operation("add_account").unwrap(), &response).into_iter();
    found.map(|violation| (violation.check, violation.at, violation.message)).collect()
}

fn found(check: &'static str, at: &str, message: &str) -> (&'static str, String, String) {
    (check, at.to_owned(), message.to_owned())
}

#[test]
fn what_is_read_only_is_required_of_answers_alone() {
    assert_eq!(request(&json!({"name": "Jo", "password": "p", "owner": {}})), []);
    assert_eq!(request(&json!({"name": "Jo"})), [found("F209", "/request/json", "the required property `password` is missing")]);
    assert_eq!(
        request(&json!({"id": "a1", "name": "Jo", "password": "p"})),
        [found("F209", "/request/json/id", "the property is `readOnly`, and a request has none such")]
    );
}

#[test]
fn what_is_write_only_is_required_of_requests_alone() {
    assert_eq!(response(&json!({"id": "a1", "name": "Jo", "owner": {"since": "before"}})), []);
    assert_eq!(
        response(&json!({"name": "Jo", "owner": {}})),
        [
            found("F302", "/response/json", "the required property `id` is missing"),
            found("F302", "/response/json/owner", "the required property `since` is missing"),
        ]
    );
    let told = response(&json!({"id": "a1", "name": "Jo", "password": "p"}));
    assert_eq!(told, [found("F302", "/response/json/password", "the property is `writeOnly`, and an answer has none such")]);
    let (spec, reply) = answer(&json!({"id": "a1", "name": "Jo"}));
    let operation = spec.operation("add_account").unwrap();
    assert!(spec.may_be_absent(operation, &reply, "/password") && !spec.may_be_absent(operation, &reply, "/id"));
}

#[test]
fn what_does_not_travel_is_not_to_be_covered() {
    let spec = Spec::parse("accounts.yaml", API).unwrap();
    let items = spec.inventory().items;
    let of = |dimension| -> Vec<&str> { items.iter().filter(|item| item.dimension == dimension).map(|item| item.key.as_str()).collect() };
    assert_eq!(of(Dimension::RequestProperty), ["/name", "/owner", "/owner/pin", "/password"].map(|at| format!("add_account {at}")));
    assert_eq!(of(Dimension::ResponseProperty), ["/id", "/name", "/owner", "/owner/since"].map(|at| format!("add_account 201 {at}")));
    assert_eq!(of(Dimension::EnumValue).len(), 2);
    let (_, reply) = answer(&json!({"id": "a1", "name": "Jo", "owner": {"since": "after"}}));
    let touched = spec.touch(spec.operation("add_account").unwrap(), None, Some(&reply));
    let touched: BTreeSet<&str> = touched.iter().map(|item| item.key.as_str()).collect();
    assert!(touched.contains("add_account 201 /owner/since"));
    // The example of a schema is one of an answer here.
    assert!(spec.lint().iter().all(|violation| violation.check == "S114"), "{:?}", spec.lint());
}
