//! The storage steps of an upload, one request each; no API key ever goes there.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, RANGE, USER_AGENT};
use reqwest::{Body, Method, Request, Url};
use serde::Serialize;
use serde_json::{Value, json};

use crate::client::is_loopback;
use crate::dispatch::{Dispatched, Input};
use crate::operation::{CANCEL_UPLOAD_SESSION, Operation, SEND_UPLOAD_BYTES, START_UPLOAD_SESSION};
use crate::transport::{Answer, Exchange};
use crate::{Client, Error};

/// Asking for the offset changes nothing, unlike the operation whose method and path it shares.
const QUERY_UPLOAD_OFFSET: Operation = Operation { id: "query_upload_offset", idempotent: true, ..SEND_UPLOAD_BYTES };

/// A started upload: whoever has its address can write the object, so it is a secret and is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct UploadSession {
    uri: Url,
    id: Option<String>,
}

impl UploadSession {
    /// The address, to be stored where only its owner can read it.
    #[must_use]
    pub fn expose_uri(&self) -> &str {
        self.uri.as_str()
    }
}

impl fmt::Debug for UploadSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadSession").field("host", &self.uri.host_str()).finish_non_exhaustive()
    }
}

/// Where an upload stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", tag = "state")]
#[non_exhaustive]
pub enum UploadStatus {
    /// The storage wants more.
    #[serde(rename_all = "camelCase")]
    Incomplete {
        /// How many bytes the storage has kept: the offset to go on from. It may be less than what was sent.
        persisted: u64,
    },
    /// The object exists.
    #[serde(rename_all = "camelCase")]
    Complete {
        /// CRC-32C of the stored bytes, as the storage computed it.
        crc32c: Option<u32>,
        /// MD5 of the stored bytes in Base64, as the storage computed it.
        md5: Option<String>,
        /// Length of the stored object, in bytes.
        length: Option<u64>,
    },
}

/// Which bytes of the whole a request carries.
///
/// ```
/// use opusclip::ContentRange;
///
/// assert_eq!(ContentRange::new(0, 262_144).of(1_048_576).to_string(), "bytes 0-262143/1048576");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    first: u64,
    length: u64,
    total: Option<u64>,
}

impl ContentRange {
    /// `length` bytes from the offset `first`, of a whole whose size is not yet known. A part that is not the last has
    /// to be a multiple of 256 KiB.
    #[must_use]
    pub fn new(first: u64, length: u64) -> Self {
        Self { first, length, total: None }
    }

    /// The same, of a whole of `total` bytes.
    #[must_use]
    pub fn of(mut self, total: u64) -> Self {
        self.total = Some(total);
        self
    }
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total.map_or_else(|| "*".to_owned(), |total| total.to_string());
        match self.length {
            0 => write!(f, "bytes */{total}"),
            length => write!(f, "bytes {}-{}/{total}", self.first, self.first + (length - 1)),
        }
    }
}

impl Client {
    /// Starts a resumable session at the address that [`create_upload_link`](Self::create_upload_link) gave.
    ///
    /// ```no_run
    /// # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
    /// use opusclip::types::UploadVideo;
    ///
    /// let link = client.create_upload_link().with_video(UploadVideo::new(opusclip::types::UploadUsecase::LocalUpload)).await?;
    /// let session = client.start_upload_session(&link.url).await?;
    /// client.send_upload_bytes(&session, b"the video".to_vec(), None).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Safe to repeat: a second session only makes the first one useless. Source: documented, DOC-2.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] for an address that is not `https` or asks for headers that would not be sent; an error
    /// status; a reply without the session's address.
    pub async fn start_upload_session(&self, link: &str) -> Result<UploadSession, Error> {
        let operation = &START_UPLOAD_SESSION;
        let url = self.storage_url(Some(operation), link)?;
        check_signed_headers(operation, &url)?;
        let mut request = Request::new(Method::POST, url.clone());
        request.headers_mut().insert("x-goog-resumable", HeaderValue::from_static("start"));
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        let answer = self.storage(operation, request).await?;
        if !answer.status.is_success() {
            return Err(Error::from_answer(operation, self.shared(), &answer).without_address(&url));
        }
        let location = text(&answer.headers, &LOCATION)
            .ok_or_else(|| Error::unusable(operation, self.shared(), &answer, "the storage gave no `Location`").without_address(&url))?;
        let id = ["x-goog-resumable-upload-id", "x-guploader-uploadid"]
            .into_iter()
            .find_map(|name| text(&answer.headers, &HeaderName::from_static(name)));
        Ok(UploadSession { uri: self.storage_url(Some(operation), &location)?, id })
    }

    /// Takes up a session again from its stored address.
    ///
    /// # Errors
    ///
    /// [`Error::is_invalid_input`] for an address that is not `https`.
    pub fn open_upload_session(&self, uri: &str) -> Result<UploadSession, Error> {
        Ok(UploadSession { uri: self.storage_url(None, uri)?, id: None })
    }

    /// Sends bytes: all of them, or the part that `range` names. One attempt: after any failure the offset has to be
    /// asked for first, with [`query_upload_offset`](Self::query_upload_offset). Source: documented, DOC-2; ranges as
    /// Google Cloud Storage documents them.
    ///
    /// # Errors
    ///
    /// An error status of the storage, a connection that broke off, a reply that makes no sense.
    pub async fn send_upload_bytes(
        &self,
        session: &UploadSession,
        bytes: Vec<u8>,
        range: Option<ContentRange>,
    ) -> Result<UploadStatus, Error> {
        let length = bytes.len() as u64;
        self.send_upload_body(session, bytes.into(), length, range).await
    }

    /// Sends a body of a known length, once and without a limit on its time.
    pub(crate) async fn send_upload_body(
        &self,
        session: &UploadSession,
        body: Body,
        length: u64,
        range: Option<ContentRange>,
    ) -> Result<UploadStatus, Error> {
        let operation = &SEND_UPLOAD_BYTES;
        let mut request = Request::new(Method::PUT, session.uri.clone());
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        if let Some(range) = range {
            headers.insert(CONTENT_RANGE, range_header(operation, range)?);
        }
        *request.body_mut() = Some(body);
        let answer = self.storage_once(operation, request).await?;
        self.upload_status(operation, session, &answer)
    }

    /// Asks how many bytes the storage has kept. Safe to repeat. `total` is the size of the whole, if it is known.
    ///
    /// # Errors
    ///
    /// An error status of the storage (404 and 410: the session is gone), or no reply.
    pub async fn query_upload_offset(&self, session: &UploadSession, total: Option<u64>) -> Result<UploadStatus, Error> {
        let answer = self.storage(&QUERY_UPLOAD_OFFSET, query(session, total)?).await?;
        self.upload_status(&QUERY_UPLOAD_OFFSET, session, &answer)
    }

    /// The same, asked once.
    pub(crate) async fn query_upload_offset_once(&self, session: &UploadSession, total: u64) -> Result<UploadStatus, Error> {
        let mut request = query(session, Some(total))?;
        *request.timeout_mut() = Some(self.shared().timeout);
        let answer = self.storage_once(&QUERY_UPLOAD_OFFSET, request).await?;
        self.upload_status(&QUERY_UPLOAD_OFFSET, session, &answer)
    }

    /// Gives up a session. Safe to repeat: a session that is gone counts as cancelled.
    ///
    /// # Errors
    ///
    /// An error status of the storage other than 404, 410 and 499, which is how it says yes.
    pub async fn cancel_upload_session(&self, session: &UploadSession) -> Result<(), Error> {
        let operation = &CANCEL_UPLOAD_SESSION;
        let mut request = Request::new(Method::DELETE, session.uri.clone());
        request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        let answer = self.storage(operation, request).await?;
        match answer.status.as_u16() {
            200..=299 | 404 | 410 | 499 => Ok(()),
            _ => Err(Error::from_answer(operation, self.shared(), &answer).without_address(&session.uri)),
        }
    }

    async fn storage(&self, operation: &'static Operation, mut request: Request) -> Result<Answer, Error> {
        let shared = self.shared();
        request.timeout_mut().get_or_insert(shared.timeout);
        self.identify(&mut request);
        let exchange = shared.execute(&shared.http, request, operation).await;
        match exchange.ending {
            Ok(answer) => Ok(answer),
            Err(_) => Err(Error::from_exchange(operation, shared, exchange)),
        }
    }

    /// One attempt: who sends it decides what comes after.
    async fn storage_once(&self, operation: &'static Operation, mut request: Request) -> Result<Answer, Error> {
        let shared = self.shared();
        let started = shared.clock.now();
        self.identify(&mut request);
        shared.attempt(&shared.http, request).await.map_err(|failure| {
            let elapsed = crate::transport::since(shared.clock.as_ref(), started);
            Error::from_exchange(operation, shared, Exchange { attempts: 1, is_repeated: false, elapsed, ending: Err(failure) })
        })
    }

    fn identify(&self, request: &mut Request) {
        request.headers_mut().insert(USER_AGENT, self.shared().user_agent.clone());
    }

    fn upload_status(&self, operation: &'static Operation, session: &UploadSession, answer: &Answer) -> Result<UploadStatus, Error> {
        let error = match answer.status.as_u16() {
            200..=299 => return Ok(complete(&answer.headers, &answer.body)),
            308 => match persisted(&answer.headers) {
                Some(persisted) => return Ok(UploadStatus::Incomplete { persisted }),
                None => Error::unusable(operation, self.shared(), answer, "the storage gave a `Range` that is not `bytes=0-LAST`"),
            },
            _ => Error::from_answer(operation, self.shared(), answer),
        };
        Err(error.without_address(&session.uri))
    }

    /// An address of the storage: encrypted, unless everything here is on this machine anyway.
    pub(crate) fn storage_url(&self, operation: Option<&'static Operation>, text: &str) -> Result<Url, Error> {
        // The address may be signed, so no message repeats it.
        let url = Url::parse(text).map_err(|error| Error::input(operation, format!("the storage address is not a URL: {error}")))?;
        let plain_is_fine = url.scheme() == "http" && is_loopback(&self.shared().base_url);
        if url.scheme() == "https" || plain_is_fine {
            return Ok(url);
        }
        Err(Error::input(operation, format!("the storage address has the scheme `{}`; expected https", url.scheme())))
    }
}

fn query(session: &UploadSession, total: Option<u64>) -> Result<Request, Error> {
    let mut request = Request::new(Method::PUT, session.uri.clone());
    request.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    let range = ContentRange { first: 0, length: 0, total };
    request.headers_mut().insert(CONTENT_RANGE, range_header(&QUERY_UPLOAD_OFFSET, range)?);
    Ok(request)
}

fn range_header(operation: &'static Operation, range: ContentRange) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(&range.to_string()).map_err(|error| Error::input(operation, error.to_string()))
}

/// A signed address says which headers it was signed with; one that is not sent would only be found out by a 403.
fn check_signed_headers(operation: &'static Operation, url: &Url) -> Result<(), Error> {
    let signed =
        url.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case("x-goog-signedheaders")).map(|(_, value)| value.to_lowercase());
    let missing =
        signed.iter().flat_map(|names| names.split(';')).find(|name| !["host", "x-goog-resumable", "content-length", ""].contains(name));
    match missing {
        None => Ok(()),
        Some(name) => {
            Err(Error::input(operation, format!("the upload link is signed for the header `{name}`, which is not sent; make a new link")))
        }
    }
}

fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// `Range: bytes=0-N` means N + 1 bytes; no header means none. `None` if it says something else.
fn persisted(headers: &HeaderMap) -> Option<u64> {
    let Some(range) = headers.get(RANGE) else { return Some(0) };
    let last = range.to_str().ok()?.trim().strip_prefix("bytes=0-")?;
    last.parse::<u64>().ok()?.checked_add(1)
}

/// The proof of what was stored: in the headers, or in the JSON body of the JSON API.
fn complete(headers: &HeaderMap, body: &[u8]) -> UploadStatus {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let hashes: Vec<String> = headers
        .get_all("x-goog-hash")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|hash| hash.trim().to_owned())
        .collect();
    let hash = |name: &str, key: &str| {
        let header = hashes.iter().find_map(|hash| hash.strip_prefix(name)?.strip_prefix('='));
        header.or_else(|| json.get(key).and_then(Value::as_str)).map(str::to_owned)
    };
    let crc32c = hash("crc32c", "crc32c")
        .and_then(|text| STANDARD.decode(text).ok())
        .and_then(|bytes| Some(u32::from_be_bytes(bytes.try_into().ok()?)));
    let size = || json.get("size").and_then(|size| size.as_u64().or_else(|| size.as_str()?.parse().ok()));
    let stored = headers.get("x-goog-stored-content-length").and_then(|value| value.to_str().ok()?.parse().ok());
    UploadStatus::Complete { crc32c, md5: hash("md5", "md5Hash"), length: stored.or_else(size) }
}

/// Runs a storage operation from JSON: `url`, `body` as text, and `Content-Range` as it goes over the wire.
pub(crate) async fn dispatch(client: &Client, operation: &'static Operation, mut input: Input<'_>) -> Result<Dispatched, Error> {
    let url: String = input.required("url")?;
    if operation.id == START_UPLOAD_SESSION.id {
        input.close()?;
        let session = client.start_upload_session(&url).await?;
        let value = json!({"location": session.expose_uri(), "uploadId": session.id});
        return Ok(Dispatched { type_name: "UploadSession".to_owned(), value });
    }
    let session = client.open_upload_session(&url)?;
    if operation.id == CANCEL_UPLOAD_SESSION.id {
        input.close()?;
        client.cancel_upload_session(&session).await?;
        return Dispatched::of(&());
    }
    let body: String = input.optional("body")?.unwrap_or_default();
    let range: Option<String> = input.optional("Content-Range")?;
    input.close()?;
    let wrong = || Error::input(operation, "`Content-Range` is wrong; expected `bytes FIRST-LAST/TOTAL` or `bytes */TOTAL`");
    let range = range.map(|text| parse_range(&text).ok_or_else(wrong)).transpose()?;
    let status = match range {
        Some(ContentRange { length: 0, total, .. }) => client.query_upload_offset(&session, total).await?,
        range => client.send_upload_bytes(&session, body.into_bytes(), range).await?,
    };
    Dispatched::of(&status)
}

fn parse_range(text: &str) -> Option<ContentRange> {
    let (part, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    if part == "*" {
        return Some(ContentRange { first: 0, length: 0, total });
    }
    let (first, last) = part.split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    Some(ContentRange { first, length: last.checked_sub(first)?.checked_add(1)?, total })
}
