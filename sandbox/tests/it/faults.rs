use std::time::Duration;

use opusclip::types::{ProjectStage, SourcePlatform};
use opusclip::{ClipSource, RetryPolicy};

use crate::support::{VIDEO, complete, eventually, http, json, once, raw, still};

#[tokio::test]
async fn a_lost_reply_leaves_a_project_that_the_client_does_not_know() {
    let sandbox = still().start().await.unwrap();
    sandbox.fault("create_project#1=lost").unwrap();
    let lost = sandbox.client().create_project(VIDEO).await.unwrap_err();
    assert!(lost.is_outcome_unknown(), "{lost}");
    let entry = &sandbox.journal()[0];
    assert_eq!((entry.status, entry.effect, entry.fault.as_deref()), (None, true, Some("create_project#1=lost")));
    assert_eq!(sandbox.count("create_project"), 1, "a billed call is not repeated");
    sandbox.fault("create_project#1=reset").unwrap();
    assert!(sandbox.client().create_project(VIDEO).await.is_err());
    assert!(!sandbox.journal()[1].effect, "a reset before the effect");
    sandbox.client().create_project(VIDEO).await.unwrap();
}

#[tokio::test]
async fn a_status_comes_as_often_as_asked_and_in_the_form_asked_for() {
    let sandbox = still().without_rate_limits().start().await.unwrap();
    let client = once(&sandbox);
    sandbox.fault("list_brand_templates#2-3=status:503:html").unwrap();
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(client.list_brand_templates().await.map_or_else(|error| error.status().unwrap(), |_| 200));
    }
    assert_eq!(statuses, [200, 503, 503, 200]);
    sandbox.clear_faults();
    let shapes = [
        ("429", "application/json", "rate limit"),
        ("500:service", "application/json", "errorName"),
        ("400:framework", "application/json", "statusCode"),
        ("403:cap", "application/json", "API_MONTHLY_CAP_REACHED"),
        ("500:text", "text/plain", "asked for"),
        ("502:html", "text/html", "<html>"),
        ("500:xml", "application/xml", "<Code>"),
        ("401", "text/plain", "Unauthorized"),
    ];
    for (shape, content_type, part) in shapes {
        sandbox.clear_faults();
        sandbox.fault(&format!("list_brand_templates=status:{shape}")).unwrap();
        let answer = json(&sandbox, "GET", "/api/brand-templates?q=mine", "").await;
        assert!(shape.starts_with(answer.status().as_str()));
        assert!(answer.headers()["content-type"].to_str().unwrap().starts_with(content_type), "{shape}");
        let body = answer.text().await.unwrap();
        assert!(body.contains(part), "{shape}: {body}");
    }
    sandbox.clear_faults();
    sandbox.fault("list_brand_templates#1=status:500,delay:1ms").unwrap();
    let patient = sandbox.client_builder().with_retry(RetryPolicy::default().with_base_pause(Duration::ZERO)).build().unwrap();
    patient.list_brand_templates().await.unwrap();
    assert_eq!(sandbox.journal().iter().rev().take(2).map(|entry| entry.status).collect::<Vec<_>>(), [Some(200), Some(500)]);
}

#[tokio::test]
async fn answers_come_in_every_form_that_has_been_seen() {
    let sandbox = still().without_rate_limits().start().await.unwrap();
    let (project, clips) = complete(&sandbox).await;
    let client = once(&sandbox);
    let list = || client.list_clips(ClipSource::Project(project.id.clone()));
    for envelope in ["bare", "data", "data-list", "list"] {
        sandbox.clear_faults();
        sandbox.fault(&format!("list_clips=envelope:{envelope}")).unwrap();
        assert_eq!(list().await.unwrap().items(), clips, "{envelope}");
    }
    sandbox.clear_faults();
    sandbox.fault("list_clips=snake-case").unwrap();
    let snake = &list().await.unwrap()[0];
    assert_eq!((&snake.project_id, &snake.uri_for_export, &snake.title), (&clips[0].project_id, &clips[0].uri_for_export, &clips[0].title));
    sandbox.clear_faults();
    sandbox.fault("list_clips=no-export-links").unwrap();
    assert!(list().await.unwrap().iter().all(|clip| clip.uri_for_export.is_none()));
    sandbox.fault("get_project=unknown-enum").unwrap();
    let odd = client.get_project(&project.id).await.unwrap();
    assert_eq!(odd.stage, Some(ProjectStage::Other("SANDBOX_UNKNOWN".to_owned())));
    assert!(matches!(odd.source_platform, Some(SourcePlatform::Other(_))));
    sandbox.clear_faults();
    sandbox.fault("list_clips=empty").unwrap();
    assert!(list().await.unwrap_err().is_decode(), "an empty 200 is no empty list");
    sandbox.clear_faults();
    sandbox.fault("list_clips=cut:100").unwrap();
    assert!(list().await.is_err());
    sandbox.clear_faults();
    sandbox.fault("list_clips=header:x-request-id:req-7,no-header:x-ratelimit-limit").unwrap();
    let raw = client.raw("list_clips").with("q", "findByProjectId").with("projectId", project.id.as_str()).await.unwrap();
    assert_eq!((raw.header("x-request-id"), raw.header("x-ratelimit-limit")), (Some("req-7"), None));
}

#[tokio::test]
async fn a_stalled_body_stays_open_and_says_no_more() {
    let sandbox = still().start().await.unwrap();
    sandbox.fault("list_brand_templates=stall:5").unwrap();
    let hasty = sandbox.client_builder().with_timeout(Duration::from_millis(50)).with_retry(RetryPolicy::never()).build().unwrap();
    assert!(hasty.list_brand_templates().await.unwrap_err().is_timeout());
    // A stalled connection does not keep the sandbox alive.
    sandbox.stop().await;
}

#[tokio::test]
async fn a_reset_is_a_reset_on_the_wire() {
    let sandbox = still().start().await.unwrap();
    sandbox.fault("*#1=reset").unwrap();
    let error = raw(&sandbox, b"GET /api/brand-templates?q=mine HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn the_control_endpoint_does_it_all_for_other_languages() {
    let sandbox = still().start().await.unwrap();
    let control = |method: &'static str, target: &'static str, body: &'static str| {
        let sandbox = &sandbox;
        async move {
            let answer = http(sandbox, method, target, &[], body).await;
            (answer.status().as_u16(), answer.text().await.unwrap())
        }
    };
    assert!(control("GET", "/_sandbox", "").await.1.contains("/_sandbox/journal"));
    assert_eq!(
        control("POST", "/_sandbox/faults", "list_clips=lost\n\n get_project#1=reset ").await,
        (200, "list_clips=lost\nget_project#1=reset\n".to_owned())
    );
    let (status, text) = control("POST", "/_sandbox/faults", "list_klips=lost").await;
    assert!(status == 400 && text.contains("list_klips"), "{text}");
    assert_eq!(control("POST", "/_sandbox/faults", "").await.0, 400);
    assert_eq!(control("GET", "/_sandbox/faults", "").await.1.lines().count(), 2);
    assert_eq!(control("DELETE", "/_sandbox/faults", "").await.0, 200);
    assert_eq!(control("GET", "/_sandbox/faults", "").await.1, "");
    let before = sandbox.now();
    assert_eq!(control("POST", "/_sandbox/clock", "1h 30m").await.0, 200);
    assert!(sandbox.now() >= before + Duration::from_secs(5400));
    assert_eq!(control("POST", "/_sandbox/clock", "soon").await.0, 400);
    let project = once(&sandbox).create_project(VIDEO).await.unwrap();
    let stalled = http(&sandbox, "POST", &format!("/_sandbox/projects/{}/stall", project.id), &[], "").await;
    assert_eq!(stalled.status(), 200);
    let journal: serde_json::Value =
        serde_json::from_str(&control("GET", "/_sandbox/journal?operation=create_project", "").await.1).unwrap();
    assert_eq!((journal[0]["operation"].as_str(), journal[0]["status"].as_u64()), (Some("create_project"), Some(201)));
    assert_eq!(journal[0]["body"]["videoUrl"], VIDEO);
    assert!(!journal.to_string().contains("sk-"), "no key in the journal");
    assert_eq!(control("POST", "/_sandbox/reset", "").await.0, 200);
    assert_eq!(control("GET", "/_sandbox/journal", "").await.1, "[]\n");
    assert!(once(&sandbox).get_project(&project.id).await.unwrap_err().is_not_found());
    assert_eq!(control("GET", "/_sandbox/nothing", "").await.0, 404);
    assert_eq!(control("GET", "/_sandbox/uploads/../../etc/passwd", "").await.0, 404);
}

#[tokio::test]
async fn a_cut_body_is_cut_where_it_was_asked_for() {
    let sandbox = still().start().await.unwrap();
    let (_, clips) = complete(&sandbox).await;
    sandbox.fault("cdn=cut:1000").unwrap();
    let target = clips[0].uri_for_preview.as_deref().unwrap().strip_prefix(sandbox.url()).unwrap();
    let answer = raw(&sandbox, format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("content-length: 9"), "{head}");
    let partial = http(&sandbox, "GET", clips[0].uri_for_preview.as_deref().unwrap(), &[], "").await;
    let mut partial = partial;
    let mut got = 0;
    while let Ok(Some(chunk)) = partial.chunk().await {
        got += chunk.len();
    }
    assert_eq!(got, 1000);
    sandbox.clear_faults();
    sandbox.fault("cdn=header:content-type:text/html,no-header:etag").unwrap();
    let odd = http(&sandbox, "GET", clips[0].uri_for_preview.as_deref().unwrap(), &[], "").await;
    assert_eq!((odd.headers()["content-type"].to_str().unwrap(), odd.headers().get("etag")), ("text/html", None));
}

#[tokio::test]
async fn no_time_is_too_long_for_the_clock() {
    let sandbox = still().start().await.unwrap();
    for _ in 0..2 {
        assert_eq!(http(&sandbox, "POST", "/_sandbox/clock", &[], "99999999999y").await.status(), 200);
    }
    assert!(http(&sandbox, "GET", "/_sandbox/clock", &[], "").await.text().await.unwrap().starts_with('3'));
    let fast = opusclip_sandbox::Sandbox::builder().with_speed(1e300).start().await.unwrap();
    fast.client().list_brand_templates().await.unwrap();
}

#[tokio::test]
async fn links_lead_back_by_the_name_that_was_called() {
    let sandbox = still().start().await.unwrap();
    let port = sandbox.address().port();
    let by_name =
        json(&sandbox, "POST", &format!("http://localhost:{port}/api/upload-links"), r#"{"video": {"usecase": "LocalUpload"}}"#).await;
    let link: serde_json::Value = by_name.json().await.unwrap();
    assert!(link["url"].as_str().unwrap().starts_with(&format!("http://localhost:{port}/ext.gcs.opus.pro/")), "{link}");
    assert!(still().with_keys([" "]).start().await.unwrap_err().to_string().contains("empty"));
}

#[tokio::test]
async fn a_client_that_gives_up_is_noted_and_its_request_still_has_its_effect() {
    let sandbox = still().start().await.unwrap();
    sandbox.fault("create_project#1=delay:500ms").unwrap();
    let hasty = sandbox.client_builder().with_timeout(Duration::from_millis(250)).with_retry(RetryPolicy::never()).build().unwrap();
    assert!(hasty.create_project(VIDEO).await.unwrap_err().is_outcome_unknown());
    eventually(|| !sandbox.journal().is_empty()).await;
    let journal = sandbox.journal();
    assert_eq!((journal[0].effect, journal[0].status, journal[0].note.as_deref()), (true, None, Some("the client left")));
    sandbox.fault("send_upload_bytes=stall-at:1").unwrap();
    let link = once(&sandbox).create_upload_link().with_video(opusclip::types::UploadVideo::new("LocalUpload")).await.unwrap();
    let session = once(&sandbox).start_upload_session(&link.url).await.unwrap();
    let put = once(&sandbox);
    let sending = tokio::spawn(async move { put.send_upload_bytes(&session, vec![1; 100], None).await });
    eventually(|| sandbox.journal().len() >= 4).await;
    let journal = sandbox.journal();
    assert!(!sending.is_finished());
    sending.abort();
    assert_eq!((journal[3].operation.as_str(), journal[3].note.as_deref()), ("send_upload_bytes", Some("stalled after 100 bytes")));
}
