use std::fs;

use opusclip::Client;
use opusclip::types::{Clip, FullClipId, ProjectId};
use opusclip_sandbox::Sandbox;
use serde_json::{Value, json};
use wiremock::matchers::{method, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::download::{failure, file, manifest, names, scene};
use crate::support::{FakeClock, KEY, builder};

fn clip(id: &str, title: &str, link: String) -> Clip {
    Clip::new(FullClipId::new("P1", id)).with_title(title).with_uri_for_export(link)
}

/// A CDN of one's own, with the same few bytes behind every link.
async fn cdn() -> MockServer {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_raw(b"video".to_vec(), "video/mp4");
    Mock::given(method("GET")).and(path_regex("^/cdn/")).respond_with(answer).mount(&server).await;
    server
}

fn quick(server: &MockServer) -> Client {
    builder(server).with_clock(FakeClock::new()).build().unwrap()
}

#[tokio::test]
async fn no_title_leads_out_of_the_folder_or_onto_another_file() {
    let server = cdn().await;
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("clips");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("notes.mp4"), b"mine").unwrap();
    fs::write(folder.join("Draft.mp4.part"), b"mine too").unwrap();
    let titles =
        ["../../x", "/etc/passwd", "..", "NUL", "a/b\\c", "Same", "SAME", "same", "Notes", "draft", "", "manifest.json", "\u{202e}gpj"];
    let link = format!("{}/cdn/x", server.uri());
    let clips: Vec<Clip> = titles.iter().enumerate().map(|(number, title)| clip(&format!("CU{number}"), title, link.clone())).collect();
    let download = quick(&server).download(ProjectId::from("P1"), &folder).with_clips(clips).with_names("{title}");
    let report = download.await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    let mut expected = vec![
        ".opusclip.lock",
        "CU10.mp4",
        "CU2.mp4",
        "Draft.mp4.part",
        "Notes-2.mp4",
        "SAME-2.mp4",
        "Same.mp4",
        "_.._x.mp4",
        "_NUL.mp4",
        "_etc_passwd.mp4",
        "a_b_c.mp4",
        "draft-2.mp4",
        "gpj.mp4",
        "manifest.json",
        "manifest.json.mp4",
        "notes.mp4",
        "same-3.mp4",
    ];
    expected.sort_unstable();
    assert_eq!(names(&folder), expected);
    assert_eq!(names(outer.path()), ["clips"]);
    assert_eq!(
        (fs::read(folder.join("notes.mp4")).unwrap(), fs::read(folder.join("Draft.mp4.part")).unwrap()),
        (b"mine".to_vec(), b"mine too".to_vec())
    );
}

#[cfg(unix)]
#[tokio::test]
async fn no_symbolic_link_leads_out_of_the_folder() {
    use std::os::unix::fs::symlink;

    let server = cdn().await;
    let outer = tempfile::tempdir().unwrap();
    let (folder, precious) = (outer.path().join("clips"), outer.path().join("precious"));
    fs::create_dir(&folder).unwrap();
    fs::write(&precious, b"precious").unwrap();
    let entry = |id: &str, file: &str| json!({"clipId": format!("P1.{id}"), "file": file, "part": {"etag": "\"x\""}});
    let noted = json!({"version": 1, "clips": [entry("CU1", "one.mp4"), entry("CU2", "../precious.mp4")]});
    fs::write(folder.join("manifest.json"), noted.to_string()).unwrap();
    for name in ["one.mp4.part", ".opusclip.lock", "two.mp4"] {
        symlink(&precious, folder.join(name)).unwrap();
    }
    let link = format!("{}/cdn/x", server.uri());
    let clips = [clip("CU1", "one", link.clone()), clip("CU2", "two", link)];
    let download = quick(&server).download(ProjectId::from("P1"), &folder).with_clips(clips.clone()).with_names("{title}");
    let report = download.await.unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert_eq!(file(&report.clips()[1]).path.file_name().unwrap(), "two-2.mp4", "a link is someone's file, too");
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
    // The finished file is replaced by a link: it is not the file that was fetched.
    let finished = folder.join("one.mp4");
    fs::write(&precious, b"video").unwrap();
    fs::remove_file(&finished).unwrap();
    symlink(&precious, &finished).unwrap();
    let report = quick(&server).download(ProjectId::from("P1"), &folder).with_clips(clips).await.unwrap();
    assert!(report.is_complete() && fs::symlink_metadata(&finished).unwrap().is_file());
    assert_eq!(names(outer.path()), ["clips", "precious"]);
}

#[tokio::test]
async fn a_link_that_is_not_encrypted_is_refused_and_not_told() {
    let client = Client::builder(KEY).with_clock(FakeClock::new()).build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for link in ["http://ext.cdn.opus.pro/x.mp4?Signature=s3cret", "ftp://x/s3cret", "file:///etc/s3cret", "s3cret"] {
        let download = client.download(ProjectId::from("P1"), folder.path()).with_clips([clip("CU1", "x", link.to_owned())]);
        let report = download.await.unwrap();
        let error = failure(&report, 0);
        assert!(error.is_invalid_input() && !format!("{error:#?}").contains("s3cret"), "{error:#?}");
    }
}

#[tokio::test]
async fn a_crash_between_the_name_and_its_note_costs_nothing() {
    let scene = scene(Sandbox::builder().with_clips(1)).await;
    let report = scene.download().await.unwrap();
    let manifest_path = scene.folder.path().join("manifest.json");
    let mut noted = manifest(scene.folder.path());
    let entry = noted["clips"][0].as_object_mut().unwrap();
    let saved: Vec<(String, Value)> =
        ["size", "sha256", "etag", "updatedAt"].iter().map(|name| ((*name).to_owned(), entry.remove(*name).unwrap())).collect();
    entry.insert("finishing".to_owned(), Value::Object(saved.into_iter().collect()));
    fs::write(&manifest_path, noted.to_string()).unwrap();
    let before = scene.sandbox.count("cdn");
    let again = scene.download().await.unwrap();
    assert_eq!(scene.sandbox.count("cdn"), before);
    assert_eq!(file(&again.clips()[0]), file(&report.clips()[0]));
    // The same before the name, which a folder in its place keeps it from having: the part is whole, as the server confirms.
    let finished = &file(&report.clips()[0]).path;
    fs::remove_file(finished).unwrap();
    fs::create_dir_all(finished.join("in the way")).unwrap();
    assert!(failure(&scene.download().await.unwrap(), 0).is_io());
    assert!(manifest(scene.folder.path())["clips"][0]["finishing"]["sha256"].is_string());
    fs::remove_dir_all(finished).unwrap();
    let again = scene.download().await.unwrap();
    assert_eq!(scene.statuses().last(), Some(&Some(416)), "not a byte is fetched twice");
    scene.check(&again).await;
}

#[tokio::test]
async fn what_the_disk_refuses_is_told_with_its_name() {
    let scene = scene(Sandbox::builder().with_clips(2)).await;
    let folder = scene.folder.path();
    fs::write(folder.join("plain"), b"").unwrap();
    let error = scene.client.download(&scene.project, folder.join("plain/clips")).await.unwrap_err();
    assert!(error.is_io() && error.to_string().contains("plain"), "{error}");
    fs::remove_file(folder.join("plain")).unwrap();

    fs::write(folder.join("manifest.json"), b"{").unwrap();
    let error = scene.download().await.unwrap_err();
    assert!(error.is_io() && error.to_string().contains("manifest.json"), "{error}");
    assert_eq!(fs::read(folder.join("manifest.json")).unwrap(), b"{", "nothing of it is lost");
    fs::remove_file(folder.join("manifest.json")).unwrap();

    let noted = json!({"version": 1, "clips": [{"clipId": scene.clips().await[0].id, "file": "a.mp4"}]});
    fs::write(folder.join("manifest.json"), noted.to_string()).unwrap();
    fs::create_dir(folder.join("a.mp4.part")).unwrap();
    let report = scene.download().await.unwrap();
    let error = failure(&report, 0);
    assert!(error.is_io() && error.to_string().contains("a.mp4.part") && report.clips()[1].is_saved(), "{error}");
    // A file of someone else in the place that was chosen is not written over.
    fs::remove_dir(folder.join("a.mp4.part")).unwrap();
    fs::write(folder.join("a.mp4"), b"mine").unwrap();
    let report = scene.download().await.unwrap();
    assert!(failure(&report, 0).is_io() && fs::read(folder.join("a.mp4")).unwrap() == b"mine");
}

#[tokio::test]
async fn what_a_killed_process_left_of_a_manifest_is_cleared_away() {
    let server = cdn().await;
    let folder = tempfile::tempdir().unwrap();
    let own = ["manifest.json", ".opusclip.lock", "CU1.mp4"];
    let clips = || [clip("CU1", "", format!("{}/cdn/x", server.uri()))];
    let download = || quick(&server).download(ProjectId::from("P1"), folder.path()).with_clips(clips()).with_names("{title}");
    assert!(download().await.unwrap().is_complete());
    fs::write(folder.path().join(".manifest.json-Ab3xYz"), b"{").unwrap();
    fs::write(folder.path().join(".manifest.jsonc"), b"mine").unwrap();
    assert!(download().await.unwrap().is_complete());
    let mut expected = [&own[..], &[".manifest.jsonc"]].concat();
    expected.sort_unstable();
    assert_eq!(names(folder.path()), expected);
}
