//! A session of the typed client, recorded from a sandbox through the harness's proxy, replays through the same client.

#[allow(dead_code, reason = "the waivers are for those who judge the whole")]
#[path = "../conformance/adapter.rs"]
mod adapter;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opusclip::types::ProjectId;
use opusclip::{Client, ClipSource};
use opusclip_conformance::lint::lint;
use opusclip_conformance::options::Options;
use opusclip_conformance::record::{Event, RecordOptions, Recorder};
use opusclip_conformance::run::execute;
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Suite;
use opusclip_sandbox::Sandbox;

#[tokio::test]
async fn a_session_recorded_from_a_sandbox_replays() {
    let sandbox = Sandbox::builder().start().await.unwrap();
    // What is recorded has to be there: made beside the recording, which lets nothing through that is billed.
    let project = sandbox.client().create_project("https://youtu.be/LXvv6CbGg8A").await.unwrap().id;
    sandbox.advance(Duration::from_secs(3_600));

    let (file, fixtures, _) = adapter::paths();
    let spec = Arc::new(Spec::load(file).unwrap());
    let known = Suite::load(fixtures).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(|| SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600));
    let options = RecordOptions::new(sandbox.url(), "the sandbox of this repository", folder.path(), clock).with_types_of(&known);
    let recorder = Recorder::start(Arc::clone(&spec), options).await.unwrap();

    let client = Client::builder(adapter::KEY).with_base_url(recorder.url()).build().unwrap();
    let clips = client.list_clips(ClipSource::Project(project.clone())).await.unwrap();
    assert!(!clips.is_empty());
    client.get_project(&project).await.unwrap();
    client.list_brand_templates().await.unwrap();
    assert!(client.get_project(ProjectId::from("Pnone")).await.unwrap_err().is_not_found());
    let error = client.create_project("https://youtu.be/LXvv6CbGg8A").await.unwrap_err();
    assert_eq!(error.status(), Some(403), "a billed call goes through a recording: {error}");

    let events = recorder.stop();
    let written = events.iter().filter(|event| matches!(event, Event::Written { .. })).count();
    assert_eq!((written, events.len()), (4, 5), "{events:#?}");
    let suite = Suite::load(folder.path()).unwrap();
    assert_eq!(lint(&spec, &suite), []);
    let texts: String = suite.cases.iter().map(|case| case.source.to_string()).collect();
    for secret in [project.as_str(), clips[0].id.as_str(), adapter::KEY, "X-Goog", clips[0].title.as_deref().unwrap()] {
        assert!(!texts.contains(secret), "{secret} is in a fixture");
    }
    let options = Options { filter: Some(String::new()), ..adapter::options() };
    let (results, beyond) = execute(&spec, &suite, &adapter::Typed::new(), &options).await;
    let findings: Vec<String> = results.iter().flat_map(|result| &result.findings).chain(&beyond).map(ToString::to_string).collect();
    assert_eq!(findings, Vec::<String>::new());
    let ids: BTreeSet<&str> = suite.ids().collect();
    assert!(ids.contains("projects/get_project/recorded-404") && ids.len() == 4, "{ids:?}");
}
