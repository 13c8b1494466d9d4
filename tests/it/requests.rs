use opusclip::types::{CurationPreferences, DurationRange, FullClipId, Genre, PostDetail, ProjectId, Visibility, VisibilitySetting};
use opusclip::{ClipSource, CollectionFilter};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{builder, client, header, requests};

async fn answering(status: u16, body: Value) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(status).set_body_json(body)).mount(&server).await;
    server
}

#[tokio::test]
async fn sends_the_key_the_user_agent_and_nothing_that_nobody_asked_for() {
    let server = answering(200, json!([])).await;
    let client = builder(&server).with_user_agent("studio/2.1").with_org("org_Example00000001").build().unwrap();
    client.list_clips(ClipSource::Project("P0000000demo".into())).with_page_num(2).await.unwrap();
    let request = &requests(&server).await[0];
    assert_eq!(header(request, "authorization"), Some("Bearer sk-test_0123456789abcdef"));
    assert_eq!(header(request, "x-opus-org-id"), Some("org_Example00000001"));
    assert_eq!(header(request, "accept"), Some("application/json"));
    assert_eq!(header(request, "user-agent"), Some(concat!("opusclip-rust/", env!("CARGO_PKG_VERSION"), " studio/2.1")));
    assert_eq!(header(request, "api-version"), None);
    let mut query: Vec<_> = request.url.query_pairs().into_owned().collect();
    query.sort();
    let expected = [("pageNum", "2"), ("projectId", "P0000000demo"), ("q", "findByProjectId")];
    assert!(query.iter().map(|(key, value)| (key.as_str(), value.as_str())).eq(expected), "{query:?}");
}

#[tokio::test]
async fn another_organisation_goes_out_in_place_of_the_first() {
    let server = answering(200, json!([])).await;
    let client = builder(&server).with_org("org_one").build().unwrap();
    client.for_org("org_two").unwrap().list_brand_templates().await.unwrap();
    client.list_brand_templates().await.unwrap();
    let sent = requests(&server).await;
    assert_eq!(sent.iter().map(|request| header(request, "x-opus-org-id")).collect::<Vec<_>>(), [Some("org_two"), Some("org_one")]);
    assert!(client.for_org("org\nthree").unwrap_err().is_invalid_input());
}

#[tokio::test]
async fn a_project_is_created_with_what_was_set_and_nothing_else() {
    let server = answering(201, json!({"id": "P0000000demo", "stage": "QUEUED"})).await;
    let project = client(&server)
        .create_project("https://www.youtube.com/watch?v=LXvv6CbGg8A")
        .with_curation_pref(
            CurationPreferences::new().with_clip_durations([DurationRange::new(0, 90)]).with_genre(Genre::from("Brand new")),
        )
        .with_brand_template_id("preset-fancy-Karaoke")
        .await
        .unwrap();
    assert_eq!(project.id, ProjectId::from("P0000000demo"));
    let body: Value = requests(&server).await[0].body_json().unwrap();
    let expected = json!({
        "videoUrl": "https://www.youtube.com/watch?v=LXvv6CbGg8A",
        "curationPref": {"clipDurations": [[0.0, 90.0]], "genre": "Brand new"},
        "brandTemplateId": "preset-fancy-Karaoke",
    });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn every_method_sends_its_own_method_and_path() {
    let server = MockServer::start().await;
    let answers = [
        ("GET", "/api/brand-templates", json!([])),
        ("GET", "/api/clip-projects", json!({"data": {"list": []}})),
        ("POST", "/api/clip-projects", json!({"id": "P1"})),
        ("GET", "/api/clip-projects/P1", json!({"id": "P1"})),
        ("POST", "/api/clip-projects/P1/update-visibility", json!({"id": "P1", "visibility": "PUBLIC"})),
        ("GET", "/api/exportable-clips", json!([])),
        ("GET", "/api/collections", json!({"data": {"list": []}})),
        ("POST", "/api/collections", json!({"data": {"collectionId": "c1"}})),
        ("DELETE", "/api/collections/c1", json!({"data": "c1"})),
        ("POST", "/api/collections/c1/export", json!({"data": {"contentList": []}})),
        ("POST", "/api/collection-contents", json!({"data": {"collectionId": "c1", "contentId": "P1.CU1"}})),
        ("POST", "/api/collection-contents/delete-collection-contents", json!({"data": "success"})),
        ("POST", "/api/censor-jobs", json!({"jobId": "j1"})),
        ("GET", "/api/censor-jobs/j1", json!({"status": "CONCLUDED"})),
        ("GET", "/api/social-accounts", json!({"data": []})),
        ("POST", "/api/social-copy-jobs", json!({"data": {"jobId": "j2"}})),
        ("GET", "/api/social-copy-jobs/j2", json!({"data": {"jobId": "j2", "status": "RUNNING"}})),
        ("POST", "/api/post-tasks", json!({"data": {"postId": "p1"}})),
        ("POST", "/api/publish-schedules", json!({"data": {"scheduleId": "s1"}})),
        ("DELETE", "/api/publish-schedules/s1", json!({"data": {}})),
        ("POST", "/api/generative-jobs", json!({"jobId": "j3"})),
        ("GET", "/api/generative-jobs/j3", json!({"status": "QUEUED"})),
        ("GET", "/api/transcripts", json!({"data": [null]})),
        ("POST", "/api/upload-links", json!({"url": "https://storage.googleapis.com/x", "uploadId": "u1"})),
    ];
    let count = answers.len();
    for (verb, at, body) in answers {
        Mock::given(method(verb)).and(path(at)).respond_with(ResponseTemplate::new(200).set_body_json(body)).expect(1).mount(&server).await;
    }
    let client = client(&server);
    let clip = FullClipId::new("P1", "CU1");
    client.list_brand_templates().await.unwrap();
    client.list_projects().await.unwrap();
    client.create_project("https://example.com/a.mp4").await.unwrap();
    client.get_project("P1").await.unwrap();
    let shared = client.update_project_visibility("P1", VisibilitySetting::Public).await.unwrap();
    assert_eq!(shared.visibility, Some(Visibility::Public));
    client.list_clips(ClipSource::Collection("c1".into())).await.unwrap();
    client.list_collections(CollectionFilter::Containing(clip.clone())).await.unwrap();
    client.create_collection("Opus demo clips").await.unwrap();
    client.delete_collection("c1").await.unwrap();
    client.export_collection("c1").await.unwrap();
    client.create_collection_content("c1", &clip).await.unwrap();
    client.delete_collection_content("c1", &clip).await.unwrap();
    client.create_censor_job("P1", &clip).await.unwrap();
    client.get_censor_job("j1").await.unwrap();
    client.list_social_accounts().await.unwrap();
    client.create_social_copy_job("P1", &clip, "acc1").await.unwrap();
    client.get_social_copy_job("j2").await.unwrap();
    client.create_post_task("P1", &clip, "acc1", PostDetail::new("A title")).await.unwrap();
    client.create_publish_schedule("P1", &clip, "acc1", PostDetail::new("A title"), "2126-03-01T16:00:00.000Z").await.unwrap();
    client.cancel_publish_schedule("s1").await.unwrap();
    client.create_generative_job("https://youtube.com/watch?v=x").await.unwrap();
    client.get_generative_job("j3").await.unwrap();
    client.get_transcript("P1").await.unwrap();
    client.create_upload_link().await.unwrap();
    let sent = requests(&server).await;
    assert_eq!(sent.len(), count);
    // A post names the clip by its bare id, a collection by its full one (C28).
    let body = |at: &str| sent.iter().find(|request| request.url.path() == at).unwrap().body_json::<Value>().unwrap();
    assert_eq!(body("/api/post-tasks")["clipId"], "CU1");
    assert_eq!(body("/api/collection-contents")["contentId"], "P1.CU1");
    let removal = body("/api/collection-contents/delete-collection-contents");
    assert_eq!(removal, json!({"q": "findByCollectionIdAndContentId", "collectionId": "c1", "contentId": "P1.CU1"}));
    let api = opusclip::operation::OPERATIONS.iter().filter(|operation| !operation.storage).count();
    assert_eq!(api, count, "an operation of the spec is missing here");
}

#[tokio::test]
async fn an_id_cannot_leave_its_segment_of_the_path() {
    let server = answering(200, json!({"id": "P1"})).await;
    let client = client(&server);
    for id in ["", ".", "..", "a\nb", "..\\P1"] {
        let error = client.get_project(id).await.unwrap_err();
        assert!(error.is_invalid_input() && error.to_string().contains("projectId"), "{error}");
        assert!(client.delete_collection(id).await.unwrap_err().is_invalid_input());
        assert!(client.raw("get_project").with("projectId", id).await.unwrap_err().is_invalid_input());
    }
    assert!(requests(&server).await.is_empty(), "something was sent");
    client.get_project("../collections?x=1#y").await.unwrap();
    client.raw("get_project").with("projectId", "../collections?x=1#y").await.unwrap();
    for request in requests(&server).await {
        assert_eq!(request.url.path(), "/api/clip-projects/..%2Fcollections%3Fx=1%23y");
    }
}

#[tokio::test]
async fn a_bare_clip_id_is_refused_where_a_full_one_is_needed() {
    let server = answering(200, json!({"data": {"collectionId": "c1", "contentId": "x"}})).await;
    let bare: FullClipId = serde_json::from_value(json!("CU1")).unwrap();
    let error = client(&server).create_collection_content("c1", &bare).await.unwrap_err();
    assert!(error.is_invalid_input() && error.to_string().contains("{projectId}.{clipId}"), "{error}");
    assert!(client(&server).list_collections(CollectionFilter::Containing(bare)).await.unwrap_err().is_invalid_input());
    assert!(FullClipId::parse("CU1").is_err() && FullClipId::parse(".CU1").is_err() && FullClipId::parse("P1.").is_err());
    assert!(requests(&server).await.is_empty(), "something was sent");
}

#[tokio::test]
async fn a_base_url_keeps_its_path() {
    let server = answering(200, json!([])).await;
    let client = builder(&server).with_base_url(format!("{}/proxy/", server.uri())).build().unwrap();
    client.list_brand_templates().await.unwrap();
    client.raw("list_brand_templates").with("q", "mine").await.unwrap();
    for request in requests(&server).await {
        assert_eq!(request.url.path(), "/proxy/api/brand-templates");
    }
}

#[tokio::test]
async fn dispatch_says_what_is_wrong_with_its_input() {
    let server = answering(200, json!({"id": "P1"})).await;
    let client = client(&server);
    let cases = [
        ("nonsense", json!({}), "unknown operation `nonsense`"),
        ("get_project", json!([]), "must be a JSON object"),
        ("get_project", json!({}), "`projectId` is missing"),
        ("get_project", json!({"projectId": 1}), "`projectId` is wrong"),
        ("get_project", json!({"projectId": "P1", "verbose": true}), "unknown input `verbose`"),
        ("list_clips", json!({"q": "findByProjectId"}), "`projectId` is missing"),
        ("list_clips", json!({"q": "all"}), "expected findByProjectId or findByCollectionId"),
        ("list_clips", json!({"q": "findByProjectId", "projectId": "P1", "collectionId": "c1"}), "unknown input `collectionId`"),
        ("list_brand_templates", json!({"q": "yours"}), "expected mine"),
        ("create_project", json!({"body": {"videoUrl": "x", "curationPref": {"genres": "Auto"}}}), "`/curationPref/genres`"),
        ("create_project", json!({"body": {"curationPref": {}}}), "videoUrl"),
    ];
    for (operation, input, expected) in cases {
        let error = client.dispatch(operation, &input).await.unwrap_err();
        assert!(error.is_invalid_input() && error.to_string().contains(expected), "{operation} {input}: {error}");
        assert!(!error.to_string().contains('\n'));
    }
    assert!(requests(&server).await.is_empty(), "something was sent");
}
