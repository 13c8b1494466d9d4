use std::time::Duration;

use opusclip::ClipSource;
use opusclip::types::{CurationPreferences, CurationRange, ProjectStage};
use opusclip_sandbox::ExportLinks;
use serde_json::{Value, json};

use crate::support::{VIDEO, WORK, complete, once, still};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test]
async fn a_project_goes_through_its_stages_as_time_passes() {
    let sandbox = still().without_rate_limits().start().await.unwrap();
    let client = once(&sandbox);
    let project = client.create_project(VIDEO).await.unwrap();
    let mut seen = vec![project.stage.clone().unwrap()];
    for _ in 0..61 {
        sandbox.advance(seconds(10));
        let stage = client.get_project(&project.id).await.unwrap().stage.unwrap();
        if seen.last() != Some(&stage) {
            seen.push(stage);
        }
    }
    let names: Vec<&str> = seen.iter().map(ProjectStage::as_str).collect();
    assert_eq!(names, ["QUEUED", "IMPORT", "CURATE", "REFINE", "RENDER", "UPLOAD", "COMPLETE"]);
}

#[tokio::test]
async fn clips_come_first_as_previews_and_then_with_export_links() {
    let sandbox = still().with_export_links(ExportLinks::After(seconds(120))).start().await.unwrap();
    let client = once(&sandbox);
    let source = ClipSource::Project(client.create_project(VIDEO).await.unwrap().id);
    sandbox.advance(seconds(500));
    assert!(client.list_clips(source.clone()).await.unwrap().is_empty(), "rendering");
    sandbox.advance(seconds(70));
    let storing = client.list_clips(source.clone()).await.unwrap();
    assert_eq!(storing.len(), 3);
    assert!(storing.iter().all(|clip| clip.uri_for_preview.is_some() && clip.uri_for_export.is_none()));
    sandbox.advance(seconds(40));
    assert!(client.list_clips(source.clone()).await.unwrap()[0].uri_for_export.is_none(), "complete, but not yet rendered");
    sandbox.advance(seconds(120));
    let done = client.list_clips(source).await.unwrap();
    assert!(done.iter().all(|clip| clip.uri_for_export.is_some()));
    assert_eq!(done[0].render_as_video_file.as_ref().unwrap().pending, Some(false));
}

#[tokio::test]
async fn an_export_of_a_collection_brings_the_link_where_that_is_asked_for() {
    let sandbox = still().with_export_links(ExportLinks::OnExport).start().await.unwrap();
    let client = once(&sandbox);
    let (project, clips) = complete(&sandbox).await;
    assert!(clips.iter().all(|clip| clip.uri_for_export.is_none()));
    let collection = client.create_collection("C").await.unwrap().collection_id;
    client.create_collection_content(&collection, &clips[0].id).await.unwrap();
    let exported = client.export_collection(&collection).await.unwrap().content_list.unwrap();
    assert!(exported[0].uri_for_export.as_deref().is_some_and(|uri| uri.contains("/ehd.mp4")));
    let now = client.list_clips(ClipSource::Project(project.id)).await.unwrap();
    assert!(now[0].uri_for_export.is_some() && now[1].uri_for_export.is_none());
}

#[tokio::test]
async fn pages_are_short_at_the_end_and_empty_after_it() {
    let sandbox = still().with_clips(5).start().await.unwrap();
    let (project, clips) = complete(&sandbox).await;
    assert_eq!(clips.len(), 5);
    let client = once(&sandbox);
    let page = |number: i64| client.list_clips(ClipSource::Project(project.id.clone())).with_page_num(number).with_page_size(2);
    let mut lengths = Vec::new();
    for number in 1..=4 {
        lengths.push(page(number).await.unwrap().len());
    }
    assert_eq!(lengths, [2, 2, 1, 0]);
    assert_eq!(page(0).await.unwrap_err().status(), Some(400));
    assert_eq!(page(i64::MAX).await.unwrap().len(), 0);
    let mut all = client.clip_pages(ClipSource::Project(project.id.clone())).with_page_size(2);
    let mut count = 0;
    while let Some(page) = all.next_page().await.unwrap() {
        count += page.len();
    }
    assert_eq!(count, 5);
}

#[tokio::test]
async fn a_project_stalls_by_its_link_by_hand_and_by_setting() {
    let sandbox = still().start().await.unwrap();
    let client = once(&sandbox);
    let by_link = client.create_project("https://vimeo.com/sandbox-stall").await.unwrap();
    let by_hand = client.create_project(VIDEO).await.unwrap();
    sandbox.advance(seconds(100));
    assert!(sandbox.stall(&by_hand.id));
    assert!(!sandbox.stall(&by_hand.id) && !sandbox.stall(&"P0".into()), "it is over, or was never there");
    sandbox.advance(WORK);
    for id in [&by_link.id, &by_hand.id] {
        let project = client.get_project(id).await.unwrap();
        assert_eq!((project.stage, project.stall_count), (Some(ProjectStage::Stalled), Some(1)));
        assert!(project.error.is_some());
        assert!(client.list_clips(ClipSource::Project(id.clone())).await.unwrap().is_empty());
    }
    let sandbox = still().with_stall_at(ProjectStage::Render).start().await.unwrap();
    let client = once(&sandbox);
    let project = client.create_project(VIDEO).await.unwrap();
    sandbox.advance(seconds(359));
    assert_eq!(client.get_project(&project.id).await.unwrap().stage, Some(ProjectStage::Refine));
    sandbox.advance(seconds(1));
    assert_eq!(client.get_project(&project.id).await.unwrap().stage, Some(ProjectStage::Stalled));
}

#[tokio::test]
async fn a_project_without_clips_completes_all_the_same() {
    let sandbox = still().start().await.unwrap();
    let client = once(&sandbox);
    let project = client.create_project("https://www.youtube.com/watch?v=sandbox-no-clips").await.unwrap();
    sandbox.advance(WORK);
    assert_eq!(client.get_project(&project.id).await.unwrap().stage, Some(ProjectStage::Complete));
    assert!(client.list_clips(ClipSource::Project(project.id)).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_project_is_gone_after_thirty_days() {
    let sandbox = still().start().await.unwrap();
    let (project, clips) = complete(&sandbox).await;
    sandbox.advance(seconds(29 * 86_400));
    let client = once(&sandbox);
    assert!(client.get_project(&project.id).await.is_ok());
    sandbox.advance(seconds(86_400));
    assert!(client.get_project(&project.id).await.unwrap_err().is_not_found());
    assert!(client.list_clips(ClipSource::Project(project.id)).await.unwrap().is_empty());
    let gone = crate::support::http(&sandbox, "GET", clips[0].uri_for_preview.as_deref().unwrap(), &[], "").await;
    assert_eq!(gone.status(), 404);
}

#[tokio::test]
async fn sources_are_told_apart() {
    let sandbox = still().with_concurrent_projects(100).start().await.unwrap();
    let client = once(&sandbox);
    let taken = [
        (VIDEO, "YOUTUBE"),
        ("https://youtu.be/LXvv6CbGg8A", "YOUTUBE"),
        ("https://us02web.zoom.us/rec/share/x", "ZOOM"),
        ("https://drive.google.com/file/d/1/view", "GDRIVE"),
        ("https://my-bucket.s3.amazonaws.com/a.mp4", "YTDLP_LINK"),
        ("HTTPS://user@www.VIMEO.com:443/1", "YTDLP_LINK"),
    ];
    for (url, platform) in taken {
        let url = url.replace("HTTPS", "https");
        assert_eq!(client.create_project(url).await.unwrap().source_platform.unwrap().as_str(), platform);
    }
    // The client would not send all of these.
    let raw = async |body: Value| client.raw("create_project").with_json(&body).await.unwrap();
    for url in ["https://example.com/a.mp4", "https://notyoutube.com/x", "youtube://x", "abc123", "", "https://youtube.com.evil.example/"] {
        let reply = raw(json!({"videoUrl": url})).await;
        assert_eq!(reply.status(), 422, "{url}: {}", reply.text());
        assert!(reply.json::<Value>().unwrap()["errorMessage"].as_str().unwrap().starts_with("Unsupported video link"));
    }
    let backwards = json!({"videoUrl": VIDEO, "curationPref": {"range": {"startSec": 9, "endSec": 3}}});
    assert_eq!(raw(backwards).await.status(), 400);
}

#[tokio::test]
async fn clips_lie_in_the_part_that_was_asked_for() {
    let sandbox = still().with_clips(7).start().await.unwrap();
    let client = once(&sandbox);
    let part = CurationPreferences::new().with_range(CurationRange::new().with_start_sec(300.0).with_end_sec(400.0));
    let id = client.create_project(VIDEO).with_curation_pref(part).await.unwrap().id;
    sandbox.advance(WORK);
    let clips = client.list_clips(ClipSource::Project(id)).await.unwrap();
    let mut last = 300_000.0;
    for clip in &clips {
        let range = clip.time_ranges.as_ref().unwrap()[0];
        assert!(range.start_ms() >= last && range.end_ms() > range.start_ms() && range.end_ms() <= 400_000.0, "{range:?}");
        last = range.end_ms();
    }
}

#[tokio::test]
async fn for_ever_is_a_duration() {
    let ever = Duration::MAX;
    let builder = still().with_project_life(ever).with_link_life(ever).with_session_life(ever).with_upload_link_life(ever);
    let sandbox = builder.with_source_length(seconds(60)).with_export_links(ExportLinks::After(ever)).start().await.unwrap();
    let (project, _) = complete(&sandbox).await;
    sandbox.advance(ever);
    once(&sandbox).list_clips(ClipSource::Project(project.id)).await.unwrap();
    let slow = opusclip_sandbox::Sandbox::builder().with_speed(1e-18).start().await.unwrap();
    once(&slow).create_project(VIDEO).await.unwrap();
}

#[tokio::test]
async fn projects_are_listed_by_page_the_newest_first() {
    let sandbox = still().with_concurrent_projects(100).without_rate_limits().start().await.unwrap();
    let client = once(&sandbox);
    let mut made = Vec::new();
    for _ in 0..25 {
        made.push(client.create_project(VIDEO).await.unwrap().id);
        sandbox.advance(seconds(1));
    }
    made.reverse();
    let ids =
        |list: opusclip::types::List<opusclip::types::ListedProject>| list.into_items().into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(client.list_projects().await.unwrap()), made[..20]);
    assert_eq!(ids(client.list_projects().with_page(1).await.unwrap()), made[20..]);
    assert_eq!(ids(client.list_projects().with_page(3).with_page_size(7).await.unwrap()), made[21..]);
    assert!(client.list_projects().with_page(2).await.unwrap().is_empty());
    for (page, size, wrong) in [(-1, 20, "`page`"), (0, 0, "`pageSize`"), (0, 101, "`pageSize`")] {
        let error = client.list_projects().with_page(page).with_page_size(size).await.unwrap_err();
        assert!(error.status() == Some(400) && error.to_string().contains(wrong), "{error}");
    }
    let other = client.for_org("org_other").unwrap();
    assert!(other.list_projects().await.unwrap().is_empty());
    let its_own = other.create_project(VIDEO).await.unwrap().id;
    assert_eq!(ids(other.list_projects().await.unwrap()), [its_own]);
}
