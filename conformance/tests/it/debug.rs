//! What values show of themselves to a developer: enough to know them by, and no key.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use opusclip_conformance::options::Options;
use opusclip_conformance::record::{RecordOptions, Recorder};
use opusclip_conformance::{command, live};

use crate::toy::{root, spec};
use opusclip_conformance::spec::Spec;

const KEY: &str = "sk-test-debug-0123456789";

#[tokio::test]
async fn no_value_shows_a_key() {
    let options = Options { secrets: vec![KEY.into()], ..Options::default() };
    let program = command::Settings { limit: Duration::from_secs(2), key: KEY.into(), jobs: 3 };
    let asked =
        live::Settings { to: "https://api.example".into(), key: KEY.into(), set: BTreeMap::from([("id".into(), KEY.into())]), budget: 4 };
    let folder = tempfile::tempdir().unwrap();
    let record = RecordOptions::new("https://api.example", "a test", folder.path(), Arc::new(|| SystemTime::UNIX_EPOCH));
    let recorded = format!("{record:?}").replace(&format!("{:?}", folder.path()), "FOLDER");
    let read = Arc::new(Spec::load(&root().join("openapi.yaml")).unwrap());
    let recorder = Recorder::start(read, record).await.unwrap();
    let port = recorder.url().rsplit(':').next().unwrap().to_owned();
    let all = [
        format!("{options:?}"),
        format!("{program:?}"),
        format!("{asked:?}"),
        recorded,
        format!("{recorder:?}").replace(&port, "PORT"),
        format!("{:?}", spec()),
    ]
    .join("\n");
    assert!(!all.contains(KEY), "{all}");
    insta::assert_snapshot!(all);
}

#[test]
fn of_a_secret_within_a_secret_nothing_is_left() {
    let options = Options { secrets: vec!["sk".into(), String::new(), "sk-test".into(), KEY.into()], ..Options::default() };
    assert_eq!(options.redact(&format!("{KEY} sk-test sk ok")), "<secret> <secret> <secret> ok");
}
