//! What is answered to each request.

use std::io::{self, Read, Write};
use std::sync::LazyLock;

use crc_fast::{CrcAlgorithm, checksum, checksum_combine};

use crate::http::{Connection, Request};
use crate::storage::{Range, Storage, encode};

/// What clips are made of, again and again.
static BLOCK: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..1_u32 << 18).flat_map(|word| word.wrapping_mul(0x9E37_79B1).to_le_bytes()).collect());

pub(crate) fn answer<S: Read + Write>(connection: &mut Connection<S>, request: &Request, storage: &Storage) -> io::Result<()> {
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let json = |text: String| ([("content-type", "application/json".to_owned())], text.into_bytes());
    match (request.method.as_str(), path) {
        ("PUT", _) => put(connection, request, storage),
        ("POST", "/api/upload-links") => {
            connection.body(request, |_| {})?;
            let (headers, body) = json(format!(r#"{{"url":"{}/object","uploadId":"upload"}}"#, storage.base));
            connection.answer("200 OK", &headers, &body)
        }
        ("POST", _) => {
            connection.body(request, |_| {})?;
            // The JSON API says 200 where the XML API says 201.
            let status = if path.starts_with("/upload/storage/v1/") { "200 OK" } else { "201 Created" };
            connection.answer(status, &[("location", storage.start())], b"")
        }
        ("GET", "/api/exportable-clips") => {
            let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            let (headers, body) = json(match (value("projectId"), value("pageNum")) {
                (Some(bytes), None | Some("1")) => {
                    format!(r#"[{{"id":"{bytes}.clip","title":"clip","uriForExport":"{}/clips/{bytes}"}}]"#, storage.base)
                }
                _ => "[]".to_owned(),
            });
            connection.answer("200 OK", &headers, &body)
        }
        ("GET", _) => match path.strip_prefix("/clips/").and_then(|bytes| bytes.parse().ok()) {
            Some(size) => clip(connection, request, size),
            None => connection.answer("404 Not Found", &[], b""),
        },
        _ => {
            connection.body(request, |_| {})?;
            connection.answer("405 Method Not Allowed", &[], b"")
        }
    }
}

fn put<S: Read + Write>(connection: &mut Connection<S>, request: &Request, storage: &Storage) -> io::Result<()> {
    let range = request.header("content-range").and_then(Range::parse);
    let mut session = storage.load(&request.target);
    let first = range.as_ref().map_or(Some(0), |range| range.first);
    if first.is_some_and(|first| first != session.offset) {
        connection.body(request, |_| {})?;
        return connection.answer("503 Service Unavailable", &[], b"");
    }
    connection.body(request, |bytes| session.absorb(bytes))?;
    storage.save(&request.target, session);
    let is_complete = match range {
        Some(Range { first: None, total: None }) => false,
        Some(Range { total: Some(total), .. }) => session.offset == total,
        _ => true,
    };
    if !is_complete {
        let kept = session.offset.checked_sub(1).map(|last| ("range", format!("bytes=0-{last}")));
        return connection.answer("308 Resume Incomplete", kept.as_slice(), b"");
    }
    let mut headers = vec![("x-goog-stored-content-length", session.offset.to_string())];
    let mut body = format!(r#"{{"bucket":"bench","name":"object","generation":"1","size":"{}""#, session.offset);
    if let Some(crc32c) = session.crc32c() {
        body.push_str(&format!(r#","crc32c":"{crc32c}""#));
        headers.push(("x-goog-hash", format!("crc32c={crc32c}")));
    }
    body.push('}');
    connection.answer("200 OK", &headers, body.as_bytes())
}

fn clip<S: Read + Write>(connection: &mut Connection<S>, request: &Request, size: u64) -> io::Result<()> {
    let first = request.header("range").and_then(|range| range.strip_prefix("bytes=")?.split('-').next()?.parse::<u64>().ok());
    let first = first.filter(|first| *first < size);
    let mut headers = vec![
        ("content-type", "video/mp4".to_owned()),
        ("accept-ranges", "bytes".to_owned()),
        ("etag", format!("\"{size}\"")),
        ("x-goog-hash", format!("crc32c={}", encode(crc32c(size)))),
    ];
    let mut at = first.unwrap_or(0);
    if first.is_some() {
        headers.push(("content-range", format!("bytes {at}-{}/{size}", size - 1)));
    }
    connection.head(if first.is_some() { "206 Partial Content" } else { "200 OK" }, &headers, size - at)?;
    while at < size {
        let from = (at % BLOCK.len() as u64) as usize;
        let count = usize::try_from(size - at).unwrap_or(usize::MAX).min(BLOCK.len() - from);
        connection.send(&BLOCK[from..from + count])?;
        at += count as u64;
    }
    Ok(())
}

fn crc32c(size: u64) -> u64 {
    let algorithm = CrcAlgorithm::Crc32Iscsi;
    let (blocks, rest) = (size / BLOCK.len() as u64, &BLOCK[..(size % BLOCK.len() as u64) as usize]);
    let block = checksum(algorithm, &BLOCK);
    let whole = (0..blocks).fold(checksum(algorithm, b""), |crc, _| checksum_combine(algorithm, crc, block, BLOCK.len() as u64));
    checksum_combine(algorithm, whole, checksum(algorithm, rest), rest.len() as u64)
}
