use std::error::Error as _;
use std::time::Duration;

use opusclip::{ClipSource, RetryPolicy};
use serde_json::json;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{KEY, builder, client, requests};

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    server
}

async fn error_of(answer: ResponseTemplate) -> opusclip::Error {
    let server = answering(answer).await;
    client(&server).create_project("https://example.com/a.mp4").await.unwrap_err()
}

#[tokio::test]
async fn the_monthly_cap_the_plan_and_the_rate_are_three_different_things() {
    let cap =
        json!({"code": "API_MONTHLY_CAP_REACHED", "reset_at": "2026-06-01T00:00:00Z", "upgrade_url": "https://www.opus.pro/contact-api"});
    let error = error_of(ResponseTemplate::new(403).set_body_json(cap)).await;
    assert!(error.is_quota_exhausted() && !error.is_rate_limited() && !error.is_retryable(), "{error}");
    assert_eq!(error.reset_at().map(|at| at.as_str()), Some("2026-06-01T00:00:00Z"));
    let plan = error_of(
        ResponseTemplate::new(402).set_body_json(json!({"errorName": "InsufficientCreditError", "errorMessage": "No credits left"})),
    )
    .await;
    assert!(plan.is_quota_exhausted(), "{plan}");
    assert_eq!((plan.code(), plan.message()), (Some("InsufficientCreditError"), Some("No credits left")));
    let proxy = error_of(ResponseTemplate::new(403).set_body_json(json!({"errorName": "ProxyNotAllowedError"}))).await;
    assert!(!proxy.is_quota_exhausted(), "{proxy}");
    let rate = error_of(ResponseTemplate::new(429)).await;
    assert!(rate.is_rate_limited() && rate.is_retryable() && !rate.is_quota_exhausted(), "{rate}");
}

#[tokio::test]
async fn prints_one_line_with_the_services_own_words_and_the_remedy() {
    let body = json!({"statusCode": 400, "message": ["videoUrl must be a URL", "range is wrong"], "error": "Bad Request"});
    let answer = ResponseTemplate::new(400).set_body_json(body).insert_header("x-request-id", "req-7");
    let error = error_of(answer).await;
    assert_eq!(error.to_string(), "create_project: 400: videoUrl must be a URL; range is wrong (request req-7)");
    let unauthorized = error_of(ResponseTemplate::new(401).set_body_string("Unauthorized")).await;
    assert_eq!(unauthorized.to_string(), "create_project: 401: Unauthorized; check the API key");
    assert!(unauthorized.is_unauthorized());
    let html = error_of(ResponseTemplate::new(502).set_body_string("<html><body>Bad Gateway</body></html>")).await;
    assert_eq!(html.to_string(), "create_project: 502; it may have been done: look for the result before calling again");
    assert_eq!(html.status(), Some(502));
}

#[tokio::test]
async fn a_missing_thing_is_not_found_whatever_the_status() {
    let server = answering(
        ResponseTemplate::new(400).set_body_json(json!({"errorName": "BadRequestError", "errorMessage": "Schedule task not found"})),
    )
    .await;
    let error = client(&server).cancel_publish_schedule("s1").await.unwrap_err();
    assert!(error.is_not_found(), "{error}");
    let server = answering(ResponseTemplate::new(404).set_body_string("Cannot GET /api/clip-projects/P1")).await;
    assert!(client(&server).get_project("P1").await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_reply_that_cannot_be_decoded_names_the_place_and_shows_its_beginning() {
    let server = answering(ResponseTemplate::new(200).set_body_json(json!([{"id": "P1.CU1"}, {"id": "P1.CU2", "durationMs": 1.5}]))).await;
    let error = client(&server).list_clips(ClipSource::Project("P1".into())).await.unwrap_err();
    assert!(error.is_decode() && error.status() == Some(200), "{error}");
    assert!(error.to_string().contains("at `[1].durationMs`") && error.to_string().contains(r#"begins `[{"id":"P1.CU1"}"#), "{error}");
    let server = answering(ResponseTemplate::new(200).set_body_json(json!({"data": {"id": "P1", "stage": 7}}))).await;
    let error = client(&server).get_project("P1").await.unwrap_err();
    assert!(error.is_decode() && error.to_string().contains("stage"), "{error}");
}

#[tokio::test]
async fn a_list_in_no_known_shape_is_an_error_and_never_empty() {
    for body in [
        json!({}),
        json!({"items": []}),
        json!({"data": null}),
        json!({"data": {"items": []}}),
        json!({"list": null}),
        json!("none"),
        json!(null),
    ] {
        let server = answering(ResponseTemplate::new(200).set_body_json(&body)).await;
        let error = client(&server).list_clips(ClipSource::Project("P1".into())).await.unwrap_err();
        assert!(error.is_decode(), "{body}: {error}");
    }
    let server = answering(ResponseTemplate::new(200)).await;
    let error = client(&server).list_brand_templates().await.unwrap_err();
    assert!(error.is_decode() && error.to_string().contains("the reply is empty"), "{error}");
}

#[tokio::test]
async fn a_created_thing_whose_reply_is_unreadable_is_an_unknown_outcome() {
    let error = error_of(ResponseTemplate::new(201).set_body_string("{\"id\": ")).await;
    assert!(error.is_decode() && error.is_outcome_unknown() && !error.is_retryable(), "{error}");
}

#[tokio::test]
async fn the_key_appears_nowhere() {
    let echo = ResponseTemplate::new(500).set_body_json(json!({"errorName": KEY, "errorMessage": format!("bad key Bearer {KEY}")}));
    let server = answering(echo).await;
    let client = builder(&server).with_retry(RetryPolicy::never()).build().unwrap();
    let error = client.get_project("P1").await.unwrap_err();
    let call = client.list_clips(ClipSource::Project("P1".into()));
    let texts = [
        format!("{client:?} {client:#?}"),
        format!("{:?}", builder(&server)),
        format!("{:?}", client.api()),
        format!("{call:?} {:?}", client.raw("get_project")),
        format!("{error} {error:?} {error:#?} {} {:?} {:?}", error.body(), error.message(), error.code()),
    ];
    for text in texts {
        assert!(!text.contains(KEY) && !text.contains("0123456789abcdef"), "{text}");
    }
    let bad = opusclip::Client::builder(format!("{KEY}\n{KEY}")).build().unwrap_err();
    assert!(bad.is_invalid_input() && !format!("{bad} {bad:#?}").contains(KEY), "{bad}");
}

#[tokio::test]
async fn the_address_of_a_failed_request_is_not_in_the_error() {
    let server = MockServer::start().await;
    let reset = |_: &wiremock::Request| std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    Mock::given(wiremock::matchers::any()).respond_with_err(reset).mount(&server).await;
    let error = client(&server).list_clips(ClipSource::Project("Psecret".into())).await.unwrap_err();
    let chain = std::iter::successors(error.source(), |error| (*error).source()).map(ToString::to_string).collect::<Vec<_>>();
    assert!(!chain.is_empty());
    assert!(!format!("{error} {error:#?} {chain:?}").contains("Psecret"), "{error:?}");
}

#[tokio::test]
async fn no_reply_in_time_is_a_timeout() {
    let server = answering(ResponseTemplate::new(200).set_delay(Duration::from_secs(5))).await;
    let client = builder(&server).with_retry(RetryPolicy::never()).with_timeout(Duration::from_millis(20)).build().unwrap();
    let error = client.create_project("https://example.com/a.mp4").await.unwrap_err();
    assert!(error.is_timeout() && error.is_outcome_unknown(), "{error}");
    assert!(!client.get_project("P1").await.unwrap_err().is_outcome_unknown());
}

#[tokio::test]
async fn a_redirect_is_an_error_and_the_key_does_not_travel() {
    let other = answering(ResponseTemplate::new(200).set_body_json(json!({"id": "P1"}))).await;
    let server = answering(ResponseTemplate::new(302).insert_header("location", other.uri().as_str())).await;
    let error = client(&server).get_project("P1").await.unwrap_err();
    assert_eq!(error.status(), Some(302));
    assert!(requests(&other).await.is_empty(), "the redirect was followed");
    let following = builder(&server).with_retry(RetryPolicy::never()).with_http_client(reqwest::Client::new()).build().unwrap();
    let error = following.get_project("P1").await.unwrap_err();
    assert!(error.to_string().contains("redirect"), "{error}");
}

#[test]
fn a_setting_that_is_wrong_is_named() {
    let build = |key: &str, url: &str| opusclip::Client::builder(key).with_base_url(url).build();
    for (key, url, expected) in [
        ("", "https://api.opus.pro", "API key is empty"),
        ("Bearer ", "https://api.opus.pro", "API key is empty"),
        ("sk-test", "http://api.opus.pro", "unencrypted"),
        ("sk-test", "api.opus.pro", "not a URL"),
        ("sk-test", "file:///etc/passwd", "expected https"),
    ] {
        let error = build(key, url).unwrap_err();
        assert!(error.is_invalid_input() && error.to_string().contains(expected), "{error}");
    }
    assert!(opusclip::Client::builder("sk-test").with_user_agent("a\u{7}b").build().unwrap_err().to_string().contains("user agent"));
}
