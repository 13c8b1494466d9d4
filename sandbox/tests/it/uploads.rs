use std::time::Duration;

use opusclip::types::UploadVideo;
use opusclip::{ContentRange, UploadSession, UploadStatus};
use opusclip_sandbox::Sandbox;

use crate::support::{http, once, still, upload};

async fn session(sandbox: &Sandbox) -> (opusclip::types::UploadId, UploadSession) {
    let client = once(sandbox);
    let link = client.create_upload_link().with_video(UploadVideo::new("LocalUpload")).await.unwrap();
    (link.upload_id, client.start_upload_session(&link.url).await.unwrap())
}

fn file(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n % 253).unwrap()).collect()
}

async fn offset(sandbox: &Sandbox, session: &UploadSession, total: u64) -> u64 {
    match once(sandbox).query_upload_offset(session, Some(total)).await.unwrap() {
        UploadStatus::Incomplete { persisted, .. } => persisted,
        complete => panic!("{complete:?}"),
    }
}

#[tokio::test]
async fn a_project_needs_a_finished_upload_of_its_own_link() {
    let sandbox = still().start().await.unwrap();
    let client = once(&sandbox);
    let (unfinished, _) = session(&sandbox).await;
    let error = client.create_project(unfinished.as_str()).await.unwrap_err();
    assert_eq!(error.status(), Some(422));
    assert!(error.message().unwrap().contains("not complete"), "{error}");
    let finished = upload(&client, file(1000)).await;
    client.create_project(finished.as_str()).await.unwrap();
    let object = sandbox.upload(&finished).unwrap();
    assert_eq!((object.size, object.crc32c, object.received), (1000, crc32c::crc32c(&file(1000)), 1000));
    assert_eq!(sandbox.upload(&unfinished), None);
}

#[tokio::test]
async fn a_broken_upload_goes_on_where_the_storage_says() {
    let sandbox = still().start().await.unwrap();
    let client = once(&sandbox);
    let bytes = file(1_000_000);
    for fault in ["reset-at:300000", "status-at:300000:503", "cut:0", "forget:700000"] {
        let (id, session) = session(&sandbox).await;
        sandbox.clear_faults();
        sandbox.fault(&format!("send_upload_bytes#1={fault}")).unwrap();
        let first = client.send_upload_bytes(&session, bytes.clone(), Some(ContentRange::new(0, 1_000_000).of(1_000_000))).await;
        assert!(!matches!(first, Ok(UploadStatus::Complete { .. })) || fault == "cut:0", "{fault}: {first:?}");
        let answer = client.query_upload_offset(&session, Some(1_000_000)).await.unwrap();
        if let UploadStatus::Incomplete { persisted, .. } = answer {
            assert!(persisted % (256 << 10) == 0 && persisted <= 786_432, "{fault}: {persisted}");
            let from = usize::try_from(persisted).unwrap();
            let range = ContentRange::new(persisted, 1_000_000 - persisted).of(1_000_000);
            let done = client.send_upload_bytes(&session, bytes[from..].to_vec(), Some(range)).await.unwrap();
            assert!(matches!(done, UploadStatus::Complete { .. }), "{fault}: {done:?}");
        }
        assert_eq!(sandbox.upload(&id).unwrap().crc32c, crc32c::crc32c(&bytes), "{fault}");
    }
}

#[tokio::test]
async fn a_lost_final_reply_is_found_by_asking() {
    let sandbox = still().start().await.unwrap();
    let client = once(&sandbox);
    let (id, session) = session(&sandbox).await;
    sandbox.fault("send_upload_bytes#1=lost").unwrap();
    assert!(client.send_upload_bytes(&session, file(5000), None).await.is_err());
    assert_eq!(sandbox.upload(&id).unwrap().size, 5000);
    assert!(matches!(client.query_upload_offset(&session, Some(5000)).await.unwrap(), UploadStatus::Complete { .. }));
}

#[tokio::test]
async fn hashes_can_lie_and_headers_can_go() {
    let sandbox = still().start().await.unwrap();
    let client = once(&sandbox);
    sandbox.fault("send_upload_bytes#1=header:x-goog-hash:crc32c=AAAAAA==").unwrap();
    let (_, first) = session(&sandbox).await;
    let UploadStatus::Complete { crc32c, .. } = client.send_upload_bytes(&first, file(10), None).await.unwrap() else { panic!() };
    assert_eq!(crc32c, Some(0));
    sandbox.clear_faults();
    sandbox.fault("send_upload_bytes=no-header:x-goog-hash,no-header:x-goog-stored-content-length").unwrap();
    let (_, second) = session(&sandbox).await;
    let UploadStatus::Complete { crc32c, .. } = client.send_upload_bytes(&second, file(10), None).await.unwrap() else { panic!() };
    assert_eq!(crc32c, None);
    sandbox.clear_faults();
    sandbox.fault("send_upload_bytes=no-header:range").unwrap();
    let (_, third) = session(&sandbox).await;
    let part = ContentRange::new(0, 262_144).of(300_000);
    let answer = client.send_upload_bytes(&third, file(262_144), Some(part)).await.unwrap();
    assert!(matches!(answer, UploadStatus::Incomplete { persisted: 0, .. }), "{answer:?}");
    assert_eq!(sandbox.count("send_upload_bytes"), 3);
    assert_eq!(offset(&sandbox, &third, 300_000).await, 0, "the fault hides the range from the question too");
}

#[tokio::test]
async fn links_and_sessions_end() {
    let sandbox = still().start().await.unwrap();
    let client = once(&sandbox);
    let link = client.create_upload_link().with_video(UploadVideo::new("LocalUpload")).await.unwrap();
    let forged = link.url.replace("X-Goog-Signature=", "X-Goog-Signature=0");
    assert_eq!(client.start_upload_session(&forged).await.unwrap_err().status(), Some(403));
    let session = client.start_upload_session(&link.url).await.unwrap();
    sandbox.advance(Duration::from_secs(86_400));
    let expired = client.start_upload_session(&link.url).await.unwrap_err();
    assert_eq!((expired.status(), expired.code()), (Some(400), Some("ExpiredToken")));
    sandbox.advance(Duration::from_secs(6 * 86_400));
    assert_eq!(client.query_upload_offset(&session, None).await.unwrap_err().status(), Some(410));
    let unknown = client.open_upload_session(&session.expose_uri().replace("AAkI", "AAkJ")).unwrap();
    assert_eq!(client.query_upload_offset(&unknown, None).await.unwrap_err().status(), Some(404));
}

#[tokio::test]
async fn the_storage_takes_no_key_and_no_unlawful_part() {
    let sandbox = still().start().await.unwrap();
    let (_, session) = session(&sandbox).await;
    let put = |headers: Vec<(&'static str, &'static str)>, body: &'static str| {
        let (sandbox, uri) = (&sandbox, session.expose_uri());
        async move { http(sandbox, "PUT", uri, &headers, body).await }
    };
    let with_key = put(vec![("authorization", "Bearer sk-sandbox")], "x").await;
    assert_eq!(with_key.status(), 400);
    assert!(with_key.headers()["x-sandbox-violation"].to_str().unwrap().contains("authorization"));
    assert!(with_key.text().await.unwrap().contains("The API key does not belong here"));
    for range in ["bytes 0-0/5", "bytes 0-1/1", "bytes=0-0/1", "bytes 0-1/2"] {
        assert_eq!(put(vec![("content-range", range)], "x").await.status(), 400, "{range}");
    }
    assert_eq!(put(vec![("content-range", "bytes 262144-262144/262145")], "x").await.status(), 503, "a gap");
    // Other types than the documented one have been taken (client-16).
    assert_eq!(put(vec![("content-type", "video/mp4")], "x").await.status(), 200);
    assert_eq!(http(&sandbox, "GET", session.expose_uri(), &[], "").await.status(), 405);
}

#[tokio::test]
async fn uploads_are_kept_where_that_is_asked_for_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    let sandbox = still().with_kept_uploads(&kept).start().await.unwrap();
    let client = once(&sandbox);
    let id = upload(&client, file(300_000)).await;
    assert_eq!(std::fs::read(kept.join(id.as_str())).unwrap(), file(300_000));
    for path in
        ["/ext.gcs.opus.pro/upload/org/..%2F..%2Fescaped", "/ext.gcs.opus.pro/upload/../../escaped", "/ext.gcs.opus.pro/upload/org/%2e%2e"]
    {
        let answer = http(&sandbox, "POST", path, &[("x-goog-resumable", "start")], "").await;
        assert!([403, 404, 405].contains(&answer.status().as_u16()), "{path}: {}", answer.status());
    }
    // A second session for the same link harms neither the file nor the folder, finished or not.
    let link = client.create_upload_link().with_video(UploadVideo::new("LocalUpload")).await.unwrap();
    let first = client.start_upload_session(&link.url).await.unwrap();
    client.send_upload_bytes(&first, file(1000), None).await.unwrap();
    let second = client.start_upload_session(&link.url).await.unwrap();
    assert_eq!(std::fs::read(kept.join(link.upload_id.as_str())).unwrap(), file(1000));
    let part = ContentRange::new(0, 262_144).of(300_000);
    client.send_upload_bytes(&second, file(262_144), Some(part)).await.unwrap();
    client.cancel_upload_session(&second).await.unwrap();
    std::fs::remove_file(kept.join(link.upload_id.as_str())).unwrap();
    // Another run with the same seed does not take the name of what is there.
    let again = still().with_kept_uploads(&kept).start().await.unwrap();
    assert_ne!(upload(&once(&again), file(10)).await, id);
    assert_eq!(std::fs::read(kept.join(id.as_str())).unwrap(), file(300_000));
    std::fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap()).filter(|entry| entry.file_name() != id.as_str()).for_each(|entry| {
        assert_eq!(entry.metadata().unwrap().len(), 10);
        std::fs::remove_file(entry.path()).unwrap();
    });
    let names: Vec<_> = std::fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, [id.as_str()]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(still().with_kept_uploads("/no/such/folder").start().await.unwrap_err().to_string().contains("/no/such/folder"));
}
