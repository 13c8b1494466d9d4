//! The files behind the links: a real clip of two seconds, and a real picture.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::api::{Call, USER};
use crate::gate::Ask;
use crate::reply::{Payload, Reply};
use crate::world::{Clip, Project, World};

pub(crate) const PREFIX: &str = "/ext.cdn.opus.pro/";

/// Made with ffmpeg from its own test picture and a tone.
const VIDEO: &[u8] = include_bytes!("../assets/clip.mp4");
const PICTURE: &[u8] = include_bytes!("../assets/thumb.jpg");

/// A video of two seconds that players play, for uploads in demos and tests: an MP4 of about so many bytes, most of them in a box that
/// players skip.
///
/// ```
/// let video = opusclip_sandbox::sample_video(1 << 20);
/// assert!(video.len() >= 1 << 20 && video[4..8] == *b"ftyp");
/// ```
#[must_use]
pub fn sample_video(bytes: usize) -> Vec<u8> {
    let padding = u32::try_from(bytes.saturating_sub(VIDEO.len())).unwrap_or(u32::MAX).max(8);
    let mut video = [VIDEO, &padding.to_be_bytes(), b"free"].concat();
    video.resize(VIDEO.len() + padding as usize, 0);
    video
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Preview,
    Export,
    Thumbnail,
}

impl Kind {
    fn file(self) -> &'static str {
        match self {
            Self::Preview => "esd.mp4",
            Self::Export => "ehd.mp4",
            Self::Thumbnail => "thumbnail.jpg",
        }
    }

    fn of(file: &str) -> Option<Self> {
        [Self::Preview, Self::Export, Self::Thumbnail].into_iter().find(|kind| kind.file() == file)
    }
}

/// A link that ends to work after a while, as those of the service do.
pub(crate) fn link(call: &Call<'_>, project: &Project, clip: &Clip, kind: Kind) -> String {
    // A user id has a pipe in it, also in links.
    let user = USER.replace('|', "%7C");
    let path = format!("{PREFIX}media/{}/{user}/clips/{}/{}", encoded(&project.org), project.full_id(clip), kind.file());
    signed(call, &path)
}

/// A picture of a thumbnail job.
pub(crate) fn thumbnail(call: &Call<'_>, job: &str, number: u32) -> String {
    signed(call, &format!("{PREFIX}generated/{job}/{number}.jpg"))
}

fn signed(call: &Call<'_>, path: &str) -> String {
    let expires = seconds(call.now + call.settings.link_life);
    format!("{}{path}?Expires={expires}&Signature={}", call.base, signature(path, expires))
}

fn seconds(moment: SystemTime) -> u64 {
    moment.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// No secret, but whoever changes a link notices.
fn signature(path: &str, expires: u64) -> String {
    format!("{:08x}", crc32c::crc32c(format!("{path}?{expires}").as_bytes()))
}

fn encoded(segment: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    segment.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// How large a clip's file is, in bytes, give or take its id.
pub(crate) fn size() -> i64 {
    i64::try_from(VIDEO.len()).unwrap_or(i64::MAX)
}

/// Serves a file, a part of it, or says why not.
pub(crate) fn serve(world: &World, now: SystemTime, is_uploaded: impl Fn(&str) -> bool, ask: &Ask) -> Reply {
    if !["GET", "HEAD"].contains(&ask.method.as_str()) {
        return Reply::xml(405, "MethodNotAllowed", "The file can be read only").with_header("allow", "GET, HEAD");
    }
    let gone = || Reply::xml(404, "NoSuchKey", "The file does not exist");
    let segments: Vec<&str> = ask.path.trim_start_matches(PREFIX).split('/').collect();
    let (kind, bytes) = match segments.as_slice() {
        ["media", _, _, "clips", id, file] => {
            let (Some(kind), Some((project, clip))) = (Kind::of(file), world.clip(id, now)) else { return gone() };
            let bytes = if kind == Kind::Thumbnail { Bytes::from_static(PICTURE) } else { video(&project.full_id(clip), kind) };
            (kind, bytes)
        }
        ["generated", job, _] if world.generative_jobs.contains_key(*job) => (Kind::Thumbnail, Bytes::from_static(PICTURE)),
        // Pictures that were uploaded have a link without an end.
        ["uploads", upload] if is_uploaded(upload) => return part(ask, "image/jpeg", Bytes::from_static(PICTURE)),
        _ => return gone(),
    };
    let expires = ask.query("Expires").and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    if ask.query("Signature") != Some(signature(&ask.path, expires).as_str()) {
        return Reply::xml(403, "SignatureDoesNotMatch", "The signature of the link is not right");
    }
    if UNIX_EPOCH.checked_add(Duration::from_secs(expires)).is_some_and(|end| now >= end) {
        return Reply::xml(403, "ExpiredToken", "The link has expired; list the clips again");
    }
    part(ask, if kind == Kind::Thumbnail { "image/jpeg" } else { "video/mp4" }, bytes)
}

/// Each clip has bytes of its own: a box that players skip holds its id.
fn video(id: &str, kind: Kind) -> Bytes {
    let name = format!("{id}/{}", kind.file());
    let length = u32::try_from(name.len() + 8).unwrap_or(8);
    [VIDEO, &length.to_be_bytes(), b"free", name.as_bytes()].concat().into()
}

fn part(ask: &Ask, content_type: &'static str, bytes: Bytes) -> Reply {
    let etag = format!("\"{:08x}-{}\"", crc32c::crc32c(&bytes), bytes.len());
    let whole = bytes.len() as u64;
    let dress = |reply: Reply| reply.with_header("etag", etag.as_str()).with_header("accept-ranges", "bytes");
    if ask.header("if-none-match").is_some_and(|tags| tags == "*" || tags.split(',').any(|tag| tag.trim() == etag)) {
        return dress(Reply::new(304, Payload::Empty));
    }
    let file = |status, bytes| dress(Reply::new(status, Payload::Raw { content_type, bytes }));
    let fits = ask.header("if-range").is_none_or(|tag| tag == etag);
    let Some(range) = ask.header("range").filter(|_| fits) else { return file(200, bytes) };
    // What is no range at all is to be ignored; one that lies outside is not.
    let Ok(parsed) = http_range_header::parse_range_header(range) else { return file(200, bytes) };
    match parsed.validate(whole).as_deref() {
        Ok([range]) => {
            let (first, last) = (*range.start(), *range.end());
            let cut = usize::try_from(first).ok().zip(usize::try_from(last).ok());
            let bytes = cut.map_or_else(Bytes::new, |(first, last)| bytes.slice(first..=last));
            file(206, bytes).with_header("content-range", format!("bytes {first}-{last}/{whole}"))
        }
        // Several at once would need multipart; the whole is a lawful answer.
        Ok(_) => file(200, bytes),
        Err(_) => dress(Reply::xml(416, "InvalidRange", "The range lies outside of the file"))
            .with_header("content-range", format!("bytes */{whole}")),
    }
}
