//! Every kind of schema against every kind of value, every style of parameter against texts, and the value that is made of each schema.

use std::fmt::Write as _;

use opusclip_conformance::exchange::{Body, Request, Response};
use opusclip_conformance::scaffold::draft;
use opusclip_conformance::spec::{Spec, read_yaml};
use serde_json::{Map, Value, json};

const COMPONENTS: &str = "
Id: {type: object, required: [id], properties: {id: {type: integer}}}
Named: {type: object, required: [name], properties: {name: {type: string}, id: {type: integer}}}
Kind: {type: string, enum: [cat, dog]}
Cat: {type: object, required: [kind], properties: {kind: {type: string, enum: [cat]}, lives: {type: integer}}}
Dog: {type: object, required: [kind], properties: {kind: {type: string, enum: [dog]}, barks: {type: boolean}}}
Tree: {type: object, required: [name], properties: {name: {type: string}, children: {type: array, items: {$ref: '#/components/schemas/Tree'}}}}
";

const SCHEMAS: &str = "
- {}
- {description: anything}
- {type: string}
- {type: string, nullable: true}
- {nullable: true}
- {type: string, minLength: 3, maxLength: 4}
- {type: string, minLength: 12}
- {type: string, pattern: '^[a-d]{2,}$'}
- {type: string, pattern: '^[A-Z]+(-[0-9]{2})?$', minLength: 6}
- {type: string, format: date-time}
- {type: string, format: date}
- {type: string, format: uuid}
- {type: string, format: email}
- {type: string, format: uri}
- {type: string, format: ipv4}
- {type: string, format: byte}
- {type: string, enum: [a, b, cat]}
- {type: string, nullable: true, enum: [a, null]}
- {enum: [1, a, null]}
- {type: boolean}
- {type: integer}
- {type: integer, format: int32}
- {type: integer, minimum: 2, maximum: 7}
- {type: integer, minimum: 1, exclusiveMinimum: true}
- {type: integer, maximum: 0, exclusiveMaximum: true}
- {type: integer, multipleOf: 5}
- {type: integer, multipleOf: 7, minimum: 30, maximum: 40}
- {type: number}
- {type: number, minimum: 0.25, maximum: 0.75}
- {type: number, multipleOf: 0.5, minimum: 0.75}
- {type: number, minimum: 0.2, maximum: 0.4, exclusiveMinimum: true, exclusiveMaximum: true}
- {type: array}
- {type: array, items: {type: string}}
- {type: array, items: {type: integer}, minItems: 2, maxItems: 3}
- {type: array, items: {type: string}, minItems: 2, uniqueItems: true}
- {type: array, items: {$ref: '#/components/schemas/Id'}}
- {type: object}
- {type: object, additionalProperties: {type: integer}}
- {type: object, additionalProperties: false}
- {type: object, additionalProperties: true, properties: {id: {type: string}}}
- {type: object, minProperties: 2, maxProperties: 2, properties: {id: {type: integer}, name: {type: string}}}
- {type: object, required: [id, other], properties: {id: {type: integer}}}
- {properties: {id: {type: integer}}}
- {$ref: '#/components/schemas/Id'}
- {$ref: '#/components/schemas/Tree'}
- {allOf: [{$ref: '#/components/schemas/Id'}]}
- {allOf: [{$ref: '#/components/schemas/Id'}], nullable: true, description: one}
- {allOf: [{$ref: '#/components/schemas/Id'}, {$ref: '#/components/schemas/Named'}]}
- {allOf: [{$ref: '#/components/schemas/Id'}], properties: {name: {type: string}}}
- {type: object, allOf: [{$ref: '#/components/schemas/Id'}, {type: object, properties: {extra: {type: boolean}}}]}
- {oneOf: [{$ref: '#/components/schemas/Cat'}, {$ref: '#/components/schemas/Dog'}]}
- {oneOf: [{$ref: '#/components/schemas/Cat'}, {$ref: '#/components/schemas/Dog'}], discriminator: {propertyName: kind}}
- {oneOf: [{type: string}, {type: integer, minimum: 5}]}
- {oneOf: [{type: integer}, {type: number}]}
- {anyOf: [{$ref: '#/components/schemas/Id'}, {$ref: '#/components/schemas/Named'}]}
- {anyOf: [{type: string, maxLength: 1}, {type: array, items: {type: integer}}]}
- {type: object, properties: {id: {type: integer}, name: {type: string}}, anyOf: [{required: [id]}, {required: [name]}]}
- {not: {type: string}}
- {type: object, properties: {inner: {allOf: [{$ref: '#/components/schemas/Id'}]}, kind: {$ref: '#/components/schemas/Kind'}}}
- {type: object, required: [inner], properties: {inner: {type: object, nullable: true, required: [id], properties: {id: {type: integer}}}}}
";

fn values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(5),
        json!(35),
        json!(7.0),
        json!(0.5),
        json!(3_000_000_000_u64),
        json!(""),
        json!("a"),
        json!("abcd"),
        json!("äöü"),
        json!("2026-11-20"),
        json!("2026-11-20T10:02:11Z"),
        json!("00000000-0000-4000-8000-000000000000"),
        json!("jo@example.com"),
        json!([]),
        json!([1, 2]),
        json!(["a", "a"]),
        json!([{"id": 1}, {"id": "x", "new": 1}]),
        json!({}),
        json!({"id": 1}),
        json!({"id": "1"}),
        json!({"id": 1, "name": "n"}),
        json!({"id": 1, "other": null, "extra": true}),
        json!({"kind": "cat", "lives": 9}),
        json!({"kind": "dog", "lives": 9}),
        json!({"kind": "cow"}),
        json!({"inner": {"id": 1, "new": 2}, "kind": "cow"}),
        json!({"inner": null}),
        json!({"name": "a", "children": [{"name": "b"}, {"nam": "c"}]}),
    ]
}

fn schemas() -> Vec<Value> {
    read_yaml("schemas.yaml", SCHEMAS).unwrap().0.as_array().unwrap().clone()
}

fn document(paths: Map<String, Value>) -> Spec {
    let components = read_yaml("components.yaml", COMPONENTS).unwrap().0;
    let document =
        json!({"openapi": "3.0.3", "info": {"title": "M", "version": "1"}, "paths": paths, "components": {"schemas": components}});
    Spec::parse("matrix.json", &document.to_string()).unwrap()
}

/// One operation for each schema, which is that of its answer and of its request.
fn of_bodies() -> Spec {
    let paths = schemas().into_iter().enumerate().map(|(number, schema)| {
        let content = json!({"application/json": {"schema": schema}});
        let operation = json!({
            "operationId": format!("op_{number}"),
            "requestBody": {"required": true, "content": content},
            "responses": {"200": {"description": "D", "content": content}},
        });
        (format!("/{number}"), json!({"post": operation}))
    });
    document(paths.collect())
}

#[test]
fn what_is_held_against_each_value_of_each_schema() {
    let spec = of_bodies();
    let mut told = String::new();
    for (number, schema) in schemas().iter().enumerate() {
        let operation = spec.operation(&format!("op_{number}")).unwrap();
        // Writing into a String cannot fail.
        let _ = writeln!(told, "== {schema}");
        let mut taken = Vec::new();
        for value in values() {
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            let response = Response { status: 200, headers: headers.clone(), body: Body::json(&value) };
            let found = spec.check_response(operation, &response);
            let request =
                Request { method: "POST".into(), path: format!("/{number}"), headers, body: Body::json(&value), ..Request::default() };
            let asked = spec.check_request(operation, &request);
            let plain = |text: &str| text.replace("/request/json", "").replace("/response/json", "");
            let said = |list: &[opusclip_conformance::spec::Violation]| -> Vec<String> {
                list.iter().map(|one| plain(&format!("{} {}", one.at, one.message))).collect()
            };
            assert_eq!(said(&found), said(&asked), "a request is judged as an answer is: {schema} {value}");
            if found.is_empty() {
                taken.push(value.to_string());
            }
            for violation in found {
                let at = violation.at.strip_prefix("/response/json").unwrap_or(&violation.at);
                let _ = writeln!(told, "{value}: {} {at} {}", violation.check, violation.message);
            }
        }
        let _ = writeln!(told, "takes {}\n", taken.join(" "));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn the_value_that_is_made_of_each_schema() {
    let spec = of_bodies();
    let mut told = String::new();
    for (number, schema) in schemas().iter().enumerate() {
        let made = draft(&spec, &format!("op_{number}"), None, None).unwrap();
        let source = read_yaml("draft.yaml", &made.text).unwrap().0;
        let wrong: Vec<&str> = made.findings.iter().map(|finding| finding.id).collect();
        let _ = writeln!(told, "{schema}\n    {} {}", source["response"]["json"], wrong.join(" "));
    }
    insta::assert_snapshot!(told);
}

#[test]
fn what_is_held_against_the_texts_of_each_parameter() {
    let kinds = [
        json!({"type": "string"}),
        json!({"type": "string", "enum": ["a", "b,c"]}),
        json!({"type": "integer", "minimum": 2}),
        json!({"type": "number"}),
        json!({"type": "boolean"}),
        json!({"type": "array", "items": {"type": "integer"}, "maxItems": 2}),
        json!({"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}, "y": {"type": "string"}}}),
    ];
    let styles = [
        ("query", "form", true),
        ("query", "form", false),
        ("query", "spaceDelimited", false),
        ("query", "pipeDelimited", false),
        ("query", "deepObject", true),
        ("path", "simple", false),
        ("path", "label", false),
        ("path", "matrix", false),
        ("header", "simple", false),
        ("header", "simple", true),
        ("cookie", "form", true),
    ];
    let texts = ["", "a", "b,c", "1", "2.5", "true", "1,2", "1 2", "1|2", "1,2,3", "x,1", "x=1,y=b", "x=a", ".1", ";p=1"];
    let mut told = String::new();
    for (place, style, explode) in styles {
        for kind in &kinds {
            let parameter = json!({"name": "p", "in": place, "required": true, "style": style, "explode": explode, "schema": kind});
            let path = if place == "path" { "/a/{p}" } else { "/a" };
            let operation = json!({"operationId": "op", "parameters": [parameter], "responses": {"204": {"description": "D"}}});
            let spec = document([(path.to_owned(), json!({"get": operation}))].into_iter().collect());
            let operation = spec.operation("op").unwrap();
            let _ = writeln!(told, "== {place} {style} {explode} {kind}");
            let pairs: [&[(&str, &str)]; 5] =
                [&[], &[("p", "1"), ("p", "2")], &[("p[x]", "1"), ("p[y]", "b")], &[("p[z]", "1")], &[("x", "1"), ("y", "b")]];
            let many = pairs.iter().filter(|_| place == "query").map(|pairs| pairs.to_vec());
            for sent in texts.iter().map(|text| vec![("p", *text)]).chain(many) {
                let pairs: Vec<(String, String)> = sent.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
                let text = sent.first().map_or("", |(_, text)| *text);
                let mut request = Request { method: "GET".into(), path: "/a".into(), ..Request::default() };
                match place {
                    "query" => request.query = pairs,
                    "path" => request.path = format!("/a/{}", text.replace(' ', "%20").replace('|', "%7C")),
                    "header" => request.headers = pairs,
                    _ => request.headers = vec![("cookie".into(), format!("q=1; p={text}"))],
                }
                let shown: Vec<String> = sent.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let found = spec.check_request(operation, &request);
                let found: Vec<String> = found.iter().map(|one| format!("{} {} {}", one.check, one.at, one.message)).collect();
                let _ = writeln!(told, "{}: {}", shown.join("&"), if found.is_empty() { "taken".to_owned() } else { found.join("; ") });
            }
        }
    }
    insta::assert_snapshot!(told);
}
