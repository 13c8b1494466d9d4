//! The HTTP side of an upload: what reaches the storage, and where a fault breaks it.

use std::io;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use opusclip::operation::Operation;

use crate::clock::Clock;
use crate::core::Core;
use crate::fault::{Action, Shape, Trouble};
use crate::gate::{ASKED, Ask, VIOLATION, describe, is_fatal, printable, read, status};
use crate::journal::Entry;
use crate::reply::Reply;
use crate::server::Connection;
use crate::storage::{Range, Start, Writer};

/// How long a stalled upload is held.
const STALL_TIME: Duration = Duration::from_secs(600);

/// A step of an upload.
pub(crate) async fn step(
    core: &Core,
    connection: &Connection,
    ask: &Ask,
    operation: &'static Operation,
    trouble: &Trouble,
    body: &mut Incoming,
    entry: &mut Entry,
) -> Result<Reply, io::Error> {
    if let Some(reply) = status(core, Some(operation), trouble, Shape::Xml) {
        return Ok(reply);
    }
    let now = core.clock.now();
    // The signature of a link is opaque; the rest has to be as documented.
    let mut request = ask.request(&[]);
    request.query.retain(|(name, _)| !name.to_ascii_lowercase().starts_with("x-goog-"));
    let spec = &core.rules.spec;
    let found = spec.operation(operation.id).map(|documented| spec.check_request(documented, &request)).unwrap_or_default();
    let fatal = found.iter().find(|violation| is_fatal(core, operation, violation)).map(|violation| describe(core, operation, violation));
    entry.violations = found.iter().map(|violation| describe(core, operation, violation)).collect();
    if let Some(fatal) = fatal {
        let text =
            if ask.header("authorization").is_some() { "The API key does not belong here" } else { "The request is not as documented" };
        return Ok(Reply::xml(400, "InvalidArgument", text).with_header(VIOLATION, printable(&fatal)));
    }
    let session = ask.query("upload_id").unwrap_or_default();
    let length = ask.header("content-length").and_then(|text| text.parse::<u64>().ok());
    let reply = match ask.method.as_str() {
        "POST" => {
            if read(body, 0, core.settings.body_time).await.is_err() {
                Reply::xml(400, "InvalidArgument", "The start of a session has no body")
            } else {
                let session = format!("AAkI{}", core.world().letters(40));
                core.storage.start(&Start {
                    upload: ask.path.rsplit('/').next().unwrap_or_default(),
                    signature: ask.query("X-Goog-Signature"),
                    session: &session,
                    path: &ask.path,
                    base: &ask.base(core),
                    life: core.settings.session_life,
                    now,
                })
            }
        }
        "DELETE" => core.storage.cancel(session, now),
        _ => {
            let range = Range::parse(ask.header("content-range"));
            match core.storage.put(session, range, length, now) {
                Err(reply) => reply,
                Ok(writer) => receive(core, connection, writer, trouble, body, entry).await?,
            }
        }
    };
    entry.effect = reply.is_success() || [308, 499].contains(&reply.status);
    Ok(reply)
}

/// Takes the bytes of an upload, and breaks where a fault says so.
async fn receive(
    core: &Core,
    connection: &Connection,
    mut writer: Writer<'_>,
    trouble: &Trouble,
    body: &mut Incoming,
    entry: &mut Entry,
) -> Result<Reply, io::Error> {
    let mut rate = None;
    for action in &trouble.actions {
        match action {
            Action::Forget(bytes) => writer.forget(*bytes),
            Action::Slow(bytes) => rate = Some(*bytes),
            _ => {}
        }
    }
    loop {
        for action in &trouble.actions {
            match action {
                Action::ResetAt(bytes) if entry.received >= *bytes => {
                    return Err(connection.reset());
                }
                Action::StatusAt(bytes, code) if entry.received >= *bytes => {
                    return Ok(Reply::xml(*code, "SandboxError", ASKED).with_header("connection", "close"));
                }
                Action::StallAt(bytes) if entry.received >= *bytes => {
                    // Whether the client still waits does not show while nothing is read of it: this is the end of the exchange.
                    entry.note = Some(format!("stalled after {} bytes", entry.received));
                    core.note(std::mem::take(entry), None);
                    Clock::pause(STALL_TIME).await;
                    return Err(connection.reset());
                }
                _ => {}
            }
        }
        match tokio::time::timeout(core.settings.body_time, body.frame()).await {
            Err(_) => {
                return Ok(Reply::xml(408, "RequestTimeout", "The body took too long").with_header("connection", "close"));
            }
            Ok(None) => return Ok(writer.end()),
            Ok(Some(Err(_))) => {
                entry.note = Some(format!("the connection broke after {} bytes", entry.received));
                return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
            }
            Ok(Some(Ok(frame))) => {
                let Ok(data) = frame.into_data() else { continue };
                let count = data.len() as u64;
                entry.received += count;
                if let Err(reply) = writer.write(data) {
                    return Ok(reply.with_header("connection", "close"));
                }
                if let Some(rate) = rate {
                    #[allow(clippy::cast_precision_loss, reason = "a pause need not be exact")]
                    Clock::pause(Duration::from_secs_f64(count as f64 / rate as f64)).await;
                }
            }
        }
    }
}
