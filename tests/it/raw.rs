use opusclip::types::{Clip, List};
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{client, header, requests};

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    server
}

#[tokio::test]
async fn gives_status_headers_and_bytes_whatever_they_are() {
    let server = answering(ResponseTemplate::new(418).set_body_string("short and stout").insert_header("x-kind", "teapot")).await;
    let reply = client(&server).raw("get_project").with("projectId", "P1").await.unwrap();
    assert_eq!((reply.status(), reply.header("X-Kind"), reply.bytes()), (418, Some("teapot"), b"short and stout".as_slice()));
    assert!(reply.headers().any(|(name, value)| (name, value) == ("x-kind", "teapot")));
    assert!(reply.json::<Value>().unwrap_err().is_invalid_input());
}

#[tokio::test]
async fn sends_parameters_to_their_places() {
    let server = answering(ResponseTemplate::new(200).set_body_json(json!([{"id": "P1.CU1", "brandNew": 1}]))).await;
    let client = client(&server);
    let call =
        client.raw("list_clips").with("q", "findByProjectId").with("projectId", "P 1&x").with("pageNum", 3).with("x-opus-org-id", "org_1");
    let reply = call.await.unwrap();
    assert_eq!(reply.json::<Value>().unwrap()[0]["brandNew"], 1);
    assert_eq!(reply.json::<List<Clip>>().unwrap().len(), 1);
    client.raw("create_collection").with_json(&json!({"collectionName": "Ü"})).await.unwrap();
    let sent = requests(&server).await;
    assert!(sent[0].url.query_pairs().any(|(key, value)| key == "projectId" && value == "P 1&x"));
    assert_eq!(header(&sent[0], "x-opus-org-id"), Some("org_1"));
    assert_eq!(header(&sent[0], "authorization"), Some("Bearer sk-test_0123456789abcdef"));
    assert_eq!(header(&sent[1], "content-type"), Some("application/json"));
    assert_eq!(sent[1].body_json::<Value>().unwrap(), json!({"collectionName": "Ü"}));
}

#[tokio::test]
async fn names_what_is_unknown_or_missing_before_anything_is_sent() {
    let server = answering(ResponseTemplate::new(200)).await;
    let client = client(&server);
    let cases = [
        (client.raw("get_projects"), "unknown operation `get_projects`; expected one of"),
        (client.raw("start_upload_session"), "unknown operation"),
        (client.raw("get_project"), "the parameter `projectId` is missing"),
        (client.raw("get_project").with("projectId", "P1").with("page", 1), "unknown parameter `page`; expected one of"),
        (client.raw("get_project").with("projectId", "P1").with_json(&1), "takes no body"),
        (client.raw("create_collection"), "the JSON body is missing"),
        (client.raw("get_project").with("projectId", "P1").with("x-opus-org-id", "a\nb"), "x-opus-org-id"),
    ];
    for (call, expected) in cases {
        let error = call.await.unwrap_err();
        assert!(error.is_invalid_input() && error.to_string().contains(expected), "{error}");
    }
    assert!(requests(&server).await.is_empty(), "something was sent");
}
