//! What is left out or replaced in one place is looked for in all others, reviewed ones too.

use std::sync::atomic::{AtomicUsize, Ordering};

use opusclip_conformance::record::{Event, Keep, Policy, Recorder};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::*;

const SECRET: &str = "tok-8412-9913";

/// One exchange, with the secret in one place besides the reviewed text.
#[derive(Default)]
struct Exchange {
    path: Option<String>,
    query: Option<String>,
    sent: Vec<(&'static str, String)>,
    body: Option<String>,
    answered: Vec<(&'static str, String)>,
    kind: Option<String>,
    more: Option<(&'static str, Value)>,
}

/// What came of an exchange whose answer has `reviewed` in the one place that is let stand.
async fn recorded(exchange: &Exchange, reviewed: &str) -> Event {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let folder = Folder::new(&format!("leaks-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
    let mut answer = json!({"mail": reviewed});
    if let Some((key, value)) = &exchange.more {
        answer[key] = value.clone();
    }
    let mut reply = ResponseTemplate::new(200).set_body_raw(answer.to_string(), exchange.kind.as_deref().unwrap_or("application/json"));
    for (name, value) in &exchange.answered {
        reply = reply.insert_header(*name, value.as_str());
    }
    let server = service(move |_| reply.clone()).await;
    let entry = |operation: &str| format!("- {{operation: {operation}, at: /response/json/mail, why: looked at}}\n");
    let keep = Keep::parse("keep.yaml", &(entry("get_thing") + &entry("change_thing"))).unwrap();
    let policy = Policy { allow_billed: true, allow_writes: true, budget: 9 };
    let mut options = options(&server.uri(), &folder);
    (options.keep, options.policy) = (keep, policy);
    let recorder = Recorder::start(vault(), options).await.unwrap();
    let (path, query) = (exchange.path.as_deref().unwrap_or("thing-of-all"), exchange.query.as_deref().unwrap_or_default());
    let url = format!("{}/things/{path}{query}", recorder.url());
    let mut request = match &exchange.body {
        Some(body) => client().post(url).header("content-type", "application/json").body(body.clone()),
        None => client().get(url),
    };
    request = request.header("authorization", "Bearer key-of-the-test-1");
    for (name, value) in &exchange.sent {
        request = request.header(*name, value.as_str());
    }
    request.send().await.unwrap();
    let mut events = recorder.stop();
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

#[tokio::test]
async fn a_reviewed_text_that_holds_what_was_replaced_elsewhere_is_not_written() {
    let text = |form: &str| form.replace("SECRET", SECRET);
    let sent = |name: &'static str, value: &str| Exchange { sent: vec![(name, text(value))], ..Exchange::default() };
    let answered = |name: &'static str, value: &str| Exchange { answered: vec![(name, text(value))], ..Exchange::default() };
    let more = |key: &'static str, value: Value| Exchange { more: Some((key, value)), ..Exchange::default() };
    let query = |query: &str| Exchange { query: Some(text(query)), ..Exchange::default() };
    for (exchange, place) in [
        (Exchange { path: Some(text("SECRET")), ..Exchange::default() }, "/request/path/thingId"),
        (query("?q=SECRET"), "/request/query/q"),
        (query("?odd=SECRET"), "/request/query/redacted-2"),
        (query("?SECRET=1"), "/request/query"),
        (Exchange { sent: vec![("authorization", text("Bearer SECRET"))], ..Exchange::default() }, "/request/headers/authorization"),
        (sent("cookie", "a=SECRET"), "/request/headers"),
        (sent("x-tenant", "SECRET"), "/request/headers/x-tenant"),
        (sent("x-odd", "SECRET"), "/request/headers"),
        (sent("tok-8412-9913", "1"), "/request/headers"),
        (sent("accept", "application/SECRET"), "/request/headers/accept"),
        (sent("accept", "application/json;q=SECRET"), "/request/headers/accept"),
        (sent("user-agent", "toy/SECRET"), "/request/headers"),
        (Exchange { body: Some(text(r#"{"owner": {"name": "SECRET"}}"#)), ..Exchange::default() }, "/request/json/owner/name"),
        (Exchange { body: Some(text(r#"{"SECRET": true}"#)), ..Exchange::default() }, "/request/json"),
        (answered("x-request-id", "SECRET"), "/response/headers/x-request-id"),
        (answered("x-odd", "SECRET"), "/response/headers"),
        (answered("tok-8412-9913", "1"), "/response/headers"),
        (answered("set-cookie", "a=SECRET"), "/response/headers"),
        (Exchange { kind: Some(text("application/json; boundary=SECRET")), ..Exchange::default() }, "/response/headers/content-type"),
        (Exchange { kind: Some(text("application/SECRET+json")), ..Exchange::default() }, "/response/headers/content-type"),
        (more("id", json!(SECRET)), "/response/json/id"),
        (more("labels", json!({SECRET: "a"})), "/response/json/labels"),
        (more("labels", json!({"a": SECRET})), "/response/json/labels/redacted-2"),
        (more("tags", json!(["open", SECRET])), "/response/json/tags/1"),
        (more("anything", json!({"deep": [{"in": SECRET}]})), "/response/json/anything"),
        (more("number", json!(84_129_913)), "/response/json/number"),
    ] {
        let reviewed = if place == "/response/json/number" { "for 84129913!" } else { "for tok-8412-9913!" };
        let event = recorded(&exchange, reviewed).await;
        let Event::NotRecorded { why, .. } = &event else { panic!("{place}: {event:?}") };
        assert!(why.starts_with(&format!("a value of {place}")) && why.contains("would still be in the file"), "{place}: {why}");
        assert!(!why.contains("8412"), "{why}");
        let event = recorded(&exchange, "for nobody at all").await;
        assert!(matches!(event, Event::Written { .. }), "{place}: {event:?}");
    }
}

/// What everybody says gives nothing away.
#[tokio::test]
async fn a_word_that_is_everybodys_may_stand() {
    for (header, reviewed) in [("server", "a server like any"), ("date", "no date is set"), ("cache-control", "cache-control is off")] {
        let exchange = Exchange { answered: vec![(header, "abcdefgh1".into())], ..Exchange::default() };
        let event = recorded(&exchange, reviewed).await;
        assert!(matches!(event, Event::Written { .. }), "{header}: {event:?}");
    }
    for header in ["x-corp-team", "corp-balance"] {
        let exchange = Exchange { answered: vec![(header, "abcdefgh1".into())], ..Exchange::default() };
        let event = recorded(&exchange, &format!("see {header} there")).await;
        assert!(matches!(event, Event::NotRecorded { .. }), "{header}: {event:?}");
    }
}
