//! What may cost money: looked at before it is sent, never repeated in doubt, and to be found again.

use opusclip::types::{ConclusionAction, CurationPreferences, CurationRange, DurationRange, PostDetail, UploadedVideoAttributes};
use serde_json::Value;
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
    let error = call.await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error}");
    let attempted = error.attempted().unwrap();
    assert_eq!((attempted.operation(), attempted.since().as_str()), ("create_project", "2026-06-01T00:00:00.000Z"));
    let title = format!("Interview of 12 May [{reference}]");
    assert_eq!(attempted.asked("uploadedVideoAttr.title"), Some(title.as_str()), "in whichever order the options were set");
    assert_eq!(attempted.reference(), Some(reference));
    assert!(attempted.asked("videoUrl").unwrap().ends_with("hunter2"));
    assert!(!format!("{error} {error:?} {error:#?} {attempted}").contains("hunter2"));
    let body: Value = requests(&server).await[0].body_json().unwrap();
    assert_eq!(body["uploadedVideoAttr"]["title"], title.as_str());

    let post = client.create_post_task("P1", "CU1", "acc1", PostDetail::new("A title")).await.unwrap_err();
    let asked = ["projectId", "clipId", "postAccountId", "postDetail.title"].map(|path| post.attempted().unwrap().asked(path));
    assert_eq!(asked, ["P1", "CU1", "acc1", "A title"].map(Some));
    assert!(client.get_project("P1").await.unwrap_err().attempted().is_none(), "a call that can be repeated leaves no doubt");
}

#[tokio::test]
async fn a_refusal_leaves_no_doubt() {
    for status in [400, 401, 402, 403, 422, 429] {
        let server = answering(status).await;
        let error = client(&server).create_project(VIDEO).await.unwrap_err();
        assert!(!error.is_outcome_unknown() && error.attempted().is_none(), "{status}: {error}");
    }
}
