//! Processes that are killed in the middle of an upload, and what is left of it.

use std::process::{Command, Stdio};
use std::time::Duration;

use opusclip::{Client, ResumeStore};
use opusclip_sandbox::Sandbox;

const QUANTUM: u64 = 256 << 10;
const SIZE: u64 = 24 * QUANTUM + 5;

/// The process that is killed: this test program, told by its environment what to do.
#[test]
fn the_process_that_uploads() {
    let Ok(folder) = std::env::var("OPUSCLIP_TEST_UPLOAD") else { return };
    let folder = std::path::PathBuf::from(folder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let id = runtime.block_on(async {
        let client = Client::from_env().unwrap();
        let store = ResumeStore::open(folder.join("store")).unwrap();
        client.upload(folder.join("talk.mp4")).with_store(&store).await.unwrap().upload_id
    });
    std::fs::write(folder.join("done"), id.as_str()).unwrap();
}

/// A few times here; as often as `OPUSCLIP_KILLS` says in CI.
#[tokio::test]
async fn killed_at_any_moment_an_upload_goes_on() {
    let kills: u64 = std::env::var("OPUSCLIP_KILLS").map_or(4, |kills| kills.parse().unwrap());
    let sandbox = Sandbox::builder().without_rate_limits().start().await.unwrap();
    // About as long as the process takes to come that far.
    sandbox.fault("send_upload_bytes=slow:40000000").unwrap();
    let mut random = fastrand::Rng::with_seed(50);
    let mut killed = 0;
    while killed < kills {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = vec![0; usize::try_from(SIZE).unwrap()];
        random.fill(&mut bytes);
        std::fs::write(folder.path().join("talk.mp4"), &bytes).unwrap();
        let mut here = 0;
        let before = sandbox.count("start_upload_session");
        loop {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "kill::the_process_that_uploads", "--test-threads=1"])
                .env("OPUSCLIP_TEST_UPLOAD", folder.path())
                // Where its locks are, which it leaves.
                .env("TMPDIR", folder.path())
                .env("OPUSCLIP_BASE_URL", sandbox.url())
                .env("OPUSCLIP_API_KEY", "sk-test_0123456789abcdef")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let moment = Duration::from_micros(random.u64(..350_000));
            let ended = tokio::task::spawn_blocking(move || {
                let step = Duration::from_millis(2);
                let mut waited = Duration::ZERO;
                while waited < moment {
                    if let Some(status) = child.try_wait().unwrap() {
                        return Some(status);
                    }
                    std::thread::sleep(step);
                    waited += step;
                }
                child.kill().unwrap();
                child.wait().unwrap();
                None
            });
            match ended.await.unwrap() {
                Some(status) => {
                    assert!(status.success());
                    break;
                }
                None => here += 1,
            }
        }
        let id = std::fs::read_to_string(folder.path().join("done")).unwrap();
        let object = sandbox.upload(&id.into()).unwrap();
        assert_eq!((object.size, object.crc32c), (SIZE, crc32c::crc32c(&bytes)));
        assert!(object.received <= SIZE + here * QUANTUM, "{} bytes for {SIZE} after {here} kills", object.received);
        let sessions = sandbox.count("start_upload_session") - before;
        assert!((1..=here + 1).contains(&sessions), "a session is only lost where the kill came before it was written down");
        assert!(std::fs::read_dir(folder.path().join("store")).unwrap().next().is_none(), "nothing is kept of a complete upload");
        killed += here;
    }
}
