//! What a service shows today, asked of sandboxes that show one thing or the other.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opusclip_conformance::live::{Live, Settings, compare, load_questions};
use opusclip_conformance::spec::Spec;
use opusclip_sandbox::Sandbox;

const KEY: &str = "sk-test-live-0123456789";

async fn sandbox(faults: &[&str]) -> (Sandbox, String) {
    let sandbox = Sandbox::builder().start().await.unwrap();
    let project = sandbox.client().create_project("https://youtu.be/LXvv6CbGg8A").await.unwrap().id;
    sandbox.advance(Duration::from_secs(3_600));
    for fault in faults {
        sandbox.fault(fault).unwrap();
    }
    (sandbox, project.to_string())
}

async fn ask(url: &str, project: Option<String>, budget: usize) -> (Live, usize) {
    let spec = Spec::load(Path::new("openapi.yaml")).unwrap();
    let questions = load_questions(Path::new("upstream/questions.yaml"), &spec).unwrap();
    let set: BTreeMap<String, String> = project.into_iter().map(|project| ("projectId".to_owned(), project)).collect();
    let settings = Settings { to: url.to_owned(), key: KEY.to_owned(), set, budget };
    let pauses = AtomicUsize::new(0);
    let pace = async || {
        pauses.fetch_add(1, Ordering::Relaxed);
    };
    let live = compare(&spec, &questions, &settings, pace).await.unwrap();
    (live, pauses.into_inner())
}

fn shown<'a>(live: &'a Live, fact: &str, operation: &str) -> Vec<&'a str> {
    let rows = live.rows.iter().filter(|row| row.fact == fact && row.operation == operation);
    rows.flat_map(|row| row.shown.iter().map(String::as_str)).collect()
}

#[tokio::test]
async fn a_service_as_expected_shows_nothing_else() {
    let (sandbox, project) = sandbox(&[]).await;
    let before = sandbox.journal().len();
    let (live, pauses) = ask(sandbox.url(), Some(project.clone()), 20).await;
    assert!(!live.is_other(), "{}", live.to_text());
    assert_eq!((live.calls, pauses), (4, 3), "one call for each operation, with a pause between two");
    assert_eq!(shown(&live, "C1", "list_clips"), ["a bare list"]);
    assert_eq!(shown(&live, "C25", "list_clips"), ["a link"]);
    let requests = sandbox.journal();
    assert_eq!(requests.len() - before, 4);
    assert!(requests[before..].iter().all(|entry| entry.method == "GET"));
    for text in [live.to_text(), live.to_markdown(), live.to_json()] {
        assert!(!text.contains(&project) && !text.contains(KEY), "{text}");
    }
}

#[tokio::test]
async fn a_service_that_does_otherwise_is_told_by_the_number_of_the_fact() {
    let (sandbox, project) =
        sandbox(&["list_clips=envelope:data", "list_brand_templates=envelope:data", "list_collections=envelope:bare"]).await;
    let (live, _) = ask(sandbox.url(), Some(project), 20).await;
    assert!(live.is_other());
    assert_eq!(shown(&live, "C1", "list_clips"), ["the list under data"]);
    assert_eq!(shown(&live, "C16", "list_brand_templates"), ["under data", "templateId"], "the envelope, and what is in it");
    assert_eq!(shown(&live, "C19", "list_collections"), ["a bare list"]);
    let text = live.to_text();
    assert!(text.contains("C1    OTHER        In which envelope does the list of clips come? (list_clips)"), "{text}");
    assert!(
        live.to_markdown()
            .contains("| C1 | In which envelope does the list of clips come? | `list_clips` | the list under data | **no** |")
    );
}

#[tokio::test]
async fn missing_links_are_seen() {
    let (sandbox, project) = sandbox(&["list_clips=no-export-links"]).await;
    let (live, _) = ask(sandbox.url(), Some(project), 20).await;
    assert_eq!(shown(&live, "C25", "list_clips"), ["left out"]);
}

#[tokio::test]
async fn an_envelope_hides_no_answer_and_is_none() {
    for envelope in ["data", "data-list", "list"] {
        let (sandbox, project) = sandbox(&[&format!("list_clips=envelope:{envelope}")]).await;
        let (live, _) = ask(sandbox.url(), Some(project), 20).await;
        assert_eq!(shown(&live, "C25", "list_clips"), ["a link"], "{envelope}: {}", live.to_text());
        assert_eq!(shown(&live, "C41", "list_clips"), ["durationMs"], "{envelope}");
    }
}

#[tokio::test]
async fn what_cannot_be_seen_says_why() {
    let (sandbox, project) = sandbox(&["list_brand_templates=status:429"]).await;
    let (live, _) = ask(sandbox.url(), None, 20).await;
    let why = |fact: &str| live.rows.iter().find(|row| row.fact == fact).and_then(|row| row.unseen.clone()).unwrap();
    assert_eq!(why("C1"), "not asked: set `projectId` to one of your account");
    assert_eq!(why("C16"), "the service answers 429");
    assert!(!live.is_other(), "what is unseen is not otherwise");
    let (live, _) = ask(sandbox.url(), Some(project), 1).await;
    assert_eq!(live.calls, 1);
    assert!(live.to_text().contains("the budget of 1 call(s) is spent"), "{}", live.to_text());
}
