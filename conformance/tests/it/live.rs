//! What a service shows today: questions as data, and what is told of the answers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use opusclip_conformance::live::{Live, Question, Settings, compare, load_questions};
use opusclip_conformance::spec::Spec;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const KEY: &str = "sk-test-live-0123456789";

const SHOP: &str = "
openapi: 3.0.3
info: {title: Shop, version: 1.0.0}
servers: [{url: 'https://shop.example'}]
security: [{key: []}, {other: []}]
paths:
  /items:
    get:
      operationId: list_items
      parameters: [{name: page, in: query, schema: {type: string}}]
      responses:
        '200':
          description: All.
          content:
            application/json: {schema: {$ref: '#/components/schemas/Item'}}
    post:
      operationId: add_item
      responses: {'204': {description: Added.}}
  /items/{itemId}:
    parameters: [{name: itemId, in: path, required: true, schema: {type: string}}]
    get:
      operationId: get_item
      responses:
        '200':
          description: One.
          content:
            application/json: {schema: {$ref: '#/components/schemas/Item'}}
  /files/{name}:
    servers: [{url: 'https://files.shop.example'}]
    parameters: [{name: name, in: path, required: true, schema: {type: string}}]
    get:
      operationId: get_file
      responses: {'200': {description: Bytes.}}
components:
  securitySchemes:
    key: {type: http, scheme: bearer}
    other: {type: apiKey, in: header, name: x-key}
  schemas:
    Item:
      type: object
      properties:
        id: {type: string}
        counts: {type: object, additionalProperties: {type: integer}}
        parts: {type: array, items: {$ref: '#/components/schemas/Item'}}
";

fn shop() -> Spec {
    Spec::parse("shop.yaml", SHOP).unwrap()
}

fn loaded(text: &str) -> Result<Vec<Question>, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("questions.yaml");
    std::fs::write(&path, text).unwrap();
    let place = path.display().to_string();
    load_questions(&path, &shop()).map_err(|error| error.replace(&place, "questions.yaml"))
}

/// A service that answers everything with one body.
async fn service(answer: impl Fn(&Request) -> ResponseTemplate + Send + Sync + 'static) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    server
}

fn json_body(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_raw(body.to_string(), "application/json")
}

fn settings(server: &MockServer) -> Settings {
    Settings { to: server.uri(), key: KEY.to_owned(), set: BTreeMap::new(), budget: 20 }
}

async fn ask(questions: &str, settings: &Settings) -> Live {
    compare(&shop(), &loaded(questions).unwrap(), settings, async || {}).await.unwrap()
}

/// What is shown of one body.
async fn shown(body: Value, questions: &str) -> Vec<String> {
    let server = service(move |_| json_body(&body)).await;
    let live = ask(questions, &settings(&server)).await;
    live.rows.into_iter().flat_map(|row| row.shown).collect()
}

const KINDS: &str = "
- fact: C1
  question: What is x?
  operation: list_items
  answers:
    - {answer: absent, at: /x, is: absent}
    - {answer: 'null', at: /x, is: 'null'}
    - {answer: boolean, at: /x, is: boolean}
    - {answer: integer, at: /x, is: integer}
    - {answer: fraction, at: /x, is: fraction}
    - {answer: string, at: /x, is: string}
    - {answer: array, at: /x, is: array}
    - {answer: object, at: /x, is: object}
";

#[tokio::test]
async fn each_value_is_of_one_kind() {
    for (value, kind) in [
        (json!({}), "absent"),
        (json!({"x": null}), "null"),
        (json!({"x": false}), "boolean"),
        (json!({"x": 0}), "integer"),
        (json!({"x": -7}), "integer"),
        (json!({"x": u64::MAX}), "integer"),
        (json!({"x": 1000.0}), "integer"),
        (json!({"x": 0.5}), "fraction"),
        (json!({"x": -1000.25}), "fraction"),
        (json!({"x": "1"}), "string"),
        (json!({"x": []}), "array"),
        (json!({"x": {}}), "object"),
    ] {
        assert_eq!(shown(value.clone(), KINDS).await, [kind], "{value}");
    }
    for nothing in [json!([]), json!("x"), json!(null)] {
        assert!(shown(nothing.clone(), KINDS).await.is_empty(), "what is no object lacks nothing: {nothing}");
    }
}

#[tokio::test]
async fn a_pointer_leads_through_names_indexes_and_stars() {
    let body = json!({
        "list": ["a", {"deep": 1}],
        "a/b": {"c~d": true},
        "map": {"k1": {"n": 1}, "k2": {"n": null}},
    });
    for (at, is, is_there) in [
        ("", "object", true),
        ("", "array", false),
        ("/list/0", "string", true),
        ("/list/1", "object", true),
        ("/list/1/deep", "integer", true),
        ("/list/2", "absent", false),
        ("/list/x", "absent", false),
        ("/list/*", "string", true),
        ("/list/*", "boolean", false),
        ("/list/*/deep", "integer", true),
        ("/a~1b/c~0d", "boolean", true),
        ("/a~1b/c~0d/e", "absent", false),
        ("/a~1b", "object", true),
        ("/a~1b/c~1d", "absent", true),
        ("/map/*", "object", true),
        ("/map/*/n", "integer", true),
        ("/map/*/n", "null", true),
        ("/map/*/n", "absent", false),
        ("/map/*/*", "integer", true),
        ("/none/x", "absent", false),
    ] {
        let question = format!("- {{fact: C1, question: q, operation: list_items, answers: [{{answer: here, at: '{at}', is: '{is}'}}]}}");
        assert_eq!(!shown(body.clone(), &question).await.is_empty(), is_there, "{at} {is}");
    }
}

const WITHIN: &str = "
- fact: C25
  question: Is link there?
  operation: list_items
  within: ['', /data, /data/list, /list]
  answers:
    - {answer: a link, at: /*/link, is: string, expected: true}
    - {answer: left out, at: /*/link, is: absent}
- fact: C5
  question: What is error?
  operation: list_items
  within: [/data, '']
  answers:
    - {answer: 'null', at: /error, is: 'null'}
    - {answer: left out, at: /error, is: absent}
";

/// An envelope is no element, so that nothing is left out of it.
#[tokio::test]
async fn a_question_looks_into_the_envelope_that_there_is() {
    let with = json!([{"link": "https://x.example"}]);
    for body in [with.clone(), json!({"data": with}), json!({"data": {"list": with, "error": null}}), json!({"list": with})] {
        assert!(shown(body.clone(), WITHIN).await.starts_with(&["a link".into()]), "{body}");
    }
    assert_eq!(shown(json!([{}]), WITHIN).await, ["left out"], "a list has no `error` that could be left out");
    assert_eq!(shown(json!({"data": []}), WITHIN).await, ["left out"], "the second question is of the whole body");
    assert_eq!(shown(json!({"items": [{}]}), WITHIN).await, ["left out"], "an envelope that nobody knows shows nothing of link");
    assert_eq!(shown(json!({"data": {"error": null}}), WITHIN).await, ["null"]);
    assert_eq!(shown(json!({"error": null}), WITHIN).await, ["null"]);
}

#[test]
fn questions_that_cannot_be_asked_are_refused_with_their_place() {
    let good = "- {fact: C1, question: q, operation: list_items, answers: [{answer: a, at: /x, is: string}]}";
    assert_eq!(loaded(good).map(|questions| questions.len()), Ok(1));
    for (from, to, said) in [
        ("list_items", "nothing", "questions.yaml:1:3: the document has no operation `nothing`"),
        ("list_items", "add_item", "questions.yaml:1:3: `add_item` is a POST; only GET is asked"),
        ("[{answer: a, at: /x, is: string}]", "[]", "questions.yaml:1:3: a question needs `answers`"),
        ("/x", "error", "questions.yaml:1:3: `at: error` is no JSON pointer; it begins with `/`, or is empty for the whole body"),
        ("answers", "within: [data], answers", "questions.yaml:1:3: `within: data` is no JSON pointer"),
        ("at: /x, is: string", "is: array, ", "Ok"),
        (
            "answers: [{answer: a, at: /x",
            "within: [/data], answers: [{answer: a",
            "questions.yaml:1:3: with `within` each answer needs `at`",
        ),
        ("list_items", "get_item", "questions.yaml:1:3: `get_item` has `itemId` in its path; `with` has to give it"),
        ("list_items", "get_item, with: {itemId: ''}", "questions.yaml:1:3: `with: itemId` is empty"),
        ("is: string", "is: text", "questions.yaml:1:3: unknown variant `text`"),
        ("fact: C1", "fakt: C1", "questions.yaml:1:3: unknown field `fakt`"),
    ] {
        let told = loaded(&good.replace(from, to)).map_or_else(|error| error, |_| "Ok".to_owned());
        assert!(told.starts_with(said), "{told}");
    }
    assert_eq!(loaded("a: b").unwrap_err(), "questions.yaml: a list of questions is expected");
    assert!(loaded("- [").unwrap_err().starts_with("questions.yaml:"));
    let error = load_questions("nowhere.yaml".as_ref(), &shop()).unwrap_err();
    assert!(error.starts_with("nowhere.yaml: "), "{error}");
}

const CALLS: &str = "
- {fact: C1, question: one, operation: list_items, with: {page: 'a b&c'}, answers: [{answer: yes it is, is: object, expected: true}]}
- {fact: C2, question: two, operation: list_items, with: {page: 'a b&c'}, answers: [{answer: a list, is: array}]}
- {fact: C3, question: three, operation: get_item, with: {itemId: $item}, answers: [{answer: object, is: object}]}
- {fact: C4, question: four, operation: get_item, with: {itemId: x}, answers: [{answer: object, is: object, expected: true}]}
";

#[tokio::test]
async fn the_same_call_is_made_once_with_the_key_and_encoded_parameters() {
    let server = service(|_| json_body(&json!({"id": "1"}))).await;
    let mut settings = settings(&server);
    settings.set.insert("item".into(), "ä/b+c d~e".into());
    let pauses = AtomicUsize::new(0);
    let pace = async || {
        pauses.fetch_add(1, Ordering::Relaxed);
    };
    let live = compare(&shop(), &loaded(CALLS).unwrap(), &settings, pace).await.unwrap();
    assert_eq!((live.calls, pauses.into_inner()), (3, 2));
    let requests = server.received_requests().await.unwrap();
    let query = |request: &Request| request.url.query().map_or_else(String::new, |query| format!("?{query}"));
    let urls: Vec<String> = requests.iter().map(|request| format!("{}{}", request.url.path(), query(request))).collect();
    assert_eq!(urls, ["/items?page=a+b%26c", "/items/%C3%A4%2Fb%2Bc%20d~e", "/items/x"]);
    for request in &requests {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        assert_eq!(request.method.as_str(), "GET");
        assert_eq!((header("authorization"), header("x-key")), (Some(format!("Bearer {KEY}")), Some(KEY.to_owned())));
    }
    let rows: Vec<_> = live.rows.iter().map(|row| (row.shown.len(), row.is_other, row.unseen.is_some())).collect();
    assert_eq!(rows, [(1, false, false), (0, false, true), (1, true, false), (1, false, false)]);
    assert!(live.is_other(), "one answer is not the expected one");
}

#[tokio::test]
async fn what_was_not_asked_or_not_answered_says_why() {
    let server = service(|request| match request.url.path() {
        "/items" => ResponseTemplate::new(200).set_body_raw("no json", "text/plain"),
        _ => ResponseTemplate::new(404).set_body_raw("{}", "application/json"),
    })
    .await;
    let mut settings = settings(&server);
    let why = |live: &Live| live.rows.iter().map(|row| row.unseen.clone().unwrap_or_default()).collect::<Vec<_>>();
    let unset = "not asked: set `item` to one of your account";
    let (none, status) = ("the body is no JSON", "the service answers 404");
    assert_eq!(why(&ask(CALLS, &settings).await), [none, none, unset, status]);
    settings.set.insert("item".into(), String::new());
    assert_eq!(why(&ask(CALLS, &settings).await), [none, none, unset, status], "an empty value would ask for another path");
    settings.set.insert("item".into(), "..".into());
    assert_eq!(why(&ask(CALLS, &settings).await)[2], "a parameter leads out of the service's path");
    settings.budget = 1;
    let spent = "the budget of 1 call(s) is spent";
    assert_eq!(why(&ask(CALLS, &settings).await), [none, none, spent, spent]);
    settings.to = "http://127.0.0.1:1".into();
    assert_eq!(why(&ask(CALLS, &settings).await)[0], "no answer: no connection");
}

#[tokio::test]
async fn another_servers_operation_is_not_asked_of_this_one() {
    let server = service(|_| json_body(&json!({}))).await;
    let question = "- {fact: C1, question: q, operation: get_file, with: {name: a}, answers: [{answer: object, is: object}]}";
    let live = ask(question, &settings(&server)).await;
    assert_eq!(live.rows[0].unseen.as_deref(), Some("not asked: the document says that another server answers this"));
    assert_eq!((live.calls, server.received_requests().await.unwrap().len()), (0, 0), "the key stays here");
}

#[tokio::test]
async fn an_operation_with_a_base_of_its_own_is_asked_only_there() {
    let server = service(|_| json_body(&json!({}))).await;
    let question = "- {fact: C1, question: q, operation: get_file, with: {name: a}, answers: [{answer: object, is: object}]}";
    let questions = loaded(question).unwrap();
    for (own, base, is_asked) in [
        ("https://shop.example", "", true),
        ("/v2", "", false),
        ("/v2", "/v2", true),
        ("/v2/", "/v2", true),
        ("/v2", "/v1", false),
        ("https://{region}.shop.example", "", false),
    ] {
        let spec = Spec::parse("shop.yaml", &SHOP.replace("https://files.shop.example", own)).unwrap();
        let settings = Settings { to: format!("{}{base}", server.uri()), ..settings(&server) };
        let live = compare(&spec, &questions, &settings, async || {}).await.unwrap();
        assert_eq!(live.calls == 1, is_asked, "{own} at {base}");
    }
    let paths: Vec<String> = server.received_requests().await.unwrap().iter().map(|request| request.url.path().to_owned()).collect();
    assert_eq!(paths, ["/files/a", "/v2/files/a", "/v2/files/a"]);
}

#[tokio::test]
async fn a_key_that_no_header_can_carry_is_refused_before_anything_is_sent() {
    let server = service(|_| json_body(&json!({}))).await;
    for key in ["sk-test\n", "sk\rtest", "sk-\u{0}"] {
        let settings = Settings { key: key.into(), ..settings(&server) };
        let error = compare(&shop(), &loaded(CALLS).unwrap(), &settings, async || {}).await.unwrap_err().to_string();
        assert_eq!(error, "the API key holds a line break or another character that no header can carry; correct it where it is kept");
    }
    assert!(server.received_requests().await.unwrap().is_empty());
}

/// The names of undocumented members are what one wants to know; where names are data, they are somebody's.
#[tokio::test]
async fn departures_tell_names_of_fields_and_nothing_of_the_account() {
    let body = json!({
        "counts": {"P-8412": "three", "ada@shop.example": 1.5},
        "parts": [{"counts": {"P-8413": true}}, {"new_field": 1}],
        "P8414": {},
        "createdAt2": 1,
        "Ada Lovelace": 2,
        "newField": {"P-8415": 1},
    });
    let server = service(move |_| json_body(&body)).await;
    let question = "- {fact: C1, question: q, operation: list_items, answers: [{answer: object, is: object, expected: true}]}";
    let live = ask(question, &settings(&server)).await;
    assert_eq!(
        live.departures,
        [
            "list_items F302 /response/json/*",
            "list_items F302 /response/json/counts/*",
            "list_items F302 /response/json/newField",
            "list_items F302 /response/json/parts/*/counts/*",
            "list_items F302 /response/json/parts/*/new_field",
        ]
    );
    assert!(live.is_other());
    for text in [live.to_text(), live.to_markdown(), live.to_json()] {
        assert!(["P-841", "P8414", "ada@", "Ada", KEY].iter().all(|secret| !text.contains(secret)), "{text}");
    }
    assert!(live.to_text().contains("\nNot as documented:\n\nlist_items F302 /response/json/*\n"), "{}", live.to_text());
    assert!(live.to_markdown().contains("\nNot as documented:\n\n- `list_items F302 /response/json/*`\n"), "{}", live.to_markdown());
}

#[tokio::test]
async fn the_result_is_told_in_three_forms() {
    let server = service(|_| json_body(&json!({"id": "1", "parts": []}))).await;
    let questions = "
- {fact: C1, question: 'a | b?', operation: list_items, answers: [{answer: text, at: /id, is: string, expected: true}]}
- {fact: C22, question: \"two\\nlines\", operation: list_items, answers: [{answer: 'a|b', at: /parts, is: array}, {answer: id, at: /id, is: string}]}
- {fact: C3, question: three, operation: list_items, answers: [{answer: number, at: /id, is: integer}]}
";
    let live = ask(questions, &settings(&server)).await;
    let unseen = "none of the known answers: nothing of it is in this account, or it is a new one";
    let end = "\n3 question(s), 1 call(s): 1 answered otherwise than expected, 1 unseen\n";
    assert_eq!(
        live.to_text(),
        format!(
            "C1    as expected  a | b? (list_items)\n                   text\n\
             C22   OTHER        two lines (list_items)\n                   a|b; id\n\
             C3    unseen       three (list_items)\n                   {unseen}\n{end}"
        )
    );
    assert_eq!(
        live.to_markdown(),
        format!(
            "| fact | question | operation | shown today | expected |\n| --- | --- | --- | --- | --- |\n\
             | C1 | a \\| b? | `list_items` | text | yes |\n\
             | C22 | two lines | `list_items` | a\\|b; id | **no** |\n\
             | C3 | three | `list_items` | {unseen} | unseen |\n{end}"
        )
    );
    let read: Value = serde_json::from_str(&live.to_json()).unwrap();
    assert_eq!((&read["live"], &read["calls"], read["rows"].as_array().unwrap().len()), (&json!(1), &json!(1), 3));
    assert_eq!((&read["rows"][1]["shown"], &read["rows"][2]["unseen"]), (&json!(["a|b", "id"]), &json!(unseen)));
    assert!(live.to_json().ends_with("}\n"));
    assert!(!format!("{:?}", settings(&server)).contains(KEY));
}
