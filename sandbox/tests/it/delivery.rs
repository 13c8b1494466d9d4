use std::time::Duration;

use opusclip::ClipSource;

use crate::support::{complete, http, once, still};

#[tokio::test]
async fn a_clip_is_a_real_file_with_ranges_and_a_tag() {
    let sandbox = still().start().await.unwrap();
    let (_, clips) = complete(&sandbox).await;
    let link = clips[0].uri_for_export.clone().unwrap();
    assert!(link.starts_with(sandbox.url()));
    let whole = http(&sandbox, "GET", &link, &[], "").await;
    let headers = whole.headers().clone();
    let tag = headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(
        (whole.status().as_u16(), &headers["content-type"], &headers["accept-ranges"]),
        (200, &"video/mp4".parse().unwrap(), &"bytes".parse().unwrap())
    );
    let bytes = whole.bytes().await.unwrap();
    assert_eq!((&bytes[4..8], headers["content-length"].to_str().unwrap()), (&b"ftyp"[..], bytes.len().to_string().as_str()));

    let ask = |range: &'static str| http_range(&sandbox, link.clone(), range, None);
    let (status, part, content_range) = ask("bytes=4-7").await;
    assert_eq!((status, &part[..], content_range), (206, &b"ftyp"[..], Some(format!("bytes 4-7/{}", bytes.len()))));
    let (status, tail, _) = ask("bytes=-3").await;
    assert_eq!((status, &tail[..]), (206, &bytes[bytes.len() - 3..]));
    let (status, rest, _) = ask("bytes=9000-").await;
    assert_eq!((status, &rest[..]), (206, &bytes[9000..]));
    assert_eq!(ask("bytes=999999-").await.0, 416);
    assert_eq!(ask("lines=1-2").await.0, 200);
    assert_eq!(http_range(&sandbox, link.clone(), "bytes=0-3", Some(&tag)).await.0, 206);
    assert_eq!(http_range(&sandbox, link.clone(), "bytes=0-3", Some("\"other\"")).await.0, 200, "another file by now");
    assert_eq!(http(&sandbox, "GET", &link, &[("if-none-match", &tag)], "").await.status(), 304);
    let head = http(&sandbox, "HEAD", &link, &[], "").await;
    assert_eq!((head.status().as_u16(), head.headers()["content-length"].to_str().unwrap().to_owned()), (200, bytes.len().to_string()));
    assert!(head.bytes().await.unwrap().is_empty());

    let other = http(&sandbox, "GET", clips[1].uri_for_export.as_deref().unwrap(), &[], "").await;
    assert_ne!(other.headers()["etag"], tag.as_str(), "each clip is a file of its own");
    let picture = http(&sandbox, "GET", clips[0].uri_for_thumbnail.as_deref().unwrap(), &[], "").await;
    assert_eq!(&picture.bytes().await.unwrap()[..2], [0xff, 0xd8], "a JPEG");
    assert_eq!(sandbox.count("cdn"), 12);
}

async fn http_range(
    sandbox: &opusclip_sandbox::Sandbox,
    link: String,
    range: &str,
    if_range: Option<&str>,
) -> (u16, Vec<u8>, Option<String>) {
    let mut headers = vec![("range", range)];
    headers.extend(if_range.map(|tag| ("if-range", tag)));
    let answer = http(sandbox, "GET", &link, &headers, "").await;
    let content_range = answer.headers().get("content-range").map(|value| value.to_str().unwrap().to_owned());
    (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec(), content_range)
}

#[tokio::test]
async fn a_link_expires_and_the_list_has_a_new_one() {
    let sandbox = still().with_link_life(Duration::from_secs(3600)).start().await.unwrap();
    let (project, clips) = complete(&sandbox).await;
    let old = clips[0].uri_for_preview.clone().unwrap();
    sandbox.advance(Duration::from_secs(3600));
    let expired = http(&sandbox, "GET", &old, &[], "").await;
    assert_eq!(expired.status(), 403);
    assert!(expired.text().await.unwrap().contains("ExpiredToken"));
    let new = once(&sandbox).list_clips(ClipSource::Project(project.id)).await.unwrap()[0].uri_for_preview.clone().unwrap();
    assert_eq!(http(&sandbox, "GET", &new, &[], "").await.status(), 200);
    let forged = new.replace("esd.mp4", "ehd.mp4");
    assert_eq!(http(&sandbox, "GET", &forged, &[], "").await.status(), 403);
    assert_eq!(http(&sandbox, "POST", &new, &[], "").await.status(), 405);
}
