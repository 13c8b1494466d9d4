use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use opusclip::types::{Clip, ProjectId};
use opusclip::{Client, ClipSource, Download, DownloadEvent, DownloadOutcome, DownloadReport, RetryPolicy, SavedFile};
use opusclip_sandbox::{ExportLinks, Sandbox, SandboxBuilder};
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::support::{FakeClock, KEY, builder, header, requests};

pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    pub(crate) client: Client,
    pub(crate) project: ProjectId,
    pub(crate) folder: tempfile::TempDir,
}

/// A project that is complete, a client that sleeps in no time, and an empty folder.
pub(crate) async fn scene(sandbox: SandboxBuilder) -> Scene {
    let sandbox = sandbox.with_speed(0.0).start().await.unwrap();
    let client = sandbox.client_builder().with_clock(FakeClock::new()).build().unwrap();
    let project = client.create_project("https://youtu.be/LXvv6CbGg8A").await.unwrap().id;
    sandbox.advance(Duration::from_secs(600));
    Scene { sandbox, client, project, folder: tempfile::tempdir().unwrap() }
}

impl Scene {
    pub(crate) fn download(&self) -> Download {
        self.client.download(&self.project, self.folder.path())
    }

    pub(crate) async fn clips(&self) -> Vec<Clip> {
        self.client.list_clips(ClipSource::Project(self.project.clone())).await.unwrap().into_items()
    }

    /// The bytes behind the links, as anybody would fetch them.
    async fn truth(&self) -> Vec<Vec<u8>> {
        let mut truth = Vec::new();
        for clip in self.clips().await {
            truth.push(reqwest::get(clip.uri_for_export.unwrap()).await.unwrap().bytes().await.unwrap().to_vec());
        }
        truth
    }

    /// Every clip is there with its very bytes, and nothing else but manifest and lock.
    pub(crate) async fn check(&self, report: &DownloadReport) {
        assert!(report.is_complete(), "{report:#?}");
        let truth = self.truth().await;
        assert_eq!(report.clips().len(), truth.len());
        for (clip, bytes) in report.clips().iter().zip(&truth) {
            assert!(fs::read(&file(clip).path).unwrap() == *bytes, "{clip:?}");
            let hash: String = <sha2::Sha256 as sha2::Digest>::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(file(clip).sha256, hash, "{clip:?}");
        }
        assert_eq!(names(self.folder.path()).len(), truth.len() + 2, "{:?}", names(self.folder.path()));
    }

    /// The offsets that the CDN was asked for, of all requests so far, by status.
    pub(crate) fn statuses(&self) -> Vec<Option<u16>> {
        let journal = self.sandbox.journal();
        journal.iter().filter(|entry| entry.operation == "cdn").map(|entry| entry.status).collect()
    }

    fn part(&self) -> PathBuf {
        let parts: Vec<_> = names(self.folder.path()).into_iter().filter(|name| name.ends_with(".part")).collect();
        assert_eq!(parts.len(), 1, "{parts:?}");
        self.folder.path().join(&parts[0])
    }
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(crate) fn file(clip: &opusclip::ClipDownload) -> &SavedFile {
    match &clip.outcome {
        DownloadOutcome::Saved(file) | DownloadOutcome::AlreadyThere(file) => file,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn failure(report: &DownloadReport, number: usize) -> &opusclip::Error {
    assert!(!report.is_complete());
    match &report.clips()[number].outcome {
        DownloadOutcome::Failed(error) => error,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn manifest(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("manifest.json")).unwrap()).unwrap()
}

#[tokio::test]
async fn clips_are_fetched_named_noted_and_not_fetched_again() {
    let scene = scene(Sandbox::builder().with_clips(9)).await;
    let mut download = scene.download();
    let (mut finished, mut listed, mut bytes) = (0, 0, 0);
    let report = loop {
        match download.next().await.unwrap().unwrap() {
            DownloadEvent::Listed { clips } => listed = clips,
            DownloadEvent::Progress { bytes: more, size, .. } => {
                assert_eq!(size, Some(more), "small files come at once");
                bytes += more;
            }
            DownloadEvent::Finished { is_saved, .. } => finished += usize::from(is_saved),
            DownloadEvent::Ended(report) => break report,
            other => panic!("{other:?}"),
        }
    };
    assert!(download.next().await.unwrap().is_none());
    scene.check(&report).await;
    let sizes: u64 = report.clips().iter().map(|clip| file(clip).size).sum();
    assert_eq!((listed, finished, bytes), (9, 9, sizes));
    let first = file(&report.clips()[0]);
    let title = report.clips()[0].title.as_deref().unwrap();
    assert_eq!(first.path, report.folder().join(format!("01-{title}.mp4")));

    let noted = manifest(scene.folder.path());
    let entry = &noted["clips"][0];
    assert_eq!(
        (&entry["clipId"], &entry["size"], &entry["sha256"]),
        (&json!(report.clips()[0].id), &json!(first.size), &json!(first.sha256))
    );
    assert_eq!(entry["sha256"].as_str().unwrap().len(), 64);
    let text = noted.to_string();
    assert!(!text.contains("Signature") && !text.contains("http") && !text.contains("sk-"), "{text}");

    let before = scene.sandbox.count("cdn");
    let again = scene.download().await.unwrap();
    assert!(again.is_complete() && again.clips().iter().all(|clip| matches!(clip.outcome, DownloadOutcome::AlreadyThere(_))));
    assert_eq!((scene.sandbox.count("cdn"), file(&again.clips()[0]).path.as_path()), (before, first.path.as_path()));
}

#[tokio::test]
async fn what_is_missing_damaged_or_changed_is_fetched_again() {
    let scene = scene(Sandbox::builder()).await;
    let report = scene.download().await.unwrap();
    let path = |number: usize| file(&report.clips()[number]).path.clone();
    fs::remove_file(path(0)).unwrap();
    fs::write(path(1), b"short").unwrap();
    let mut altered = fs::read(path(2)).unwrap();
    altered[5] ^= 1;
    fs::write(path(2), &altered).unwrap();
    let before = scene.sandbox.count("cdn");
    let quick = scene.download().await.unwrap();
    assert_eq!(scene.sandbox.count("cdn") - before, 2);
    assert!(quick.is_complete() && fs::read(path(2)).unwrap() == altered, "the size alone does not tell");
    let thorough = scene.download().with_thorough_check().await.unwrap();
    assert_eq!(scene.sandbox.count("cdn") - before, 3);
    // What was there may be somebody's work.
    let beside = |number: usize| {
        let path = path(number);
        let path = path.with_file_name(format!("{}-2.mp4", path.file_stem().unwrap().to_str().unwrap()));
        let bytes = fs::read(&path).ok();
        bytes.inspect(|_| fs::remove_file(path).unwrap())
    };
    assert_eq!([beside(0), beside(1), beside(2)], [None, Some(b"short".to_vec()), Some(altered)]);
    scene.check(&thorough).await;

    // The service says that a clip was changed: the CDN is asked, and says that the file is the same.
    let mut clips = scene.clips().await;
    clips[0].updated_at = Some("2031-01-01T00:00:00Z".into());
    let before = scene.statuses().len();
    assert!(scene.download().with_clips(clips.clone()).await.unwrap().is_complete());
    assert_eq!(scene.statuses()[before..], [Some(304)]);
    let report = scene.download().with_clips(clips).await.unwrap();
    assert_eq!(scene.statuses().len(), before + 1, "asked once");
    scene.check(&report).await;
}

#[tokio::test]
async fn a_file_that_breaks_off_goes_on_at_the_odd_offset() {
    for offset in [1, 4095, 4097, 9210] {
        let scene = scene(Sandbox::builder().with_clips(1)).await;
        scene.sandbox.fault(&format!("cdn#1=cut:{offset}")).unwrap();
        scene.sandbox.fault("cdn#2=status:503").unwrap();
        scene.sandbox.fault("cdn#3=reset").unwrap();
        let report = scene.download().await.unwrap();
        assert_eq!(scene.statuses(), [Some(200), Some(503), None, Some(206)], "{offset}");
        scene.check(&report).await;
    }
}

#[tokio::test]
async fn a_stalled_connection_is_given_up() {
    let scene = scene(Sandbox::builder().with_clips(1)).await;
    scene.sandbox.fault("cdn#1=stall:100").unwrap();
    scene.sandbox.fault("cdn#2=delay:1h").unwrap();
    // The time is real, so a busy machine may take an answer for a stall: there are chances enough.
    let patient = scene.sandbox.client_builder().with_clock(FakeClock::new()).with_retry(RetryPolicy::default().with_max_attempts(500));
    let download = patient.build().unwrap().download(&scene.project, scene.folder.path()).with_stall_timeout(Duration::from_millis(20));
    let report = tokio::time::timeout(Duration::from_secs(30), download).await.unwrap().unwrap();
    assert!(scene.statuses().len() > 1, "{:?}", scene.statuses());
    scene.check(&report).await;
    let scene = self::scene(Sandbox::builder().with_clips(1)).await;
    scene.sandbox.fault("cdn=delay:1h").unwrap();
    let report = scene.download().with_stall_timeout(Duration::from_millis(3)).await.unwrap();
    let error = failure(&report, 0);
    assert!(error.is_timeout() && error.attempts() == 4, "{error}");
    assert_eq!(names(scene.folder.path()), [".opusclip.lock", "manifest.json"], "nothing is left of nothing");
}

#[tokio::test]
async fn chances_are_renewed_by_progress_and_end_without_it() {
    let scene = scene(Sandbox::builder().with_clips(1)).await;
    scene.sandbox.fault("cdn#1-9=cut:1000").unwrap();
    let report = scene.download().await.unwrap();
    assert_eq!(scene.statuses().len(), 10, "nine times a thousand bytes");
    scene.check(&report).await;

    let scene = self::scene(Sandbox::builder().with_clips(1)).await;
    scene.sandbox.fault("cdn#1=cut:1000").unwrap();
    scene.sandbox.fault("cdn=status:503:xml").unwrap();
    scene.sandbox.fault("cdn#2+=cut:0").unwrap();
    let report = scene.download().await.unwrap();
    let error = failure(&report, 0);
    assert!(error.status() == Some(503) && error.operation() == Some("download") && error.attempts() == 4, "{error:#?}");
    scene.sandbox.clear_faults();
    let report = scene.download().await.unwrap();
    scene.check(&report).await;
}

#[tokio::test]
async fn expired_links_are_renewed_by_one_list_for_all_and_files_go_on() {
    let scene = scene(Sandbox::builder().with_clips(8).with_link_life(Duration::from_secs(3600))).await;
    let clips = scene.clips().await;
    // Half of every file, then the links expire.
    scene.sandbox.fault("cdn=cut:5000").unwrap();
    let never = scene.sandbox.client_builder().with_retry(RetryPolicy::never()).build().unwrap();
    let report = never.download(&scene.project, scene.folder.path()).with_clips(clips.clone()).await.unwrap();
    assert_eq!(report.clips().iter().filter(|clip| clip.is_saved()).count(), 0);
    scene.sandbox.clear_faults();
    scene.sandbox.advance(Duration::from_secs(3600));
    let lists = scene.sandbox.count("list_clips");
    let before = scene.statuses().len();
    let report = scene.download().with_clips(clips).with_parallel(3).await.unwrap();
    assert_eq!(scene.sandbox.count("list_clips") - lists, 1, "one for all");
    let mut statuses = scene.statuses()[before..].to_vec();
    statuses.sort();
    let refused = statuses.iter().filter(|status| **status == Some(403)).count();
    assert!((1..=3).contains(&refused), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == Some(206)).count(), 8, "every one goes on where it was: {statuses:?}");
    scene.check(&report).await;
}

#[tokio::test]
async fn a_link_that_a_new_list_does_not_mend_is_an_error() {
    for status in [400, 401, 403, 404, 410] {
        let scene = scene(Sandbox::builder().with_clips(3).with_link_life(Duration::from_secs(3600))).await;
        scene.sandbox.fault(&format!("cdn=status:{status}")).unwrap();
        let clips = scene.clips().await;
        scene.sandbox.advance(Duration::from_secs(60));
        let report = scene.download().with_clips(clips).await.unwrap();
        for number in 0..3 {
            let error = failure(&report, number);
            assert_eq!(error.status(), Some(status));
            assert!(error.to_string().contains("list the clips again"), "{error}");
        }
        assert_eq!(scene.sandbox.count("list_clips"), 2, "ours and one more");
    }
}

#[tokio::test]
async fn a_file_that_changes_between_is_fetched_anew() {
    let scene = scene(Sandbox::builder().with_clips(1)).await;
    scene.sandbox.fault("cdn#1=cut:4000,header:etag:\"old\"").unwrap();
    let mut download = scene.download();
    let mut least = u64::MAX;
    let report = loop {
        match download.next().await.unwrap().unwrap() {
            DownloadEvent::Progress { bytes, .. } => least = least.min(bytes),
            DownloadEvent::Ended(report) => break report,
            _ => {}
        }
    };
    assert_eq!(scene.statuses(), [Some(200), Some(200)], "`If-Range` does not hold");
    scene.check(&report).await;
    // Without a version nothing can be gone on with either.
    let scene = self::scene(Sandbox::builder().with_clips(1)).await;
    scene.sandbox.fault("cdn#1=cut:4000,no-header:etag").unwrap();
    let report = scene.download().await.unwrap();
    assert_eq!(scene.statuses(), [Some(200), Some(200)]);
    scene.check(&report).await;
    // A 206 of another file than the one that is there.
    let scene = self::scene(Sandbox::builder().with_clips(1)).await;
    scene.sandbox.fault("cdn#1=cut:4000").unwrap();
    scene.sandbox.fault("cdn#2=header:etag:\"new\"").unwrap();
    let report = scene.download().await.unwrap();
    assert_eq!(scene.statuses(), [Some(200), Some(206), Some(200)]);
    scene.check(&report).await;
}

#[tokio::test]
async fn a_wrong_checksum_is_never_a_success() {
    for hash in ["crc32c=AAAAAA==", "md5=1B2M2Y8AsgTpgAmY7PhCfg=="] {
        let scene = scene(Sandbox::builder().with_clips(1)).await;
        scene.sandbox.fault(&format!("cdn#1=header:x-goog-hash:{hash}")).unwrap();
        let report = scene.download().await.unwrap();
        assert_eq!(scene.statuses(), [Some(200), Some(200)], "a second chance");
        assert!(!file(&report.clips()[0]).is_checksum_verified);
        scene.check(&report).await;

        let scene = self::scene(Sandbox::builder().with_clips(1)).await;
        scene.sandbox.fault(&format!("cdn=header:x-goog-hash:{hash}")).unwrap();
        let report = scene.download().await.unwrap();
        assert!(failure(&report, 0).is_corrupt());
        assert_eq!(scene.statuses().len(), 2);
        assert_eq!(names(scene.folder.path()), [".opusclip.lock", "manifest.json"], "what is wrong is not kept");
    }
}

#[tokio::test]
async fn a_right_checksum_is_told() {
    let scene = scene(Sandbox::builder().with_clips(1)).await;
    let truth = scene.truth().await.remove(0);
    let base64 = |bytes: &[u8]| {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.encode(bytes)
    };
    let crc32c = format!("crc32c={}", base64(&crc32c::crc32c(&truth).to_be_bytes()));
    let md5 = format!("md5={}", base64(&<md5::Md5 as md5::Digest>::digest(&truth)));
    for (hash, cut) in [(&crc32c, ""), (&md5, ""), (&crc32c, ",cut:77"), (&md5, ",cut:77")] {
        let folder = tempfile::tempdir().unwrap();
        scene.sandbox.clear_faults();
        scene.sandbox.fault(&format!("cdn#1=header:x-goog-hash:{hash}{cut}")).unwrap();
        let report = scene.client.download(&scene.project, folder.path()).await.unwrap();
        assert!(file(&report.clips()[0]).is_checksum_verified && fs::read(&file(&report.clips()[0]).path).unwrap() == truth, "{hash}");
    }
}

#[tokio::test]
async fn a_wrong_length_an_empty_answer_or_a_page_is_never_a_success() {
    for fault in [
        "header:content-length:20000",
        "empty",
        "header:content-type:text/html",
        "header:content-encoding:gzip",
        "status:302",
        "status:204",
    ] {
        let scene = scene(Sandbox::builder().with_clips(1)).await;
        scene.sandbox.fault(&format!("cdn#1-4={fault}")).unwrap();
        let report = scene.download().await.unwrap();
        failure(&report, 0);
        assert!(!names(scene.folder.path()).iter().any(|name| name.ends_with(".mp4")), "{fault}");
        // What the server said wrong may be all that is wrong.
        scene.sandbox.clear_faults();
        let report = scene.download().await.unwrap();
        scene.check(&report).await;
    }
    // A part that is none of what was asked for.
    for fault in ["header:content-range:bytes 0-9/10", "header:content-range:bytes 4001-9249/9250", "no-header:content-range", "status:416"]
    {
        let scene = scene(Sandbox::builder().with_clips(1)).await;
        scene.sandbox.fault("cdn#1=cut:4000").unwrap();
        scene.sandbox.fault(&format!("cdn#2={fault}")).unwrap();
        let report = scene.download().await.unwrap();
        assert_eq!(scene.statuses().len(), 3, "{fault}");
        scene.check(&report).await;
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_whole_when_its_end_is_marked() {
    let scene = scene(Sandbox::builder().with_clips(1)).await;
    scene.sandbox.fault("cdn#1=no-header:content-length,cut:5000").unwrap();
    scene.sandbox.fault("cdn#2=no-header:content-length").unwrap();
    let report = scene.download().await.unwrap();
    assert_eq!(scene.statuses(), [Some(200), Some(206)]);
    scene.check(&report).await;
}

#[tokio::test]
async fn a_download_that_was_dropped_goes_on_and_nobody_mixes_with_it() {
    let scene = scene(Sandbox::builder().with_clips(1)).await;
    scene.sandbox.fault("cdn#1=stall:4000").unwrap();
    let mut download = scene.download();
    let wait = async {
        loop {
            tokio::time::timeout(Duration::from_millis(1), download.next()).await.ok();
            let parts = names(scene.folder.path()).into_iter().find(|name| name.ends_with(".part"));
            if parts.is_some_and(|name| fs::metadata(scene.folder.path().join(name)).unwrap().len() == 4000) {
                break;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap();
    let error = scene.download().await.unwrap_err();
    assert!(error.is_in_use() && error.to_string().contains("another download"), "{error}");
    assert_eq!(scene.statuses().len(), 1, "the second has not asked");
    drop(download);
    assert_eq!(fs::metadata(scene.part()).unwrap().len(), 4000);
    let report = scene.download().await.unwrap();
    assert_eq!(scene.statuses().last(), Some(&Some(206)), "only the rest");
    scene.check(&report).await;
}

#[tokio::test]
async fn a_lock_that_is_let_go_soon_is_waited_for() {
    let scene = scene(Sandbox::builder().with_clips(1)).await;
    // As what a dropped download has begun to write keeps it for a moment.
    let lock = fs::File::create(scene.folder.path().join(".opusclip.lock")).unwrap();
    lock.lock().unwrap();
    let mut download = scene.sandbox.client().download(&scene.project, scene.folder.path());
    assert!(tokio::time::timeout(Duration::from_millis(10), download.next()).await.is_err());
    drop(lock);
    scene.check(&download.await.unwrap()).await;
}

#[tokio::test]
async fn no_more_files_are_fetched_at_once_than_was_set() {
    let scene = scene(Sandbox::builder().with_clips(7)).await;
    scene.sandbox.fault("cdn=stall:3000").unwrap();
    let mut download = scene.download().with_parallel(3);
    let canceller = download.canceller();
    let begun = || {
        let lengths = fs::read_dir(scene.folder.path()).unwrap().map(|entry| entry.unwrap()).filter_map(|entry| {
            let is_part = entry.file_name().to_string_lossy().ends_with(".part");
            is_part.then(|| entry.metadata().unwrap().len())
        });
        lengths.collect::<Vec<_>>()
    };
    let wait = async {
        while begun() != [3000; 3] {
            tokio::time::timeout(Duration::from_millis(1), download.next()).await.ok();
        }
        // Whoever took too many would have begun with one more by now.
        for _ in 0..5 {
            tokio::time::timeout(Duration::from_millis(1), download.next()).await.ok();
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap();
    assert_eq!(begun(), [3000; 3]);
    canceller.cancel();
    let report = download.await.unwrap();
    assert!((0..7).all(|number| failure(&report, number).is_cancelled()), "{report:?}");
    assert_eq!(scene.sandbox.count("cdn"), 3, "those that waited were not asked for");
}

#[tokio::test]
async fn a_download_that_is_cancelled_tells_what_it_has() {
    let scene = scene(Sandbox::builder().with_clips(6)).await;
    scene.sandbox.fault("cdn#2+=stall:3000").unwrap();
    let mut download = scene.download().with_parallel(2);
    let canceller = download.canceller();
    let report = loop {
        match download.next().await.unwrap().unwrap() {
            DownloadEvent::Finished { is_saved: true, .. } => canceller.cancel(),
            DownloadEvent::Ended(report) => break report,
            _ => {}
        }
    };
    let cancelled = report.clips().iter().filter(|clip| matches!(&clip.outcome, DownloadOutcome::Failed(error) if error.is_cancelled()));
    assert_eq!(cancelled.count(), 5, "{report:?}");
    scene.sandbox.clear_faults();
    let report = scene.download().await.unwrap();
    scene.check(&report).await;
    let early = scene.download();
    early.canceller().cancel();
    assert!(early.await.unwrap_err().is_cancelled());
}

#[tokio::test]
async fn clips_without_a_link_are_told_and_no_clips_are_no_success() {
    let scene = scene(Sandbox::builder().with_export_links(ExportLinks::Never)).await;
    let report = scene.download().await.unwrap();
    assert!(!report.is_complete() && report.clips().len() == 3);
    assert!(report.clips().iter().all(|clip| matches!(clip.outcome, DownloadOutcome::NoExportLink)));
    assert_eq!(scene.sandbox.count("cdn"), 0);
    let empty = scene.client.download(ProjectId::from("P00000000000"), scene.folder.path()).await.unwrap();
    assert!(!empty.is_complete() && empty.clips().is_empty());
    let error = scene.download().with_names("{nonsense}").await.unwrap_err();
    assert!(error.is_invalid_input() && error.to_string().contains("{title}"), "{error}");
}

#[tokio::test]
async fn the_cdn_sees_neither_key_nor_organisation_and_asks_are_exact() {
    let server = MockServer::start().await;
    let link = format!("{}/cdn/file.mp4?Signature=s3cret", server.uri());
    let list = json!([{"id": "P1.CU1", "title": "One", "uriForExport": link}]);
    Mock::given(path("/api/exportable-clips")).respond_with(ResponseTemplate::new(200).set_body_json(list)).mount(&server).await;
    let rest = ResponseTemplate::new(206)
        .set_body_raw(b"deo".to_vec(), "video/mp4")
        .insert_header("content-range", "bytes 2-4/5")
        .insert_header("last-modified", "Mon, 01 Jun 2026 12:00:00 GMT")
        .insert_header("date", "Mon, 01 Jun 2026 13:00:00 GMT");
    Mock::given(path("/cdn/file.mp4")).respond_with(rest).mount(&server).await;
    let folder = tempfile::tempdir().unwrap();
    let noted =
        json!({"version": 1, "clips": [{"clipId": "P1.CU1", "file": "x.mp4", "part": {"lastModified": "Mon, 01 Jun 2026 12:00:00 GMT"}}]});
    fs::write(folder.path().join("manifest.json"), noted.to_string()).unwrap();
    fs::write(folder.path().join("x.mp4.part"), b"vi").unwrap();
    let client = builder(&server).with_clock(FakeClock::new()).with_org("org_Example00000001").build().unwrap();
    let report = client.download(ProjectId::from("P1"), folder.path()).await.unwrap();
    assert_eq!(fs::read(&file(&report.clips()[0]).path).unwrap(), b"video");
    let sent = requests(&server).await;
    assert_eq!((sent.len(), header(&sent[0], "authorization").is_some()), (2, true));
    let asked = &sent[1];
    assert!(!format!("{asked:?}").contains(KEY) && header(asked, "authorization").is_none() && header(asked, "x-opus-org-id").is_none());
    assert_eq!((header(asked, "range"), header(asked, "if-range")), (Some("bytes=2-"), Some("Mon, 01 Jun 2026 12:00:00 GMT")));
    assert_eq!((header(asked, "accept-encoding"), header(asked, "cookie")), (Some("identity"), None));
    assert!(!fs::read_to_string(folder.path().join("manifest.json")).unwrap().contains("s3cret"));
}

#[tokio::test]
async fn a_download_can_be_sent_and_dropped_between_its_events() {
    let scene = Arc::new(scene(Sandbox::builder().with_clips(5)).await);
    let download = scene.download();
    let report = tokio::spawn(async move {
        let mut download = download;
        loop {
            // Dropped again and again while it waits: nothing is lost.
            match tokio::time::timeout(Duration::from_micros(200), download.next()).await {
                Ok(Ok(Some(DownloadEvent::Ended(report)))) => break report,
                Ok(event) => assert!(event.unwrap().is_some()),
                Err(_) => {}
            }
        }
    });
    let report = report.await.unwrap();
    assert_eq!(scene.statuses().len(), 5);
    scene.check(&report).await;
}
