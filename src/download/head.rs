//! What the head of an answer says of the file behind it.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, DATE, ETAG, HeaderMap, HeaderName, LAST_MODIFIED, TRANSFER_ENCODING,
};
use serde::{Deserialize, Serialize};

use crate::transport::retry_after;

/// What tells one state of a file from the next, strong enough to put parts of it together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Version {
    Etag(String),
    LastModified(String),
}

impl Version {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Etag(text) | Self::LastModified(text) => text,
        }
    }
}

/// A checksum of the whole file, as its storage computed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Sum {
    Crc32c(u32),
    Md5([u8; 16]),
}

/// What `Content-Range` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Range {
    Part {
        first: u64,
        last: u64,
        total: Option<u64>,
    },
    /// The range that was asked for lies outside of so many bytes.
    Outside {
        total: u64,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) length: Option<u64>,
    /// Whether the end of the body is marked, so that one that breaks off is found out without its length.
    pub(super) is_framed: bool,
    pub(super) range: Option<Range>,
    pub(super) version: Option<Version>,
    pub(super) sum: Option<Sum>,
    /// Whether it can be a video: a page of HTML that something between has put in its place cannot.
    pub(super) is_media: bool,
    pub(super) retry_after: Option<Duration>,
}

impl Head {
    pub(super) fn read(status: u16, headers: &HeaderMap, now: SystemTime) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let length = text(&CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let kind = text(&CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        let is_talk = ["text/", "application/json", "application/xml", "application/problem"].iter().any(|talk| kind.starts_with(talk));
        let is_encoded = text(&CONTENT_ENCODING).is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity"));
        Self {
            status,
            length,
            is_framed: length.is_some() || text(&TRANSFER_ENCODING).is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")),
            range: text(&CONTENT_RANGE).and_then(range),
            version: version(text(&ETAG), text(&LAST_MODIFIED), text(&DATE)),
            sum: sum(headers),
            is_media: !is_talk && !is_encoded,
            retry_after: retry_after(headers, now),
        }
    }
}

/// A weak tag does not promise the same bytes, nor does a date that is younger than a minute (RFC 9110, 8.8.2.2).
fn version(etag: Option<&str>, modified: Option<&str>, date: Option<&str>) -> Option<Version> {
    let strong = etag.filter(|tag| tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'));
    let moment = |text: Option<&str>| httpdate::parse_http_date(text?).ok();
    let settled = || {
        let age = moment(date)?.duration_since(moment(modified)?).ok()?;
        modified.filter(|_| age >= Duration::from_secs(60))
    };
    strong.map(|tag| Version::Etag(tag.to_owned())).or_else(|| settled().map(|date| Version::LastModified(date.to_owned())))
}

/// CRC-32C where there is one, as Google's own clients do: it is had for nothing, and every object has it.
fn sum(headers: &HeaderMap) -> Option<Sum> {
    let given = headers.get_all("x-goog-hash").iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let hashes: Vec<&str> = given.map(str::trim).collect();
    let decoded = |name: &str| STANDARD.decode(hashes.iter().find_map(|hash| hash.strip_prefix(name))?).ok();
    let crc32c = decoded("crc32c=").and_then(|bytes| Some(Sum::Crc32c(u32::from_be_bytes(bytes.try_into().ok()?))));
    crc32c.or_else(|| Some(Sum::Md5(decoded("md5=")?.try_into().ok()?)))
}

fn range(text: &str) -> Option<Range> {
    let (part, total) = text.strip_prefix("bytes ")?.trim().split_once('/')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    if part == "*" {
        return Some(Range::Outside { total: total? });
    }
    let (first, last) = part.split_once('-')?;
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last && total.is_none_or(|total| last < total)).then_some(Range::Part { first, last, total })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &[(&'static str, &'static str)]) -> Head {
        let map = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
        Head::read(200, &map, SystemTime::UNIX_EPOCH)
    }

    #[test]
    fn ranges_are_read_or_not_at_all() {
        assert_eq!(range("bytes 4-7/9"), Some(Range::Part { first: 4, last: 7, total: Some(9) }));
        assert_eq!(range("bytes 4-7/*"), Some(Range::Part { first: 4, last: 7, total: None }));
        assert_eq!(range("bytes */9"), Some(Range::Outside { total: 9 }));
        for wrong in ["", "bytes", "bytes 7-4/9", "bytes 4-9/9", "bytes */*", "items 1-2/3", "bytes 1-/3", "bytes -1/3"] {
            assert_eq!(range(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_a_strong_version_counts() {
        let (noon, late) = ("Mon, 01 Jun 2026 12:00:00 GMT", "Mon, 01 Jun 2026 12:01:00 GMT");
        assert_eq!(head(&[("etag", "\"a\""), ("last-modified", noon)]).version, Some(Version::Etag("\"a\"".to_owned())));
        assert_eq!(head(&[("etag", "W/\"a\""), ("last-modified", noon), ("date", late)]).version.unwrap().as_str(), noon);
        for weak in
            [&[("etag", "W/\"a\"")][..], &[("last-modified", noon)], &[("last-modified", noon), ("date", noon)], &[("etag", "a")], &[]]
        {
            assert_eq!(head(weak).version, None, "{weak:?}");
        }
    }

    #[test]
    fn checksums_pages_and_encodings_are_seen() {
        assert_eq!(head(&[("x-goog-hash", "md5=JfOoXNjGtwx3Ll2bZG2vJA==, crc32c=4waSgw==")]).sum, Some(Sum::Crc32c(0xE306_9283)));
        assert!(matches!(head(&[("x-goog-hash", "crc32c=%,md5=JfOoXNjGtwx3Ll2bZG2vJA==")]).sum, Some(Sum::Md5([0x25, 0xf3, ..]))));
        assert_eq!(head(&[("x-goog-hash", "md5=AAAA")]).sum, None);
        assert!(head(&[("content-type", "video/mp4")]).is_media && head(&[]).is_media);
        assert!(!head(&[("content-type", "Text/HTML; charset=utf-8")]).is_media && !head(&[("content-encoding", "gzip")]).is_media);
        assert!(head(&[("transfer-encoding", "chunked")]).is_framed && head(&[("content-length", "1")]).is_framed && !head(&[]).is_framed);
    }
}
