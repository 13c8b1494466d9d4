//! Bytes of the wire as neutral data: queries, and bodies that come compressed.

use std::io::Read as _;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use crate::spec::percent_decode;

/// The pairs of a query or a form, decoded.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode(&text.replace('+', " ")).into_owned();
    let parts = text.split('&').filter(|pair| !pair.is_empty());
    parts.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(name, value)| (decode(name), decode(value))).collect()
}

/// A body without its content encodings, which stand in the order in which they were put on.
pub(crate) fn decoded(bytes: &[u8], encodings: &str, limit: usize) -> Result<Vec<u8>, &'static str> {
    let mut bytes = bytes.to_vec();
    if bytes.is_empty() {
        return Ok(bytes);
    }
    for encoding in encodings.rsplit(',').map(|name| name.trim().to_ascii_lowercase()) {
        bytes = match encoding.as_str() {
            "" | "identity" => bytes,
            "gzip" | "x-gzip" => read(MultiGzDecoder::new(bytes.as_slice()), limit)?,
            // Some send a raw stream where RFC 9110 asks for zlib's.
            "deflate" => match read(ZlibDecoder::new(bytes.as_slice()), limit) {
                Ok(decoded) => decoded,
                Err(TOO_LARGE) => return Err(TOO_LARGE),
                Err(_) => read(DeflateDecoder::new(bytes.as_slice()), limit)?,
            },
            _ => return Err("a content encoding other than gzip and deflate"),
        };
    }
    Ok(bytes)
}

const TOO_LARGE: &str = "a body that is too large once decoded";

fn read(reader: impl std::io::Read, limit: usize) -> Result<Vec<u8>, &'static str> {
    let mut decoded = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX);
    reader.take(most.saturating_add(1)).read_to_end(&mut decoded).map_err(|_| "a body that its content encoding does not fit")?;
    if decoded.len() > limit { Err(TOO_LARGE) } else { Ok(decoded) }
}
