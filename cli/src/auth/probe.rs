//! One call that costs nothing, to see what the service says to a key.

use std::error::Error as _;
use std::time::Duration;

use opusclip::{RawReply, RetryPolicy};

use crate::failure::{Code, Failure};
use crate::settings::Account;

/// What is asked: it reads a short list, and is not billed.
pub(crate) const OPERATION: &str = "list_brand_templates";

/// Asks once. Nobody wants to wait for a diagnosis.
pub(crate) async fn ask(account: &Account) -> Result<RawReply, opusclip::Error> {
    let builder = account.builder().with_retry(RetryPolicy::never()).with_timeout(Duration::from_secs(15));
    builder.build()?.raw(OPERATION).with("q", "mine").await
}

/// Whether the service takes key and organisation.
pub(crate) async fn check(account: &Account) -> Result<(), Failure> {
    match ask(account).await {
        Ok(reply) => judge(&reply),
        Err(error) => {
            let failure = Failure::from(&error);
            let why = cause(&error).map(|why| format!("{failure}: {why}"));
            Err(Failure::new(failure.code, why.unwrap_or_else(|| failure.to_string())))
        }
    }
}

/// What a reply says of the key.
pub(crate) fn judge(reply: &RawReply) -> Result<(), Failure> {
    let code = match reply.status() {
        200..=299 if is_of_the_api(reply) => return Ok(()),
        401 => return Err(Failure::new(Code::Auth, "the service refuses the API key (401)")),
        403 => Code::Forbidden,
        429 => Code::RateLimited,
        200..=399 | 404 => {
            let status = reply.status();
            return Err(Failure::new(Code::Upstream, format!("what answers at this address is not the API ({status})"))
                .with_next("look at the address (`--base-url`), and whether the network wants a sign-in first"));
        }
        status => {
            return Err(Failure::new(Code::Upstream, format!("the service answers {status}"))
                .with_next("run it again later; https://status.opus.pro tells of incidents"));
        }
    };
    Err(Failure::new(code, format!("the service answers {}", reply.status())))
}

/// Whether it is no page of a hotel's network.
fn is_of_the_api(reply: &RawReply) -> bool {
    reply.bytes().is_empty() || serde_json::from_slice::<serde_json::Value>(reply.bytes()).is_ok()
}

/// Why no reply came, as far as the layers below tell.
pub(crate) fn cause(error: &opusclip::Error) -> Option<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    let all = causes.join(": ").to_lowercase();
    let last = causes.pop()?;
    let has = |words: &[&str]| words.iter().any(|word| all.contains(word));
    let kind = if has(&["dns error", "failed to lookup"]) {
        "the name of the host is not found (DNS)"
    } else if has(&["timed out", "deadline has elapsed"]) {
        "nothing answers there (timeout)"
    } else if has(&["tunnel", "proxy", "socks"]) {
        "the proxy does not let it through"
    } else if has(&["tcp connect error"]) {
        "the connection is not made (TCP)"
    } else if error.is_connect() {
        // What is left of connecting, once there is a connection.
        "the encrypted connection is not made (TLS)"
    } else {
        return Some(last);
    };
    Some(format!("{kind}: {last}"))
}

#[cfg(test)]
mod tests {
    use opusclip::operation::Operation;

    #[test]
    fn what_is_asked_is_free() {
        let operation = Operation::find(super::OPERATION).unwrap();
        assert!(!operation.billed && operation.idempotent && operation.method == "GET");
    }
}
