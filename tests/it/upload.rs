use std::future::IntoFuture;
use std::io::Cursor;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use opusclip::{Client, Error, ResumeStore, ResumeToken, UploadPhase, UploadSource, Uploaded, Verification};
use opusclip_sandbox::{Sandbox, SandboxBuilder, StoredObject};

use crate::support::together;

const QUANTUM: u64 = 256 << 10;

/// Three quanta and a bit.
const SIZE: u64 = 3 * QUANTUM + 3;

/// Long enough for anything on loopback, short enough for a test.
const STALL: Duration = Duration::from_millis(60);

fn video(size: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(size).unwrap()];
    fastrand::Rng::with_seed(size).fill(&mut bytes);
    bytes
}

fn sandbox() -> SandboxBuilder {
    Sandbox::builder().without_rate_limits()
}

/// Waits until a request has stalled, of those that are not among the first `before` ones.
async fn stalled(sandbox: &Sandbox, before: usize) {
    let seen = async {
        while !sandbox.journal()[before..].iter().any(|entry| entry.note.is_some()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), seen).await.expect("a stalled request");
}

/// A folder with a video in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(bytes: &[u8]) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        std::fs::write(folder.video(), bytes).unwrap();
        folder
    }

    fn video(&self) -> PathBuf {
        self.0.path().join("talk.mp4")
    }

    fn store(&self) -> ResumeStore {
        ResumeStore::open(self.0.path().join("store")).unwrap()
    }

    fn kept(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.0.path().join("store")).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
    }
}

/// The stored object, which has to be what was read.
fn whole(sandbox: &Sandbox, uploaded: &Uploaded, bytes: &[u8]) -> StoredObject {
    let object = sandbox.upload(&uploaded.upload_id).expect("an object at the storage");
    let crc32c = crc32c::crc32c(bytes);
    assert_eq!((object.size, object.crc32c), (bytes.len() as u64, crc32c));
    assert_eq!((uploaded.size, uploaded.crc32c), (bytes.len() as u64, crc32c));
    object
}

#[tokio::test]
async fn every_kind_of_source_arrives_whole() {
    let (sandbox, client) = together(sandbox()).await;
    for size in [0, 1, QUANTUM, SIZE, 9 << 20] {
        let bytes = video(size);
        let folder = Folder::new(&bytes);
        let sources: [UploadSource; 5] = [
            folder.video().into(),
            bytes.clone().into(),
            UploadSource::seekable(Cursor::new(bytes.clone())),
            UploadSource::async_seekable(Cursor::new(bytes.clone())),
            UploadSource::stream(Cursor::new(bytes.clone()), size),
        ];
        for source in sources {
            let told = format!("{source:?}");
            let uploaded = client.upload(source).await.unwrap_or_else(|error| panic!("{told}: {error}"));
            let object = whole(&sandbox, &uploaded, &bytes);
            assert_eq!((object.received, uploaded.sent, uploaded.restarts), (size, size, 0), "{told}");
            assert_eq!(uploaded.verification, Verification::Crc32c);
        }
    }
    for entry in sandbox.journal() {
        assert!(entry.violations.is_empty(), "{entry:?}");
    }
}

#[tokio::test]
async fn chunks_are_whole_quanta_and_each_is_sent_once() {
    let (sandbox, client) = together(sandbox()).await;
    let bytes = video(SIZE);
    for (chunk, requests) in [(1, 4), (QUANTUM + 1, 2), (u64::MAX, 1)] {
        let before = sandbox.count("send_upload_bytes");
        let uploaded = client.upload(bytes.clone()).with_chunk_size(chunk).await.unwrap();
        assert_eq!(whole(&sandbox, &uploaded, &bytes).received, SIZE);
        assert_eq!(sandbox.count("send_upload_bytes") - before, requests, "{chunk}");
    }
}

/// What may go wrong anywhere: it costs nothing.
fn faults() -> Vec<String> {
    let mut actions: Vec<String> = [408, 429, 500, 502, 503, 504].map(|status| format!("status:{status}:html")).into();
    actions.extend(["reset", "lost", "header:retry-after:7,status:429", "status:503:empty"].map(str::to_owned));
    let operations = ["create_upload_link", "start_upload_session", "send_upload_bytes"];
    let mut faults: Vec<String> = operations.iter().flat_map(|id| actions.iter().map(move |action| format!("{id}#N={action}"))).collect();
    faults.extend(["no-header:location", "status:403", "status:400"].map(|action| format!("start_upload_session#N={action}")));
    faults.push("send_upload_bytes#N=no-header:x-goog-hash,no-header:x-goog-stored-content-length".to_owned());
    faults
}

/// What may go wrong at some place of the body, and how many bytes more than the file it may cost each time.
fn faults_at(place: u64) -> Vec<(String, u64)> {
    let mut faults: Vec<(String, u64)> =
        [408, 429, 500, 502, 503, 504].map(|status| (format!("status-at:{place}:{status}"), QUANTUM)).into();
    faults.push((format!("reset-at:{place}"), QUANTUM));
    faults.push((format!("stall-at:{place}"), QUANTUM));
    // Persisted less than was sent, down to nothing.
    faults.push((format!("forget:{place}"), place + QUANTUM));
    faults.push((format!("forget:{place},lost"), place + QUANTUM));
    faults.push((format!("forget:{place},no-header:range"), SIZE));
    faults.push((format!("forget:{place},header:range:bytes=1-2"), place + QUANTUM));
    // The session is gone, and everything of it, unless the answer is lost with the connection that it closes.
    faults.push((format!("status-at:{place}:404"), QUANTUM));
    faults.push((format!("status-at:{place}:410"), QUANTUM));
    // A success that is none.
    faults.push((format!("status-at:{place}:200"), QUANTUM));
    faults.into_iter().map(|(action, cost)| (format!("send_upload_bytes#N={action}"), cost)).collect()
}

/// Each fault at the first byte, in the middle and at the last one, once and twice in a row.
#[tokio::test]
async fn every_fault_is_survived_and_costs_no_more_than_it_has_to() {
    let anywhere = faults().into_iter().map(|fault| (fault, 0));
    let all: Vec<_> = anywhere.chain([0, SIZE / 2, SIZE - 1].into_iter().flat_map(faults_at)).collect();
    // Some at a time, for most of this is waiting for what stalls.
    join_all(all.chunks(all.len().div_ceil(4)).map(survive)).await;
}

async fn survive(faults: &[(String, u64)]) {
    let (sandbox, client) = together(sandbox()).await;
    let bytes = video(SIZE);
    for (fault, cost) in faults {
        for (times, strikes) in [("1", 1), ("1-2", 2)] {
            sandbox.clear_faults();
            let fault = fault.replace('N', times);
            sandbox.fault(&fault).unwrap();
            let uploaded = client.upload(bytes.clone()).with_stall_time(STALL).await;
            let uploaded = uploaded.unwrap_or_else(|error| panic!("{fault}: {error:#?}"));
            let object = whole(&sandbox, &uploaded, &bytes);
            assert!(object.received <= SIZE + strikes * cost, "{fault}: {} bytes for {SIZE}", object.received);
            assert_eq!(uploaded.verification, Verification::Crc32c, "{fault}");
            let is_lost = fault.contains(":404") || fault.contains(":410");
            assert!(u64::from(uploaded.restarts) <= if is_lost { strikes } else { 0 }, "{fault}");
        }
    }
}

/// Faults of the question that follows a broken request.
#[tokio::test]
async fn questions_may_fail_too() {
    let (sandbox, _) = together(sandbox()).await;
    let client = sandbox.client_builder().with_retry(opusclip::RetryPolicy::never()).with_timeout(STALL);
    let client = client.with_clock(crate::support::clock_of(&sandbox)).build().unwrap();
    let bytes = video(SIZE);
    let answers = ["status:500", "status:503:html", "status:429", "reset", "lost", "stall:0", "cut:0", "header:range:lines=3"];
    for action in answers {
        for times in ["2", "2-3"] {
            sandbox.clear_faults();
            let fault = format!("send_upload_bytes#{times}={action}");
            sandbox.fault(&format!("send_upload_bytes#1=reset-at:{}", SIZE / 2)).unwrap();
            sandbox.fault(&fault).unwrap();
            let uploaded = client.upload(bytes.clone()).with_stall_time(STALL).await.unwrap_or_else(|error| panic!("{fault}: {error:#?}"));
            let object = whole(&sandbox, &uploaded, &bytes);
            assert!(object.received <= SIZE + QUANTUM, "{fault}: {}", object.received);
        }
    }
    // A session that is lost, or cancelled, while nobody looks.
    for status in [404, 410, 499] {
        sandbox.clear_faults();
        sandbox.fault(&format!("send_upload_bytes#1=reset-at:{}", SIZE / 2)).unwrap();
        sandbox.fault(&format!("send_upload_bytes#2=status:{status}")).unwrap();
        let uploaded = client.upload(bytes.clone()).await.unwrap();
        whole(&sandbox, &uploaded, &bytes);
        assert_eq!(uploaded.restarts, 1);
    }
}

#[tokio::test]
async fn lies_are_found_out() {
    let (sandbox, client) = together(sandbox()).await;
    let bytes = video(SIZE);
    let wrong = ["header:x-goog-hash:crc32c=AAAAAA==", "header:x-goog-stored-content-length:5"];
    for lie in wrong {
        sandbox.clear_faults();
        sandbox.fault(&format!("send_upload_bytes#1={lie}")).unwrap();
        let upload = client.upload(bytes.clone());
        let uploaded = upload.await.unwrap();
        whole(&sandbox, &uploaded, &bytes);
        assert_eq!((uploaded.restarts, uploaded.sent), (1, 2 * SIZE), "{lie}");
        sandbox.clear_faults();
        sandbox.fault(&format!("send_upload_bytes={lie}")).unwrap();
        let error = client.upload(bytes.clone()).await.unwrap_err();
        assert!(error.is_corrupt() && !error.is_retryable(), "{lie}: {error}");
    }
    // Also where the final reply was lost, and the answer to the question has the lie.
    sandbox.clear_faults();
    sandbox.fault("send_upload_bytes#1=lost").unwrap();
    sandbox.fault(&format!("send_upload_bytes#2+={}", wrong[0])).unwrap();
    assert!(client.upload(bytes.clone()).await.unwrap_err().is_corrupt());
    // An offset that was never sent.
    for ahead in [SIZE, SIZE * 9] {
        sandbox.clear_faults();
        sandbox.fault("send_upload_bytes#1=reset").unwrap();
        sandbox.fault(&format!("send_upload_bytes#2=header:range:bytes=0-{ahead}")).unwrap();
        let error = client.upload(bytes.clone()).await.unwrap_err();
        assert!(error.is_decode() && error.resume_token().is_some(), "{error:#?}");
    }
    // MD5 alone is a proof as well; a wrong one is none.
    let md5 = |bytes: &[u8]| base64::Engine::encode(&base64::engine::general_purpose::STANDARD, <md5::Md5 as md5::Digest>::digest(bytes));
    sandbox.clear_faults();
    sandbox.fault(&format!("send_upload_bytes=header:x-goog-hash:md5={}", md5(&bytes))).unwrap();
    assert_eq!(client.upload(bytes.clone()).await.unwrap().verification, Verification::Md5);
    sandbox.clear_faults();
    sandbox.fault(&format!("send_upload_bytes=header:x-goog-hash:md5={}", md5(b"something else"))).unwrap();
    assert!(client.upload(bytes.clone()).await.unwrap_err().is_corrupt());
    // Nothing to compare with is told as such.
    sandbox.clear_faults();
    sandbox.fault("send_upload_bytes=no-header:x-goog-hash").unwrap();
    let before = sandbox.count("send_upload_bytes");
    assert_eq!(client.upload(bytes.clone()).await.unwrap().verification, Verification::Unverified);
    assert_eq!(sandbox.count("send_upload_bytes") - before, 4, "the storage is asked three times more");
    // A success that came before all was sent is not believed, however often it is said.
    sandbox.clear_faults();
    sandbox.fault("send_upload_bytes=status:200:empty").unwrap();
    let result = client.upload(video(64 << 20)).await;
    assert!(result.is_err_and(|error| error.is_corrupt()), "a 200 for nothing");
}

#[tokio::test]
async fn what_does_not_pass_is_an_error_with_a_token() {
    let (sandbox, client) = together(sandbox()).await;
    let bytes = video(SIZE);
    for fault in ["send_upload_bytes=status:403", "send_upload_bytes=status:412", "send_upload_bytes#2+=status:400"] {
        sandbox.clear_faults();
        sandbox.fault(&format!("send_upload_bytes#1=reset-at:{QUANTUM}")).unwrap();
        sandbox.fault(fault).unwrap();
        let error = client.upload(bytes.clone()).await.unwrap_err();
        assert!(error.status().is_some() && error.resume_token().is_some(), "{fault}: {error:#?}");
    }
    sandbox.clear_faults();
    sandbox.fault("send_upload_bytes=reset").unwrap();
    let error = client.upload(bytes.clone()).with_max_failures(3).await.unwrap_err();
    assert_eq!(error.attempts(), 4, "{error}");
    let token = error.resume_token().unwrap().clone();
    sandbox.clear_faults();
    let uploaded = client.resume(token, bytes.clone()).await.unwrap();
    assert_eq!(whole(&sandbox, &uploaded, &bytes).received, SIZE);
    for fault in ["create_upload_link=status:401", "create_upload_link=status:402", "create_upload_link=status:403:cap"] {
        sandbox.clear_faults();
        sandbox.fault(fault).unwrap();
        let before = sandbox.count("create_upload_link");
        let error = client.upload(bytes.clone()).await.unwrap_err();
        assert!(error.resume_token().is_none(), "{error}");
        assert_eq!(sandbox.count("create_upload_link") - before, 1, "{error}");
    }
    sandbox.clear_faults();
    sandbox.fault("start_upload_session=status:403").unwrap();
    let before = sandbox.count("create_upload_link");
    assert_eq!(client.upload(bytes.clone()).await.unwrap_err().status(), Some(403));
    assert_eq!(sandbox.count("create_upload_link") - before, 3, "three links, and no more");
}

#[tokio::test]
async fn the_budget_of_failures_is_renewed_by_progress() {
    let (sandbox, client) = together(sandbox()).await;
    let bytes = video(12 * QUANTUM);
    sandbox.fault(&format!("send_upload_bytes#1-22=reset-at:{QUANTUM}")).unwrap();
    // Every second request is a question.
    let uploaded = client.upload(bytes.clone()).with_max_failures(2).await.unwrap();
    let object = whole(&sandbox, &uploaded, &bytes);
    assert!(object.received <= bytes.len() as u64 + 11 * QUANTUM, "{}", object.received);
}

/// Runs an upload until so many bytes are at the storage, and drops it.
async fn interrupted(sandbox: &Sandbox, client: &Client, bytes: &[u8], at: u64) -> ResumeToken {
    sandbox.clear_faults();
    sandbox.fault(&format!("send_upload_bytes#1=reset-at:{at}")).unwrap();
    sandbox.fault("send_upload_bytes#2+=reset").unwrap();
    let error = client.upload(bytes.to_vec()).with_max_failures(1).await.unwrap_err();
    sandbox.clear_faults();
    error.resume_token().unwrap().clone()
}

#[tokio::test]
async fn a_token_goes_on_where_the_storage_is() {
    let (sandbox, client) = together(sandbox()).await;
    let bytes = video(SIZE);
    for at in [0, 1, QUANTUM - 1, QUANTUM, QUANTUM + 1, SIZE / 2, SIZE - 1, SIZE] {
        let token = interrupted(&sandbox, &client, &bytes, at).await;
        let text = serde_json::to_string(&token).unwrap();
        assert!(!format!("{token:?}").contains("upload_id=") && text.contains("upload_id="), "{token:?}");
        let token: ResumeToken = serde_json::from_str(&text).unwrap();
        let uploaded = client.resume(token.clone(), bytes.clone()).await.unwrap();
        assert_eq!(&uploaded.upload_id, token.upload_id());
        assert!(whole(&sandbox, &uploaded, &bytes).received <= SIZE + QUANTUM);
        // Once more: it is complete already, and verified again.
        let again = client.resume(token, bytes.clone()).await.unwrap();
        assert_eq!((again.upload_id, again.sent, again.verification), (uploaded.upload_id, 0, Verification::Crc32c));
    }
    // After the week of the session, nothing of it is left.
    let token = interrupted(&sandbox, &client, &bytes, SIZE / 2).await;
    sandbox.advance(Duration::from_secs(8 * 86_400));
    assert!(token.expires_at() < sandbox.now());
    let uploaded = client.resume(token, bytes.clone()).await.unwrap();
    whole(&sandbox, &uploaded, &bytes);
    assert_eq!(uploaded.restarts, 1);
    // A token of another time, and one of another version.
    let token = interrupted(&sandbox, &client, &bytes, SIZE / 2).await;
    let later = serde_json::to_string(&token).unwrap().replace("\"version\":1", "\"version\":2");
    let error = client.resume(serde_json::from_str(&later).unwrap(), bytes.clone()).await.unwrap_err();
    assert!(error.is_invalid_input() && error.to_string().contains("version 2"), "{error}");
    let mut other = bytes.clone();
    other[0] ^= 1;
    let before = sandbox.journal().len();
    for source in [other, bytes[1..].to_vec()] {
        let error = client.resume(token.clone(), source).await.unwrap_err();
        assert!(error.is_source_changed(), "{error}");
    }
    assert_eq!(sandbox.journal().len(), before, "nothing is sent of another source");
}

#[tokio::test]
async fn a_store_takes_up_what_was_left() {
    let (sandbox, client) = together(sandbox()).await;
    let bytes = video(SIZE);
    let folder = Folder::new(&bytes);
    let store = folder.store();
    sandbox.fault(&format!("send_upload_bytes#1=reset-at:{}", SIZE / 2)).unwrap();
    sandbox.fault("send_upload_bytes#2+=reset").unwrap();
    let error = client.upload(folder.video()).with_store(&store).with_max_failures(1).await.unwrap_err();
    let [kept] = &folder.kept()[..] else { panic!("one token") };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &PathBuf| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(kept), mode(&folder.0.path().join("store"))), (0o600, 0o700));
    }
    sandbox.clear_faults();
    let uploaded = client.upload(folder.video()).with_store(&store).await.unwrap();
    assert_eq!(&uploaded.upload_id, error.resume_token().unwrap().upload_id());
    assert!(whole(&sandbox, &uploaded, &bytes).received < SIZE + QUANTUM);
    assert!(folder.kept().is_empty() && std::fs::read_dir(folder.0.path().join("store")).unwrap().next().is_none());
    // What is damaged is not thrown away.
    let key = kept.clone();
    std::fs::write(&key, "{").unwrap();
    let error = client.upload(folder.video()).with_store(&store).await.unwrap_err();
    assert!(error.is_invalid_input() && error.to_string().contains("remove it"), "{error}");
    std::fs::remove_file(&key).unwrap();
    // A store that cannot be written is found out before anything is sent.
    std::fs::create_dir(&key).unwrap();
    let before = sandbox.count("send_upload_bytes");
    let error = client.upload(folder.video()).with_store(&store).await.unwrap_err();
    assert!(error.is_io(), "{error}");
    assert_eq!(sandbox.count("send_upload_bytes"), before);
}

#[tokio::test]
async fn two_at_one_upload_do_not_mix() {
    let (sandbox, client) = together(sandbox()).await;
    let bytes = video(SIZE);
    let token = interrupted(&sandbox, &client, &bytes, SIZE / 2).await;
    sandbox.fault("send_upload_bytes#2=stall-at:0").unwrap();
    let first = tokio::spawn(client.resume(token.clone(), bytes.clone()).with_stall_time(STALL).into_future());
    stalled(&sandbox, 0).await;
    let error = client.resume(token, bytes.clone()).await.unwrap_err();
    assert!(error.is_in_use(), "{error}");
    whole(&sandbox, &first.await.unwrap().unwrap(), &bytes);
    // The same for two that begin, with one store.
    let folder = Folder::new(&bytes);
    let store = folder.store();
    sandbox.clear_faults();
    sandbox.fault("send_upload_bytes#1=stall-at:0").unwrap();
    let before = sandbox.journal().len();
    let first = tokio::spawn(client.upload(folder.video()).with_store(&store).with_stall_time(STALL).into_future());
    stalled(&sandbox, before).await;
    let error = client.upload(folder.video()).with_store(&store).await.unwrap_err();
    assert!(error.is_in_use(), "{error}");
    whole(&sandbox, &first.await.unwrap().unwrap(), &bytes);
}

/// What happens to the file while its first half is at the storage.
#[tokio::test]
async fn a_source_that_changes_is_an_error() {
    let (sandbox, client) = together(sandbox()).await;
    let bytes = video(SIZE);
    type Change = fn(&PathBuf);
    let changes: [(&str, Change); 5] = [
        ("size was", |path| std::fs::File::options().write(true).open(path).unwrap().set_len(SIZE / 3).unwrap()),
        ("size was", |path| std::fs::File::options().write(true).open(path).unwrap().set_len(SIZE + 1).unwrap()),
        ("modified", |path| {
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }),
        ("another file", |path| {
            std::fs::write(path.with_extension("new"), video(SIZE)).unwrap();
            std::fs::rename(path.with_extension("new"), path).unwrap();
        }),
        ("gone", |path| std::fs::remove_file(path).unwrap()),
    ];
    for (says, change) in changes {
        for place in [QUANTUM, SIZE] {
            sandbox.clear_faults();
            let folder = Folder::new(&bytes);
            sandbox.fault(&format!("send_upload_bytes#1=stall-at:{place}")).unwrap();
            let before = sandbox.journal().len();
            let upload = tokio::spawn(client.upload(folder.video()).with_stall_time(STALL / 4).into_future());
            stalled(&sandbox, before).await;
            change(&folder.video());
            let error = upload.await.unwrap().unwrap_err();
            assert!(
                error.is_source_changed() && [says, "shorter"].iter().any(|says| error.to_string().contains(says)),
                "{says}: {error:#?}"
            );
        }
    }
}

/// A source that fails to read, or is shorter than it said.
struct Broken(Cursor<Vec<u8>>, u64);

impl std::io::Read for Broken {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0.position() > self.1 { Err(std::io::Error::other("the disk is on fire")) } else { self.0.read(buffer) }
    }
}

impl std::io::Seek for Broken {
    fn seek(&mut self, to: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(to)
    }
}

#[tokio::test]
async fn what_cannot_be_uploaded_is_said_before_anything_is_sent() {
    let (sandbox, client) = together(sandbox()).await;
    let folder = Folder::new(b"x");
    let missing = client.upload("/nonexistent/talk.mp4").await.unwrap_err();
    assert!(missing.is_io() && missing.to_string().contains("/nonexistent/talk.mp4"), "{missing}");
    let error = client.upload(folder.0.path()).await.unwrap_err();
    assert!(error.is_invalid_input() && error.to_string().contains("a folder"), "{error}");
    let error = client.upload(UploadSource::stream(Cursor::new(vec![0; 9]), 8)).await.unwrap_err();
    assert!(error.is_invalid_input() && error.to_string().contains("8 bytes"), "{error}");
    assert!(sandbox.journal().is_empty());
    let broken = Broken(Cursor::new(video(SIZE)), SIZE - QUANTUM / 2);
    let error = client.upload(UploadSource::seekable(broken)).await.unwrap_err();
    assert!(error.is_io() && error.to_string().contains("on fire"), "{error}");
}

#[tokio::test]
async fn progress_is_told_and_cancelling_leaves_nothing() {
    let (sandbox, client) = together(sandbox()).await;
    let bytes = video(SIZE);
    let upload = client.upload(bytes.clone());
    let progress = upload.progress();
    assert_eq!(progress.borrow().phase, UploadPhase::Opening);
    let token = || progress.borrow().token.clone();
    sandbox.fault(&format!("send_upload_bytes#1=reset-at:{}", SIZE / 2)).unwrap();
    upload.await.unwrap();
    let last = progress.borrow().clone();
    assert_eq!((last.phase, last.total, last.restarts), (UploadPhase::Done, SIZE, 0));
    assert_eq!(last.sent, SIZE);
    assert!(token().is_some());

    let folder = Folder::new(&bytes);
    let store = folder.store();
    for at in [0, SIZE / 2, SIZE] {
        sandbox.clear_faults();
        sandbox.fault(&format!("send_upload_bytes#1=stall-at:{at}")).unwrap();
        let before = sandbox.journal().len();
        let upload = client.upload(folder.video()).with_store(&store);
        let (progress, canceller) = (upload.progress(), upload.canceller());
        let upload = tokio::spawn(upload.into_future());
        stalled(&sandbox, before).await;
        canceller.cancel();
        let error = upload.await.unwrap().unwrap_err();
        assert!(error.is_cancelled() && !error.is_retryable(), "{error}");
        assert_eq!(sandbox.journal().last().unwrap().operation, "cancel_upload_session");
        assert!(folder.kept().is_empty());
        let session = progress.borrow().token.clone().unwrap();
        let uploaded = client.resume(session, bytes.clone()).await;
        // The same file is not the same source: it has no time of modification.
        assert!(uploaded.is_err_and(|error: Error| error.is_source_changed()));
    }
    let upload = client.upload(bytes);
    upload.canceller().cancel();
    assert!(upload.await.unwrap_err().is_cancelled());
}

/// Whoever wants no watchdog says so with the longest time there is.
#[tokio::test]
async fn a_stall_time_without_end_is_fine() {
    let (sandbox, client) = together(sandbox()).await;
    for size in [0, SIZE] {
        let uploaded = client.upload(video(size)).with_stall_time(Duration::MAX).await.unwrap();
        whole(&sandbox, &uploaded, &video(size));
    }
}

/// Cancelled after so many turns of the runtime, in the middle of whatever it is at.
#[tokio::test]
async fn cancelled_at_any_moment_it_ends_and_leaves_nothing() {
    let (sandbox, client) = together(sandbox()).await;
    let bytes = video(SIZE);
    let folder = Folder::new(&bytes);
    let store = folder.store();
    let (mut turns, mut cancelled, mut done) = (0, 0, 0);
    while done < 3 {
        sandbox.clear_faults();
        sandbox.fault(&format!("send_upload_bytes#1=reset-at:{}", SIZE / 2)).unwrap();
        let upload = client.upload(folder.video()).with_store(&store);
        let canceller = upload.canceller();
        let upload = tokio::spawn(upload.into_future());
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        canceller.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(20), upload).await.expect("it ends").unwrap();
        match ended {
            Ok(uploaded) => {
                whole(&sandbox, &uploaded, &bytes);
                done += 1;
            }
            Err(error) => {
                assert!(error.is_cancelled(), "{turns}: {error:#?}");
                cancelled += 1;
            }
        }
        assert!(folder.kept().is_empty(), "{turns}");
        turns += 1 + turns / 8;
    }
    assert!(cancelled > 0);
}
