//! What may cost money: looked at before it is sent, never repeated in doubt, and to be found again.

use std::time::Duration;

use opusclip::operation::OPERATIONS;
use opusclip::types::{
    ConclusionAction, CurationPreferences, CurationRange, DurationRange, PostDetail, Timestamp, UploadedVideoAttributes,
};
use opusclip::{Client, ClipSource, Reconciled, RetryPolicy};
use opusclip_sandbox::Sandbox;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{FakeClock, builder, client, requests};

const VIDEO: &str = "https://www.youtube.com/watch?v=LXvv6CbGg8A";

async fn answering(status: u16) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(status)).mount(&server).await;
    server
}

#[tokio::test]
async fn all_that_is_wrong_is_told_at_once_and_nothing_is_sent() {
    let server = answering(500).await;
    let client = client(&server);
    let preferences = CurationPreferences::new()
        .with_range(CurationRange::new().with_start_sec(9.0).with_end_sec(f64::NAN))
        .with_clip_durations([DurationRange::new(90, 30)]);
    let call = client
        .create_project("youtube://x")
        .with_curation_pref(preferences)
        .with_conclusion_actions([ConclusionAction::new("WEBHOOK"), ConclusionAction::new("EMAIL").with_email("me")]);
    let checked = call.check().unwrap_err();
    let sent = call.await.unwrap_err();
    assert_eq!(checked.to_string(), sent.to_string());
    assert!(sent.is_invalid_input() && !sent.is_outcome_unknown() && sent.operation() == Some("create_project"));
    for path in ["videoUrl", "curationPref.range.endSec", "clipDurations[0]", "conclusionActions[0].url", "conclusionActions[1].email"] {
        assert!(sent.to_string().contains(path), "{path} is missing in {sent}");
    }
    let past = client.create_publish_schedule("P1", "P1.CU1", "", PostDetail::new(""), "2001-03-01T16:00:00.000Z").await.unwrap_err();
    for path in ["clipId", "postAccountId", "postDetail.title", "publishAt"] {
        assert!(past.to_string().contains(path), "{path} is missing in {past}");
    }
    client.create_project(VIDEO).check().unwrap();
    assert!(requests(&server).await.is_empty(), "something was sent");
}

#[tokio::test]
async fn an_unknown_outcome_carries_what_is_needed_to_look_for_it() {
    let server = answering(502).await;
    let client = builder(&server).with_clock(FakeClock::new()).build().unwrap();
    let reference = client.new_reference();
    let titled = UploadedVideoAttributes::new().with_title("Interview of 12 May");
    let call = client.create_project(format!("{VIDEO}&token=hunter2")).with_reference(&reference).with_uploaded_video_attr(titled);
    let written_down = call.attempt();
    let error = call.await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");
    let attempted = error.attempted().unwrap();
    assert_eq!(attempted, &written_down);
    assert_eq!((attempted.operation(), attempted.since().as_str()), ("create_project", "2026-06-01T00:00:00.000Z"));
    let title = format!("Interview of 12 May [{reference}]");
    assert_eq!(attempted.asked("uploadedVideoAttr.title"), Some(title.as_str()), "in whichever order the options were set");
    assert_eq!(attempted.reference(), Some(reference));
    assert!(attempted.asked("videoUrl").unwrap().ends_with("hunter2"));
    assert!(!format!("{error} {error:?} {error:#?} {attempted}").contains("hunter2"));
    let body: Value = requests(&server).await[0].body_json().unwrap();
    assert_eq!(body["uploadedVideoAttr"]["title"], title.as_str());

    let post = client.create_post_task("P1", "CU1", "acc1", PostDetail::new("A title"));
    let written_down = post.attempt();
    let post = post.await.unwrap_err();
    assert_eq!(post.attempted(), Some(&written_down), "what was written down before is what the error says");
    let asked = ["projectId", "clipId", "postAccountId", "postDetail.title"].map(|path| post.attempted().unwrap().asked(path));
    assert_eq!(asked, ["P1", "CU1", "acc1", "A title"].map(Some));
    assert!(client.get_project("P1").await.unwrap_err().attempted().is_none(), "a call that can be repeated leaves no doubt");
}

#[tokio::test]
async fn a_refusal_leaves_no_doubt() {
    for status in [301, 307, 308, 400, 401, 402, 403, 404, 422, 429] {
        let server = answering(status).await;
        let error = client(&server).create_project(VIDEO).await.unwrap_err();
        assert!(!error.is_outcome_unknown() && error.attempted().is_none(), "{status}: {error}");
    }
    // What a server says that sends a web page on after it has done what was asked.
    for status in [302, 303] {
        let server = answering(status).await;
        let error = client(&server).create_project(VIDEO).await.unwrap_err();
        assert!(error.is_outcome_unknown() && error.attempted().is_some(), "{status}: {error}");
        assert_eq!(requests(&server).await.len(), 1);
    }
}

/// Every way in which the reply to a request is lost, with whether the request had its effect.
const LOST: [(&str, bool); 9] = [
    ("lost", true),
    ("cut:5", true),
    ("cut:0", true),
    ("empty", true),
    ("reset", false),
    ("status:408", false),
    ("status:500", false),
    ("status:502", false),
    ("status:503", false),
];

/// A body that the sandbox accepts, which no other call has. An operation that is billed and has none here fails the test.
fn body(operation: &str, number: usize, project: &str, clip: &str, at: &Timestamp) -> Value {
    let detail = json!({"title": format!("Post {number}")});
    let post = json!({"projectId": project, "clipId": clip, "postAccountId": "postAccountId_x", "postDetail": detail});
    match operation {
        "create_project" => json!({"videoUrl": format!("https://www.youtube.com/watch?v=run{number}")}),
        "create_post_task" => post,
        "create_publish_schedule" => {
            let mut schedule = post;
            schedule["publishAt"] = json!(at);
            schedule
        }
        "create_generative_job" => json!({"jobType": "thumbnail", "sourceUri": VIDEO, "prompt": format!("Thumbnail {number}")}),
        other => panic!("{other} is billed: give it a body here, so that its lost replies are tried too"),
    }
}

/// A thousand lost replies, over every billed operation and every way to lose one: nothing is done twice, and each is reported.
#[tokio::test]
async fn a_thousand_lost_replies_do_nothing_twice() {
    const RUNS: usize = 1000;
    let sandbox = busy().await;
    // Four attempts, as by default, and no pauses: a call that could be repeated would be.
    let client = sandbox.client_builder().with_retry(RetryPolicy::default().with_base_pause(Duration::ZERO)).build().unwrap();
    let (project, clip) = finished_clip(&sandbox, &client).await;
    let at = Timestamp::from(sandbox.now() + Duration::from_secs(86_400));
    let billed: Vec<&str> = OPERATIONS.iter().filter(|operation| operation.billed).map(|operation| operation.id).collect();
    let before = sandbox.journal().len();
    let mut expected = Vec::new();
    for number in 0..RUNS {
        let (operation, (fault, effect)) = (billed[number % billed.len()], LOST[number / billed.len() % LOST.len()]);
        sandbox.fault(&format!("{operation}#1={fault}")).unwrap();
        let body = body(operation, number, &project, &clip, &at);
        let error = client.dispatch(operation, &json!({"body": body})).await.expect_err(fault);
        assert!(error.is_outcome_unknown() && !error.is_retryable(), "{operation} {fault}: {error}");
        assert_eq!(error.attempts(), 1, "{operation} {fault}");
        let attempted = error.attempted().unwrap();
        assert!(attempted.operation() == operation && attempted.to_string().contains("since"), "{attempted}");
        expected.push((operation, body, effect));
    }
    let seen: Vec<_> =
        sandbox.journal()[before..].iter().map(|entry| (entry.operation.clone(), entry.body.clone(), entry.effect)).collect();
    assert_eq!(seen.len(), RUNS, "a request was sent twice");
    for ((operation, body, effect), (seen, seen_body, seen_effect)) in expected.iter().zip(&seen) {
        assert_eq!((*operation, *effect), (seen.as_str(), *seen_effect), "{body}");
        // What is refused or reset before it is read leaves no body.
        assert!(seen_body.as_ref().is_none_or(|seen| seen == body) && (seen_body.is_some() || !effect), "{operation} {body}");
    }
}

#[tokio::test]
async fn a_reply_that_does_not_come_in_time_is_an_unknown_outcome() {
    let sandbox = busy().await;
    let (project, clip) = finished_clip(&sandbox, &sandbox.client()).await;
    let at = Timestamp::from(sandbox.now() + Duration::from_secs(86_400));
    let hasty = sandbox.client_builder().with_timeout(Duration::from_millis(200)).build().unwrap();
    let calls = OPERATIONS.iter().filter(|operation| operation.billed).map(|operation| {
        sandbox.fault(&format!("{}=stall:3", operation.id)).unwrap();
        let (hasty, input) = (&hasty, json!({"body": body(operation.id, 1, &project, &clip, &at)}));
        async move { (operation.id, hasty.dispatch(operation.id, &input).await.unwrap_err()) }
    });
    for (operation, error) in futures_util::future::join_all(calls).await {
        assert!(error.is_timeout() && error.is_outcome_unknown() && error.attempts() == 1, "{operation}: {error}");
        let before = u64::from(operation == "create_project");
        assert_eq!(sandbox.count(operation), before + 1, "{operation} was sent twice");
    }
}

/// Limits are not what is tried here.
async fn busy() -> Sandbox {
    let free = Sandbox::builder().with_speed(0.0).without_rate_limits().with_concurrent_projects(usize::MAX).with_daily_posts(usize::MAX);
    free.with_monthly_credits(u64::MAX / 2).start().await.unwrap()
}

async fn finished_clip(sandbox: &Sandbox, client: &Client) -> (String, String) {
    let project = client.create_project(VIDEO).await.unwrap().id;
    sandbox.advance(Duration::from_secs(3600));
    let clips = client.list_clips(ClipSource::Project(project.clone())).await.unwrap();
    (project.to_string(), clips[0].id.clip().to_string())
}

#[tokio::test]
async fn a_lost_project_is_found_again_by_its_reference() {
    let sandbox = busy().await;
    let client = sandbox.client_builder().with_retry(RetryPolicy::never()).build().unwrap();
    for (fault, effect) in LOST.into_iter().chain(LOST) {
        // All of one source, so that the source alone tells nothing.
        sandbox.fault(&format!("create_project#1={fault}")).unwrap();
        let reference = client.new_reference();
        let error = client.create_project(VIDEO).with_reference(&reference).await.expect_err(fault);
        let count = sandbox.count("create_project");
        match client.reconcile(error.attempted().unwrap()).await.unwrap() {
            Reconciled::Found(project) => {
                let title = project.source_info.unwrap().title.unwrap();
                assert!(effect && title.contains(reference.as_str()), "{fault}: {title}");
            }
            Reconciled::NotFound => assert!(!effect, "{fault}"),
            other => panic!("{fault}: {other:?}"),
        }
        assert_eq!(sandbox.count("create_project"), count, "looking creates nothing");
    }
}

#[tokio::test]
async fn a_project_whose_call_was_dropped_is_found_by_what_was_written_down_before() {
    let sandbox = busy().await;
    let client = sandbox.client();
    for reference in [Some(client.new_reference()), None] {
        sandbox.fault("create_project#1=stall").unwrap();
        let call = client.create_project(format!("https://vimeo.com/{}", reference.is_some()));
        let call = reference.iter().fold(call, |call, reference| call.with_reference(reference));
        let kept = serde_json::to_string(&call.attempt()).unwrap();
        assert!(tokio::time::timeout(Duration::from_millis(100), call.send()).await.is_err());
        let found = client.reconcile(&serde_json::from_str(&kept).unwrap()).await.unwrap();
        assert!(matches!(found, Reconciled::Found(_)), "{reference:?}: {found:?}");
    }
}

#[tokio::test]
async fn without_a_reference_the_source_and_the_time_tell() {
    let sandbox = busy().await;
    let client = sandbox.client_builder().with_retry(RetryPolicy::never()).build().unwrap();
    let lose = async |fault: &str, source: &str| {
        sandbox.fault(&format!("create_project#1={fault}")).unwrap();
        client.create_project(source).await.unwrap_err().attempted().unwrap().clone()
    };
    let one = lose("lost", "https://vimeo.com/1").await;
    let Reconciled::Found(project) = client.reconcile(&one).await.unwrap() else { panic!("not found") };
    assert_eq!(project.source_uri.as_deref(), Some("https://vimeo.com/1"));
    let none = lose("reset", "https://vimeo.com/2").await;
    assert_eq!(client.reconcile(&none).await.unwrap(), Reconciled::NotFound);
    let twice = lose("lost", "https://vimeo.com/1").await;
    assert!(matches!(client.reconcile(&twice).await.unwrap(), Reconciled::Ambiguous(both) if both.len() == 2));
    let post = client.create_post_task("P1", "CU1", "a", PostDetail::new("t"));
    sandbox.fault("create_post_task#1=lost").unwrap();
    let error = post.await.unwrap_err();
    assert!(client.reconcile(error.attempted().unwrap()).await.unwrap_err().is_invalid_input());
}

#[tokio::test]
async fn a_project_is_found_on_a_later_page_and_in_every_envelope() {
    let sandbox = busy().await;
    let client = sandbox.client_builder().with_retry(RetryPolicy::never()).build().unwrap();
    sandbox.fault("create_project#1=lost").unwrap();
    let reference = client.new_reference();
    let error = client.create_project("https://vimeo.com/1").with_reference(&reference).await.unwrap_err();
    for number in 0..250 {
        client.create_project(format!("https://vimeo.com/other{number}")).await.unwrap();
    }
    for shape in ["bare", "data", "data-list", "list"] {
        for change in [format!("list_projects=envelope:{shape}"), format!("list_projects=envelope:{shape},snake-case")] {
            sandbox.fault(&change).unwrap();
            let found = client.reconcile(error.attempted().unwrap()).await.unwrap();
            assert!(matches!(found, Reconciled::Found(_)), "{change}: {found:?}");
            sandbox.clear_faults();
        }
    }
    assert_eq!(sandbox.count("list_projects"), 8 * 3);
    sandbox.fault("list_projects#2=status:500").unwrap();
    let broken = client.reconcile(error.attempted().unwrap()).await.unwrap_err();
    assert_eq!((broken.status(), broken.operation()), (Some(500), Some("list_projects")), "half a list is no answer");
}

/// A lost reply of a service whose list has these rows, given out in pages of this size whatever was asked for; a page of 0 gives all
/// of them every time. What was found, and how many requests it took.
async fn looked_up(rows: Vec<Value>, page: usize, project: ResponseTemplate) -> (Result<Reconciled, opusclip::Error>, usize) {
    let server = MockServer::start().await;
    let list = move |request: &wiremock::Request| {
        let number = request.url.query_pairs().find(|(name, _)| name == "page").map_or(0, |(_, number)| number.parse::<usize>().unwrap());
        let shown = if page == 0 { &rows[..] } else { rows.chunks(page).nth(number).unwrap_or_default() };
        ResponseTemplate::new(200).set_body_json(json!({"list": shown}))
    };
    let method = wiremock::matchers::method;
    Mock::given(method("GET")).and(wiremock::matchers::path("/api/clip-projects")).respond_with(list).mount(&server).await;
    Mock::given(method("GET")).respond_with(project).mount(&server).await;
    Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(500)).mount(&server).await;
    let client = builder(&server).with_clock(FakeClock::new()).build().unwrap();
    let error = client.create_project(VIDEO).await.unwrap_err();
    (client.reconcile(error.attempted().unwrap()).await, requests(&server).await.len() - 1)
}

fn others(count: usize) -> Vec<Value> {
    (0..count).map(|number| json!({"id": format!("P{number}"), "sourceId": "YT_other"})).collect()
}

fn found() -> ResponseTemplate {
    ResponseTemplate::new(200)
        .set_body_json(json!({"id": "P1", "sourceId": "YT_LXvv6CbGg8A", "sourceUri": null, "createdAt": "2026-06-01T00:00:01.000Z"}))
}

#[tokio::test]
async fn only_a_list_that_was_read_to_its_end_says_that_there_is_none() {
    let none = || ResponseTemplate::new(404);
    let unsure = Reconciled::Ambiguous(Vec::new());
    for (rows, page, expected, took) in [
        (0, 100, &Reconciled::NotFound, 1),
        (60, 100, &Reconciled::NotFound, 2),
        (60, 0, &Reconciled::NotFound, 2),
        // As many as were asked for, and the same again: what else there is, is not known.
        (100, 0, &unsure, 2),
        (1000, 100, &unsure, 10),
    ] {
        let (verdict, requests) = looked_up(others(rows), page, none()).await;
        assert_eq!((verdict.as_ref().unwrap(), requests), (expected, took), "{rows} {page}");
    }
    let mut rows = others(60);
    rows.push(json!({"id": "P1", "sourceId": "YT_LXvv6CbGg8A", "createdAt": "2026-06-01T00:00:01.000Z"}));
    let (verdict, _) = looked_up(rows.clone(), 20, found()).await;
    assert!(matches!(verdict.unwrap(), Reconciled::Found(_)), "a short page is not the last");
    rows[3] = json!({"stage": "QUEUED"});
    let error = looked_up(rows, 100, found()).await.0.unwrap_err();
    assert!(error.is_decode() && error.to_string().contains("no id"), "{error}");
}

#[tokio::test]
async fn a_list_that_shows_no_source_is_settled_by_the_project() {
    let rows = || vec![json!({"project_id": "P1", "created_at": "2026-06-01T00:00:01.000Z"})];
    let (verdict, requests) = looked_up(rows(), 100, found()).await;
    assert!(matches!(verdict.unwrap(), Reconciled::Found(project) if project.id.as_str() == "P1") && requests == 3);
    let other = ResponseTemplate::new(200).set_body_json(json!({"id": "P1", "sourceId": "YT_other"}));
    assert_eq!(looked_up(rows(), 100, other).await.0.unwrap(), Reconciled::NotFound);
    for unsure in [ResponseTemplate::new(404), ResponseTemplate::new(200).set_body_json(json!({"id": "P1"}))] {
        let (verdict, _) = looked_up(rows(), 100, unsure).await;
        assert!(matches!(verdict.unwrap(), Reconciled::Ambiguous(all) if all[0].id.as_str() == "P1"), "listed, and not ruled out");
    }
}

#[tokio::test]
async fn a_title_that_is_used_again_leads_to_the_new_project() {
    let sandbox = busy().await;
    let client = sandbox.client_builder().with_retry(RetryPolicy::never()).build().unwrap();
    let old = client.create_project(VIDEO).with_reference(&client.new_reference()).await.unwrap();
    let title = old.source_info.unwrap().title.unwrap();
    for (fault, effect) in [("lost", true), ("reset", false)] {
        sandbox.fault(&format!("create_project#1={fault}")).unwrap();
        let again = UploadedVideoAttributes::new().with_title(&title);
        let call = client.create_project(VIDEO).with_uploaded_video_attr(again).with_reference(&client.new_reference());
        let found = client.reconcile(call.await.unwrap_err().attempted().unwrap()).await.unwrap();
        assert_eq!(matches!(&found, Reconciled::Found(project) if project.id != old.id), effect, "{fault}: {found:?}");
        assert_eq!(found == Reconciled::NotFound, !effect, "{fault}: {found:?}");
    }
}

#[tokio::test]
async fn the_time_of_an_attempt_is_when_it_began() {
    let server = MockServer::start().await;
    let later = ResponseTemplate::new(429).insert_header("retry-after", "20");
    Mock::given(wiremock::matchers::any()).respond_with(later).up_to_n_times(2).mount(&server).await;
    Mock::given(wiremock::matchers::any()).respond_with(ResponseTemplate::new(504)).mount(&server).await;
    let error = builder(&server).with_clock(FakeClock::new()).build().unwrap().create_project(VIDEO).await.unwrap_err();
    assert_eq!((error.attempts(), error.attempted().unwrap().since().as_str()), (3, "2026-06-01T00:00:00.000Z"));
}
