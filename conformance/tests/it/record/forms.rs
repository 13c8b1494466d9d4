//! The form of what is written: values of their type, placeholders that fit, bodies that keep their kind.

use opusclip_conformance::record::{Event, Recorder};
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Suite;
use serde_json::{Value, json};
use std::sync::Arc;
use wiremock::ResponseTemplate;

use super::*;

const LISTS: &str = "
openapi: 3.0.3
info: {title: Lists, version: 1.0.0}
servers: [{url: 'https://lists.example'}]
paths:
  /lists:
    get:
      operationId: get_lists
      parameters:
        - {name: many, in: query, schema: {type: array, items: {type: string}}}
        - {name: joined, in: query, explode: false, schema: {type: array, items: {type: integer}}}
        - {name: page, in: query, schema: {type: integer}}
        - {name: isNew, in: query, schema: {type: boolean}}
        - {name: userId, in: query, schema: {type: integer}}
        - {name: mode, in: query, required: true, schema: {type: string, enum: [all]}}
        - {name: filter, in: query, style: deepObject, explode: true, schema: {type: object, properties: {genre: {type: string, enum: [prose]}}}}
        - {name: X-Tenant, in: header, schema: {type: string}}
        - {name: X-MemberId, in: header, schema: {type: integer}}
      responses:
        '200':
          description: A list.
          headers:
            x-left: {schema: {type: integer}}
            x-token: {schema: {type: string}}
            X-User-Id: {schema: {type: integer}}
            X-AccountIds: {schema: {type: integer}}
          content:
            application/json: {schema: {$ref: '#/components/schemas/Lists'}}
            text/plain: {schema: {type: string}}
            application/x-www-form-urlencoded: {schema: {type: object, properties: {a: {type: string}}}}
            application/octet-stream: {schema: {type: string, format: binary}}
            application/vnd.lists+xml: {schema: {type: string}}
components:
  schemas:
    Lists:
      type: object
      properties:
        uuid: {type: string, format: uuid}
        uri: {type: string, format: uri}
        mail: {type: string, format: email}
        day: {type: string, format: date}
        at: {type: string, format: date-time}
        code: {type: string, pattern: '^[A-Z]{2}$'}
        long: {type: string, minLength: 40}
        short: {type: string, maxLength: 3}
        plain: {type: string}
        count: {type: integer, maximum: 2000}
        ratio: {type: number}
        id: {type: integer}
        ownerId: {type: integer}
        user_ids: {type: array, items: {type: integer}}
        account-ids: {type: array, items: {type: integer}}
        teamIDs: {type: array, items: {type: integer}}
        paid: {type: integer}
        kind: {type: string, enum: [open]}
        fixed: {type: string, default: usual}
        anything: {type: object, additionalProperties: true}
";

/// The fixture of one call to a service with this answer, and what departs from the document.
async fn recorded(name: &str, path: &str, headers: &[(&str, &str)], answer: ResponseTemplate) -> (Value, Vec<String>) {
    let (spec, folder) = (Arc::new(Spec::parse("lists.yaml", LISTS).unwrap()), Folder::new(name));
    let server = service(move |_| answer.clone()).await;
    let recorder = Recorder::start(spec, options(&server.uri(), &folder)).await.unwrap();
    let mut request = client().get(format!("{}{path}", recorder.url())).header("accept", "*/*");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap();
    let events = recorder.stop();
    let [Event::Written { drift, .. }] = events.as_slice() else { panic!("{path}: {events:?}") };
    (Suite::load(&folder.0).unwrap().cases[0].source.clone(), drift.clone())
}

fn ok() -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw("{}", "application/json")
}

#[tokio::test]
async fn a_call_has_its_parameters_as_values_of_their_type() {
    for (query, call, sent, drift) in [
        ("mode=all", json!(null), json!([["mode", "all"]]), &[][..]),
        ("mode=all&many=aaaa", json!({"many": ["redacted-1"]}), json!([["mode", "all"], ["many", "redacted-1"]]), &[]),
        (
            "mode=all&many=aaaa&many=bbbb&many=aaaa",
            json!({"many": ["redacted-1", "redacted-2", "redacted-1"]}),
            json!([["mode", "all"], ["many", "redacted-1"], ["many", "redacted-2"], ["many", "redacted-1"]]),
            &[],
        ),
        ("mode=all&joined=7,8", json!({"joined": [0, 1]}), json!([["mode", "all"], ["joined", "0,1"]]), &[]),
        ("mode=all&page=3&isNew=true", json!({"page": 3, "isNew": true}), json!([["mode", "all"], ["page", "3"], ["isNew", "true"]]), &[]),
        // Short as it is, somebody's number is not told.
        ("mode=all&userId=7", json!({"userId": 9000001}), json!([["mode", "all"], ["userId", "9000001"]]), &[]),
        ("mode=all&filter[genre]=prose", json!(null), json!([["mode", "all"], ["filter[genre]", "prose"]]), &[]),
        (
            "mode=all&odd=some-text",
            json!(null),
            json!([["mode", "all"], ["redacted-1", "redacted-2"]]),
            &["/request/query/redacted-1: an undocumented parameter", "F205 /request/query/redacted-1"],
        ),
    ] {
        let (source, told) = recorded("call", &format!("/lists?{query}"), &[], ok()).await;
        assert_eq!((&source["call"], &source["request"]["query"]), (&call, &sent), "{query}");
        assert_eq!(told, drift, "{query}");
    }
    let (source, _) = recorded("headers", "/lists?mode=all", &[("x-tenant", "team-8412"), ("x-other", "other-9")], ok()).await;
    assert_eq!(source["call"], json!({"X-Tenant": "redacted-1"}));
    assert_eq!(source["request"]["headers"], json!({"accept": "*/*", "x-tenant": "redacted-1"}));
}

#[tokio::test]
async fn a_placeholder_keeps_to_what_the_document_asks_for() {
    let body = json!({
        "uuid": "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "uri": "https://cdn.corp.example/a?sig=1",
        "mail": "jo@corp.example",
        "day": "2026-11-20",
        "at": "2026-11-20T10:02:11Z",
        "code": "DE",
        "long": "a text of somebody with more than forty characters",
        "short": "abc",
        "plain": "Some plain text",
        "count": 1999,
        "ratio": 0.25,
        "id": 7,
        "ownerId": 8,
        "paid": 9,
        "kind": "open",
        "fixed": "usual",
        "anything": {"key of somebody": 12, "list": [true, null, "text of it"]},
    });
    let (source, drift) =
        recorded("form", "/lists?mode=all", &[], ResponseTemplate::new(200).set_body_raw(body.to_string(), "application/json")).await;
    assert_eq!(drift, Vec::<String>::new());
    insta::assert_snapshot!(format!("{:#}", source["response"]["json"]));
}

#[tokio::test]
async fn bodies_and_headers_keep_their_form_and_tell_nothing() {
    let with = |body: &str, kind: &str| ResponseTemplate::new(200).set_body_raw(body.as_bytes().to_vec(), kind);
    let cases = [
        ("text", with("a text of somebody", "text/plain; charset=utf-8")),
        ("form", with("a=secret+value&b%2Fc=other", "application/x-www-form-urlencoded")),
        ("bytes", ResponseTemplate::new(200).set_body_raw(vec![0xff, 0, 0xfe, 1, 2, 3], "application/octet-stream")),
        ("nothing", ResponseTemplate::new(200)),
        ("broken", with("{no json of somebody", "application/json")),
        ("type of the document", with("<a>text of somebody</a>", "Application/vnd.Lists+xml")),
        ("unknown type", with("<a>text of somebody</a>", "application/x-corp-8412")),
        ("number in a header", ok().insert_header("x-left", "17")),
        ("id in a header", ok().insert_header("x-left", "17000000")),
        ("text in a header", ok().insert_header("x-token", "tok-8412-9913")),
        ("retry-after", ok().insert_header("retry-after", "7")),
        ("charset", with("a text of somebody", "text/plain; charset=corp-8412")),
    ];
    let mut told = String::new();
    for (name, answer) in cases {
        let (source, drift) = recorded("bodies", "/lists?mode=all", &[], answer).await;
        told += &format!("== {name}\n{:#}\n{drift:#?}\n", source["response"]);
        assert!(
            ["somebody", "secret", "other", "8412", "9913", "17000000"].iter().all(|secret| !source.to_string().contains(secret)),
            "{source}"
        );
    }
    insta::assert_snapshot!(told);
}

#[tokio::test]
async fn a_short_number_under_the_name_of_an_id_is_not_told() {
    let in_body = |name: &str| ResponseTemplate::new(200).set_body_raw(format!("{{\"{name}\": [48213]}}"), "application/json");
    for (name, answer) in [
        ("user_ids", in_body("user_ids")),
        ("account-ids", in_body("account-ids")),
        ("teamIDs", in_body("teamIDs")),
        ("X-User-Id", ok().insert_header("X-User-Id", "48213")),
        ("X-AccountIds", ok().insert_header("X-AccountIds", "48213")),
    ] {
        let (source, drift) = recorded("ids", "/lists?mode=all", &[], answer).await;
        assert_eq!(drift, Vec::<String>::new(), "{name}");
        assert!(!source.to_string().contains("48213"), "{name}: {source}");
    }
    let (source, _) = recorded("ids", "/lists?mode=all", &[("X-MemberId", "48213")], ok()).await;
    assert!(!source.to_string().contains("48213"), "{source}");
}

#[tokio::test]
async fn what_is_too_large_to_be_checked_is_passed_on_and_not_written() {
    let (spec, folder) = (Arc::new(Spec::parse("lists.yaml", LISTS).unwrap()), Folder::new("large"));
    let bytes: Vec<u8> = (0..5_u32 << 20).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let answer = ResponseTemplate::new(200).set_body_raw(bytes.clone(), "application/octet-stream");
    let server = service(move |_| answer.clone()).await;
    let recorder = Recorder::start(spec, options(&server.uri(), &folder)).await.unwrap();
    let reply = client().get(format!("{}/lists?mode=all", recorder.url())).send().await.unwrap();
    assert!(reply.bytes().await.unwrap() == bytes, "the client has another answer");
    let events = recorder.stop();
    let [Event::NotRecorded { why, .. }] = events.as_slice() else { panic!("{events:?}") };
    assert!(why.starts_with("/response: too large to be checked"), "{why}");
    assert!(folder.files().is_empty());
}
