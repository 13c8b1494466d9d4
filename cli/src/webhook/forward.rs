//! `--forward`: the message goes on as it came.

use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::{self, HeaderName};
use opusclip::Clock;
use reqwest::{StatusCode, Url};

use super::message::Message;
use super::post::Receiver;
use super::relay::{Undelivered, Via};
use crate::failure::Failure;

/// The pause after the first attempt; each one is twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(500);

/// What is of one connection only, and what is written anew for the next one.
const OF_THE_CONNECTION: [HeaderName; 10] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::EXPECT,
    header::TE,
    header::TRAILER,
    header::UPGRADE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
];

#[derive(Debug)]
pub(super) struct Forward {
    receiver: Receiver,
    clock: Arc<dyn Clock>,
}

impl Forward {
    pub(super) fn new(url: &Url, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        Ok(Self { receiver: Receiver::new(url)?, clock })
    }

    /// Sends it on until it is taken. Of a message that came by webhook the sender waits for the answer, and sends it
    /// again by itself; what polling has seen, nobody else sends.
    pub(super) async fn send(&self, message: &Message, via: Via) -> Result<(), Undelivered> {
        let attempts = match via {
            Via::Webhook => 3,
            Via::Poll => 8,
        };
        let message = Message { headers: end_to_end(&message.headers), body: message.body.clone() };
        let mut pause = PAUSE;
        for attempt in 1.. {
            let (is_passing, why) = match self.receiver.post(&message).await {
                Ok(answer) if answer.status.is_success() => return Ok(()),
                Ok(answer) => (may_pass(answer.status), answer.told()),
                Err(why) => (true, why),
            };
            if !is_passing || attempt == attempts {
                let times = if attempt == 1 { String::new() } else { format!(" {attempt} times, at last:") };
                return Err(Undelivered { status: StatusCode::BAD_GATEWAY, why: format!("{}{times} {why}", self.receiver.name()) });
            }
            self.clock.sleep(pause).await;
            pause *= 2;
        }
        Ok(())
    }
}

fn may_pass(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
}

fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    OF_THE_CONNECTION.iter().for_each(|name| {
        headers.remove(name);
    });
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_one_connection_stays_behind() {
        let lines = [("host", "a"), ("transfer-encoding", "chunked"), ("x-opus-salt", "s"), ("authorization", "theirs"), ("via", "1.1 p")];
        let headers = lines.into_iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect();
        let kept = end_to_end(&headers);
        let mut names: Vec<&str> = kept.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["authorization", "via", "x-opus-salt"]);
    }
}
