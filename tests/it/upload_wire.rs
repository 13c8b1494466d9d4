//! Uploads to storages that do what the sandbox does not, byte by byte.

use std::future::{Future, IntoFuture};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use base64::Engine as _;
use opusclip::{Client, RetryPolicy, UploadProgress, UploadSource, Verification};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::support::{FakeClock, KEY};

const SECRET: &str = "AAkISecretOfTheSession";

/// A connection on which the head of a PUT has just been read.
struct Put {
    socket: TcpStream,
    /// From 1, over all connections.
    number: u64,
    range: Option<String>,
    length: u64,
    session: String,
}

impl Put {
    async fn answer(&mut self, status: &str, headers: &str, body: &str) {
        let text = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len());
        self.socket.write_all(text.as_bytes()).await.unwrap();
    }

    /// Reads the body, as far as it comes.
    async fn read(&mut self, limit: u64) -> u64 {
        let (mut buffer, mut count) = (vec![0; 64 << 10], 0);
        while count < limit {
            let room = buffer.len().min(usize::try_from(limit - count).unwrap());
            match self.socket.read(&mut buffer[..room]).await {
                Ok(0) | Err(_) => break,
                Ok(read) => count += read as u64,
            }
        }
        count
    }
}

/// Gives out links and sessions, and leaves every PUT to `put`, which says whether the connection goes on.
async fn storage<F>(put: impl Fn(Put) -> F + Send + Sync + 'static) -> Client
where
    F: Future<Output = Option<TcpStream>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::builder(KEY).with_base_url(&url).with_pacing(false).with_retry(RetryPolicy::never());
    let client = client.with_clock(FakeClock::new()).build().unwrap();
    let (put, puts) = (Arc::new(put), Arc::new(AtomicU64::new(0)));
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (put, puts, url) = (Arc::clone(&put), Arc::clone(&puts), url.clone());
            tokio::spawn(async move {
                loop {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        let Ok(byte) = socket.read_u8().await else { return };
                        head.push(byte);
                    }
                    let head = String::from_utf8(head).unwrap();
                    let value = |name: &str| {
                        head.lines().find_map(|line| {
                            let (key, value) = line.split_once(": ")?;
                            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
                        })
                    };
                    let length: u64 = value("content-length").map_or(0, |length| length.parse().unwrap());
                    let session = format!("{url}/storage/u1?upload_id={SECRET}");
                    if head.starts_with("PUT ") {
                        let number = puts.fetch_add(1, Ordering::SeqCst) + 1;
                        match put(Put { socket, number, range: value("content-range"), length, session }).await {
                            Some(again) => socket = again,
                            None => return,
                        }
                        continue;
                    }
                    let mut body = vec![0; usize::try_from(length).unwrap()];
                    socket.read_exact(&mut body).await.unwrap();
                    let answer = if head.starts_with("POST /api/upload-links") {
                        let body = format!(r#"{{"url":"{url}/storage/u1","uploadId":"u1"}}"#);
                        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
                    } else {
                        format!("HTTP/1.1 201 Created\r\nlocation: {session}\r\ncontent-length: 0\r\n\r\n")
                    };
                    socket.write_all(answer.as_bytes()).await.unwrap();
                }
            });
        }
    });
    client
}

fn hash(bytes: &[u8]) -> String {
    format!("x-goog-hash: crc32c={}\r\n", base64::engine::general_purpose::STANDARD.encode(crc32c::crc32c(bytes).to_be_bytes()))
}

/// A storage, or something before it, refuses early, and keeps what comes on that connection all the same. What it has then is no
/// more than what was sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_out_after_an_early_answer_was_sent_too() {
    let bytes = vec![7; 24 << 20];
    let proof = hash(&bytes);
    let persisted = Arc::new(watch::Sender::new(None));
    let client = storage(move |mut put| {
        let (persisted, proof) = (Arc::clone(&persisted), proof.clone());
        async move {
            match put.number {
                1 => {
                    let early = put.read(1).await;
                    put.answer("503 Service Unavailable", "", "").await;
                    let length = put.length;
                    let rest = put.read(length - early).await;
                    persisted.send_replace(Some(early + rest));
                    None
                }
                2 => {
                    assert_eq!(put.range.as_deref(), Some("bytes */25165824"));
                    let persisted = persisted.subscribe().wait_for(Option::is_some).await.unwrap().unwrap();
                    put.answer("308 Resume Incomplete", &format!("range: bytes=0-{}\r\n", persisted - 1), "").await;
                    Some(put.socket)
                }
                _ => {
                    let length = put.length;
                    assert_eq!(put.read(length).await, length);
                    put.answer("200 OK", &proof, "").await;
                    Some(put.socket)
                }
            }
        }
    })
    .await;
    let uploaded = client.upload(bytes).await.unwrap();
    // What was on its way when the connection closed was sent, and is sent again.
    assert!((24 << 20..32 << 20).contains(&uploaded.sent), "{}", uploaded.sent);
    assert_eq!(uploaded.verification, Verification::Crc32c);
}

/// A storage refuses early and reads no further, on a connection that it leaves open: what was to be sent there goes another way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::disallowed_methods, reason = "a socket of the system is looked at, which has no clock")]
async fn a_connection_that_is_left_hanging_keeps_nobody_waiting() {
    let bytes = vec![7; 24 << 20];
    let proof = hash(&bytes);
    let (held, told) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(None::<watch::Receiver<UploadProgress>>)));
    let progress = Arc::clone(&told);
    let client = storage(move |mut put| {
        let (held, progress, proof) = (Arc::clone(&held), Arc::clone(&progress), proof.clone());
        async move {
            match put.number {
                1 => {
                    // Only once nothing more fits between the two.
                    let sent = || progress.lock().unwrap().as_ref().unwrap().borrow().sent;
                    let mut before = 0;
                    while before == 0 || before != sent() {
                        before = sent();
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    put.answer("503 Service Unavailable", "", "").await;
                    held.lock().unwrap().push(put.socket);
                    return None;
                }
                2 => put.answer("308 Resume Incomplete", "", "").await,
                _ => {
                    let length = put.length;
                    assert_eq!(put.read(length).await, length);
                    put.answer("200 OK", &proof, "").await;
                }
            }
            Some(put.socket)
        }
    })
    .await;
    let upload = client.upload(bytes);
    *told.lock().unwrap() = Some(upload.progress());
    let ended = tokio::time::timeout(Duration::from_secs(20), upload.into_future()).await;
    assert_eq!(ended.expect("it ends").unwrap().verification, Verification::Crc32c);
}

/// Whoever has the address of the session can write the object, and some error pages repeat it.
#[tokio::test]
async fn an_answer_that_repeats_the_address_does_not_give_it_away() {
    for kind in ["text", "html"] {
        let client = storage(move |mut put| async move {
            let length = put.length;
            put.read(length).await;
            let page = format!("The requested URL {} was not found", put.session.replace("http://", "//"));
            let page = if kind == "html" { format!("<html><title>Error</title><Message>{page}</Message></html>") } else { page };
            put.answer("412 Precondition Failed", "", &page).await;
            Some(put.socket)
        })
        .await;
        let upload = client.upload(vec![1_u8; 9]);
        let progress = upload.progress();
        let error = upload.await.unwrap_err();
        assert_eq!(error.status(), Some(412));
        let told = format!("{error} {error:?} {error:#?} {} {:?} {:?}", error.body(), error.message(), progress.borrow());
        assert!(told.contains("was not found") && !told.contains(SECRET), "{told}");
    }
}

/// A source that gives nothing more from some place on once it is sent, until the other end of the channel is gone.
struct Silent(Cursor<Vec<u8>>, Arc<AtomicBool>, mpsc::Receiver<()>);

impl Read for Silent {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.1.load(Ordering::SeqCst) && self.0.position() >= 1 << 20 {
            let _ = self.2.recv();
        }
        Read::read(&mut self.0, buffer)
    }
}

impl Seek for Silent {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[tokio::test]
async fn a_source_that_falls_silent_is_an_error_and_no_hang() {
    let is_sent = Arc::new(AtomicBool::new(false));
    let is_silent = Arc::clone(&is_sent);
    let client = storage(move |mut put| {
        is_sent.store(true, Ordering::SeqCst);
        async move {
            let length = put.length;
            put.read(length).await;
            None
        }
    })
    .await;
    let (hold, held) = mpsc::channel();
    let source = UploadSource::seekable(Silent(Cursor::new(vec![1; 16 << 20]), is_silent, held));
    let upload = client.upload(source).with_stall_time(Duration::from_millis(20));
    let ended = tokio::time::timeout(Duration::from_secs(5), upload.into_future()).await;
    drop(hold);
    let error = ended.expect("it ends").unwrap_err();
    assert!(error.is_io() && error.resume_token().is_some(), "{error:#?}");
}
