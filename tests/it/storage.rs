use opusclip::{ContentRange, UploadStatus};
use wiremock::matchers::{method, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{client, header, requests};

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
    server
}

#[tokio::test]
async fn walks_the_documented_steps_without_the_key() {
    let server = MockServer::start().await;
    let session = format!("{}/upload/google-upload?upload_id=AAkIAwy", server.uri());
    let started =
        ResponseTemplate::new(201).insert_header("location", session.as_str()).insert_header("x-goog-resumable-upload-id", "AAkIAwy");
    Mock::given(method("POST")).respond_with(started).mount(&server).await;
    let stored = ResponseTemplate::new(200)
        .insert_header("x-goog-hash", "crc32c=4waSgw==,md5=JfOoXNjGtwx3Ll2bZG2vJA==")
        .insert_header("x-goog-stored-content-length", "9");
    Mock::given(method("PUT")).and(query_param("upload_id", "AAkIAwy")).respond_with(stored).mount(&server).await;
    let client = client(&server);
    let link = format!("{}/upload/google-upload", server.uri());
    let session = client.start_upload_session(&link).await.unwrap();
    assert!(!format!("{session:?}").contains("AAkIAwy"), "the address is a secret");
    let status = client.send_upload_bytes(&session, b"123456789".to_vec(), None).await.unwrap();
    // The check value of CRC-32C is that of these nine bytes.
    assert_eq!(
        status,
        UploadStatus::Complete { crc32c: Some(0xE306_9283), md5: Some("JfOoXNjGtwx3Ll2bZG2vJA==".to_owned()), length: Some(9) }
    );
    let sent = requests(&server).await;
    assert_eq!(header(&sent[0], "x-goog-resumable"), Some("start"));
    assert_eq!((header(&sent[0], "content-length"), header(&sent[0], "content-type")), (Some("0"), None));
    assert_eq!((header(&sent[1], "content-length"), header(&sent[1], "content-type")), (Some("9"), Some("application/octet-stream")));
    for request in &sent {
        assert_eq!((header(request, "authorization"), header(request, "x-opus-org-id")), (None, None));
        assert!(!format!("{request:?}").contains("sk-test"));
    }
}

#[tokio::test]
async fn reads_the_offset_that_the_storage_names() {
    for (range, expected) in [(None, 0), (Some("bytes=0-0"), 1), (Some("bytes=0-262143"), 262_144)] {
        let answer = ResponseTemplate::new(308);
        let server = answering(range.map_or(answer.clone(), |range| answer.insert_header("range", range))).await;
        let client = client(&server);
        let session = client.open_upload_session(&format!("{}/s", server.uri())).unwrap();
        let status = client.query_upload_offset(&session, Some(1_000_000)).await.unwrap();
        assert_eq!(status, UploadStatus::Incomplete { persisted: expected });
        let sent = &requests(&server).await[0];
        assert_eq!((header(sent, "content-range"), header(sent, "content-length")), (Some("bytes */1000000"), Some("0")));
    }
}

#[tokio::test]
async fn an_offset_that_makes_no_sense_is_an_error() {
    for range in ["bytes=1-5", "bytes 0-5", "bytes=0-", "bytes=0-18446744073709551615", "items=0-5"] {
        let server = answering(ResponseTemplate::new(308).insert_header("range", range)).await;
        let client = client(&server);
        let session = client.open_upload_session(&format!("{}/s", server.uri())).unwrap();
        assert!(client.query_upload_offset(&session, None).await.unwrap_err().is_decode(), "{range}");
    }
}

#[tokio::test]
async fn a_part_says_which_bytes_it_is() {
    let server = answering(ResponseTemplate::new(308).insert_header("range", "bytes=0-5")).await;
    let client = client(&server);
    let session = client.open_upload_session(&format!("{}/s", server.uri())).unwrap();
    client.send_upload_bytes(&session, vec![7; 6], Some(ContentRange::new(4, 6).of(10))).await.unwrap();
    client.send_upload_bytes(&session, vec![7; 6], Some(ContentRange::new(0, 6))).await.unwrap();
    let ranges: Vec<_> = requests(&server).await.iter().map(|request| header(request, "content-range").unwrap().to_owned()).collect();
    assert_eq!(ranges, ["bytes 4-9/10", "bytes 0-5/*"]);
}

#[tokio::test]
async fn bytes_are_sent_once_and_a_failure_is_for_the_caller_to_resolve() {
    let server = answering(
        ResponseTemplate::new(503).set_body_string("<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Go slower</Message></Error>"),
    )
    .await;
    let client = crate::support::builder(&server).with_clock(crate::support::FakeClock::new()).build().unwrap();
    let session = client.open_upload_session(&format!("{}/s", server.uri())).unwrap();
    let error = client.send_upload_bytes(&session, b"abc".to_vec(), None).await.unwrap_err();
    assert_eq!((error.status(), error.code(), error.message()), (Some(503), Some("SlowDown"), Some("Go slower")));
    assert_eq!(requests(&server).await.len(), 1);
    // Asking is safe to repeat.
    client.query_upload_offset(&session, None).await.unwrap_err();
    assert_eq!(requests(&server).await.len(), 1 + 4);
}

#[tokio::test]
async fn cancelling_what_is_gone_is_cancelled() {
    for status in [204, 404, 410, 499] {
        let server = answering(ResponseTemplate::new(status)).await;
        let client = client(&server);
        let session = client.open_upload_session(&format!("{}/s", server.uri())).unwrap();
        client.cancel_upload_session(&session).await.unwrap();
    }
    let server = answering(ResponseTemplate::new(403)).await;
    let client = client(&server);
    let session = client.open_upload_session(&format!("{}/s", server.uri())).unwrap();
    assert_eq!(client.cancel_upload_session(&session).await.unwrap_err().status(), Some(403));
}

#[tokio::test]
async fn a_session_needs_its_address() {
    let server = answering(ResponseTemplate::new(201)).await;
    let error = client(&server).start_upload_session(&server.uri()).await.unwrap_err();
    assert!(error.is_decode() && error.to_string().contains("Location"), "{error}");
}

#[tokio::test]
async fn an_address_that_is_not_encrypted_or_not_signed_for_this_is_refused() {
    let client = opusclip::Client::builder("sk-test").build().unwrap();
    for link in ["http://storage.googleapis.com/x?X-Goog-Signature=secret", "ftp://x/?secret", "/x?secret"] {
        let error = client.start_upload_session(link).await.unwrap_err();
        assert!(error.is_invalid_input() && !format!("{error:#?}").contains("secret"), "{error}");
    }
    let error = client.start_upload_session("https://storage.googleapis.com/x?X-Goog-SignedHeaders=content-type%3Bhost").await.unwrap_err();
    assert!(error.is_invalid_input() && error.to_string().contains("content-type"), "{error}");
}
