use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opusclip::{Client, Error, RetryPolicy};
use serde_json::json;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::support::{FakeClock, KEY, builder, noon, requests};

/// Gives its answers in turn, the last one for ever.
struct Script(Vec<ResponseTemplate>, AtomicUsize);

impl Respond for Script {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        let turn = self.1.fetch_add(1, Ordering::SeqCst);
        self.0[turn.min(self.0.len() - 1)].clone()
    }
}

async fn scripted(answers: Vec<ResponseTemplate>) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(Script(answers, AtomicUsize::new(0))).mount(&server).await;
    server
}

fn status(code: u16) -> ResponseTemplate {
    ResponseTemplate::new(code)
}

fn project() -> ResponseTemplate {
    status(200).set_body_json(json!({"id": "P1"}))
}

async fn get(server: &MockServer) -> (Result<(), Error>, Vec<Duration>) {
    let clock = FakeClock::new();
    let client = builder(server).with_clock(clock.clone()).build().unwrap();
    let result = client.get_project("P1").await.map(|_| ());
    (result, clock.sleeps())
}

async fn create(server: &MockServer) -> (Result<(), Error>, Vec<Duration>) {
    let clock = FakeClock::new();
    let client = builder(server).with_clock(clock.clone()).build().unwrap();
    let result = client.create_project("https://example.com/a.mp4").await.map(|_| ());
    (result, clock.sleeps())
}

#[tokio::test]
async fn an_idempotent_call_is_repeated_with_growing_pauses() {
    let server = scripted(vec![status(503), status(500), status(408), project()]).await;
    let (result, sleeps) = get(&server).await;
    result.unwrap();
    // Half of 0.5, 1 and 2 seconds: the random number is 0.5.
    assert_eq!(sleeps, [250, 500, 1000].map(Duration::from_millis));
}

#[tokio::test]
async fn gives_up_after_the_last_attempt_and_says_how_many_there_were() {
    let server = scripted(vec![status(503)]).await;
    let (result, _) = get(&server).await;
    let error = result.unwrap_err();
    assert_eq!((error.status(), error.attempts(), requests(&server).await.len()), (Some(503), 4, 4));
    assert!(error.is_retryable() && error.to_string().contains("after 4 attempts"), "{error}");
    assert_eq!(error.elapsed(), Duration::from_millis(250 + 500 + 1000));
}

#[tokio::test]
async fn a_billed_call_that_may_have_been_accepted_is_never_repeated() {
    for code in [500, 502, 503, 504, 408] {
        let server = scripted(vec![status(code), project()]).await;
        let error = create(&server).await.0.unwrap_err();
        assert!(error.is_outcome_unknown() && !error.is_retryable(), "{code}: {error}");
        assert_eq!(requests(&server).await.len(), 1, "{code}");
        assert!(error.to_string().contains("look for the result"), "{error}");
    }
}

#[tokio::test]
async fn a_lost_reply_to_a_billed_call_is_an_unknown_outcome() {
    let server = MockServer::start().await;
    let reset = |_: &Request| std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    Mock::given(wiremock::matchers::any()).respond_with_err(reset).mount(&server).await;
    let error = create(&server).await.0.unwrap_err();
    assert!(error.is_outcome_unknown() && !error.is_connect(), "{error}");
    assert_eq!((error.attempts(), error.status()), (1, None));
    let error = get(&server).await.0.unwrap_err();
    assert!(!error.is_outcome_unknown() && error.is_retryable(), "{error}");
    assert_eq!(error.attempts(), 4);
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_also_for_a_billed_call() {
    let server = scripted(vec![status(429).insert_header("retry-after", "7"), project()]).await;
    let (result, sleeps) = create(&server).await;
    result.unwrap();
    assert_eq!(sleeps, [Duration::from_millis(7250)]);
}

#[tokio::test]
async fn what_a_lost_attempt_has_deleted_is_deleted() {
    let gone = || status(400).set_body_json(json!({"message": "Schedule task not found"}));
    for (before, is_done) in
        [(vec![status(503)], true), (vec![status(408), status(429)], true), (vec![status(429)], false), (vec![], false)]
    {
        let server = scripted(before.into_iter().chain([gone()]).collect()).await;
        let client = builder(&server).with_clock(FakeClock::new()).build().unwrap();
        let result = client.cancel_publish_schedule("S1").await;
        assert!(if is_done { result.is_ok() } else { result.unwrap_err().is_not_found() });
    }
}

#[tokio::test]
async fn retry_after_may_be_a_date() {
    let date = httpdate(noon() + Duration::from_secs(12));
    let server = scripted(vec![status(429).insert_header("retry-after", date.as_str()), project()]).await;
    let (result, sleeps) = get(&server).await;
    result.unwrap();
    assert_eq!(sleeps, [Duration::from_millis(12_250)]);
}

fn httpdate(at: std::time::SystemTime) -> String {
    assert_eq!(at, std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_780_272_012));
    "Mon, 01 Jun 2026 00:00:12 GMT".to_owned()
}

#[tokio::test]
async fn a_service_that_asks_for_too_long_a_pause_is_believed() {
    let server = scripted(vec![status(429).insert_header("retry-after", "3600"), project()]).await;
    let (result, sleeps) = get(&server).await;
    let error = result.unwrap_err();
    assert!(error.is_rate_limited() && sleeps.is_empty(), "{error}");
    assert_eq!((error.attempts(), error.retry_after()), (1, Some(Duration::from_secs(3600))));
}

#[tokio::test]
async fn the_concurrency_limit_is_not_waited_out() {
    let server = scripted(vec![status(429).insert_header("X-Cap-Reason", "concurrent"), project()]).await;
    let error = create(&server).await.0.unwrap_err();
    assert!(error.is_concurrency_limited() && !error.is_rate_limited() && !error.is_outcome_unknown(), "{error}");
    assert_eq!(requests(&server).await.len(), 1);
}

#[tokio::test]
async fn no_attempt_begins_after_the_total_time() {
    let clock = FakeClock::new();
    let server = scripted(vec![status(503).insert_header("retry-after", "20")]).await;
    let policy = RetryPolicy::default().with_max_attempts(100).with_max_elapsed(Duration::from_secs(50));
    let client = builder(&server).with_clock(clock.clone()).with_retry(policy).build().unwrap();
    let error = client.get_project("P1").await.unwrap_err();
    assert_eq!((error.attempts(), clock.sleeps().len()), (3, 2));
    assert!(error.elapsed() <= Duration::from_secs(50));
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_even_when_billed_for_nothing_was_sent() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let clock = FakeClock::new();
    let client =
        Client::builder(KEY).with_base_url(format!("http://127.0.0.1:{port}")).with_pacing(false).with_clock(clock).build().unwrap();
    let error = client.create_project("https://example.com/a.mp4").await.unwrap_err();
    assert!(error.is_connect() && error.is_retryable() && !error.is_outcome_unknown(), "{error}");
    assert_eq!(error.attempts(), 4);
}

#[tokio::test]
async fn clients_of_one_key_keep_to_the_limit_together() {
    let server = scripted(vec![status(200).set_body_json(json!([]))]).await;
    let clock = FakeClock::new();
    let paced = || Client::builder("sk-test_paced").with_base_url(server.uri()).with_clock(clock.clone()).build().unwrap();
    let (one, two) = (paced(), paced());
    for turn in 0..31 {
        if turn % 2 == 0 { &one } else { &two }.list_brand_templates().await.unwrap();
    }
    assert_eq!(clock.sleeps(), [Duration::from_secs(60)], "the 31st of 30 requests a minute has to wait");
}
