//! What went wrong, which exit code says so, and what to do next.

use std::fmt;
use std::io;

use opusclip::Error;
use opusclip::operation::Operation;

/// The exit codes, as `opusclip help exit-codes` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    General = 1,
    Usage = 2,
    Auth = 3,
    Forbidden = 4,
    NotFound = 5,
    RateLimited = 6,
    Invalid = 7,
    Upstream = 8,
    Quota = 9,
    Unknown = 10,
    Partial = 11,
    TimedOut = 124,
    Interrupted = 130,
}

impl Code {
    pub(crate) const ALL: [Self; 13] = [
        Self::General,
        Self::Usage,
        Self::Auth,
        Self::Forbidden,
        Self::NotFound,
        Self::RateLimited,
        Self::Invalid,
        Self::Upstream,
        Self::Quota,
        Self::Unknown,
        Self::Partial,
        Self::TimedOut,
        Self::Interrupted,
    ];

    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::General => "an error that has no code of its own, as a file that cannot be written",
            Self::Usage => "wrong arguments, settings or files; nothing was sent",
            Self::Auth => "no API key, or one that the service refuses (401)",
            Self::Forbidden => "the account or the network is not allowed to do this (403)",
            Self::NotFound => "no such project, clip, job or file of the service (404)",
            Self::RateLimited => "too many requests, or too many projects at once (429)",
            Self::Invalid => "the service refuses the request as it is (400, 422); or a webhook that does not verify",
            Self::Upstream => "the service, the storage or the network failed, or the project stalled",
            Self::Quota => "credits, minutes or a quota are used up (402, 403 with the monthly cap); or `--max-credits`",
            Self::Unknown => "a call that bills may have been done and its reply is lost: look before you repeat it",
            Self::Partial => "some of several items are done, others are not",
            Self::TimedOut => "not done in the time that was given; the service goes on",
            Self::Interrupted => "interrupted; the same command goes on where it was",
        }
    }

    /// Whether time alone may mend it.
    pub(crate) fn may_pass(self) -> bool {
        matches!(self, Self::RateLimited | Self::Upstream | Self::TimedOut | Self::Partial)
    }

    /// What to do next, where the error itself does not say so.
    fn advice(self) -> Option<&'static str> {
        Some(match self {
            Self::Auth => {
                "run `opusclip auth login`, or set OPUSCLIP_API_KEY, or give a file with `--api-key-file`; keys are made at https://clip.opus.pro/dashboard"
            }
            Self::Forbidden => "look at plan, organisation (`--org`) and network; `opusclip doctor` checks what can be checked for free",
            Self::NotFound => "look at the id; a project of another organisation needs `--org`, and projects expire",
            Self::RateLimited => "run it again later: nothing was done",
            Self::Quota => "wait for the reset, or change the plan; nothing was billed for this",
            Self::Unknown => "look in the dashboard whether it is there before you repeat the call: it may have been billed",
            Self::Upstream => "run it again: what is safe to repeat goes on where it was",
            Self::TimedOut => "run it again: waiting costs nothing",
            Self::Interrupted => "run the same command again: it goes on where it was",
            Self::Invalid => "change what the message names; nothing was done, nothing was billed",
            Self::General | Self::Usage | Self::Partial => return None,
        })
    }

    fn of(error: &Error) -> Self {
        match error.status() {
            _ if error.is_cancelled() => Self::Interrupted,
            _ if error.is_outcome_unknown() => Self::Unknown,
            _ if error.is_quota_exhausted() => Self::Quota,
            _ if error.is_rate_limited() || error.is_concurrency_limited() => Self::RateLimited,
            _ if error.is_unauthorized() => Self::Auth,
            _ if error.is_not_found() => Self::NotFound,
            _ if error.is_invalid_input() || error.is_source_changed() => Self::Usage,
            _ if error.is_timeout() => Self::TimedOut,
            Some(403) => Self::Forbidden,
            Some(408 | 500..=599) => Self::Upstream,
            Some(400..=499) => Self::Invalid,
            _ if error.is_io() || error.is_in_use() => Self::General,
            _ => Self::Upstream,
        }
    }
}

/// An error as a person reads it.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) code: Code,
    message: String,
    next: Option<String>,
    is_of_the_account: bool,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), next: code.advice().map(str::to_owned), is_of_the_account: false }
    }

    /// What was given is wrong; `next` says what to give.
    pub(crate) fn usage(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(Code::Usage, message).with_next(next)
    }

    /// A file of this machine; `what` names it.
    pub(crate) fn io(what: impl fmt::Display, error: &io::Error) -> Self {
        Self { next: advice(error).map(str::to_owned), ..Self::new(Code::General, format!("{what}: {error}")) }
    }

    pub(crate) fn with_next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    pub(crate) fn with_code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Whether every other call of this account would be refused as well.
    pub(crate) fn is_of_the_account(&self) -> bool {
        self.is_of_the_account
    }

    pub(crate) fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }
}

/// What to do about a file of this machine.
fn advice(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            Some("make room, and run it again: it goes on where it was")
        }
        io::ErrorKind::NotFound => Some("look at the name"),
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => Some("a file is where a folder is needed: choose another place"),
        io::ErrorKind::IsADirectory => Some("a folder is where a file is needed: choose another name"),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Some("look at the permissions, or choose another place"),
        _ => None,
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let mut failure = Self::new(Code::of(error), error.to_string());
        // The storage does not know the account: what it refuses is one link.
        let is_of_the_storage = error.operation().and_then(Operation::find).is_some_and(|operation| operation.storage);
        failure.is_of_the_account = !is_of_the_storage && matches!(failure.code, Code::Auth | Code::Forbidden | Code::Quota);
        // Whatever else the reply says: what may have been done is not to be repeated.
        if failure.code == Code::Unknown {
            return failure;
        }
        if error.is_concurrency_limited() {
            return failure.with_next("wait until a project is finished (`opusclip project wait`), then run it again: nothing was done");
        }
        if let Some(reset) = error.reset_at() {
            return failure.with_next(format!("the quota is free again at {reset}; nothing was billed for this"));
        }
        if let Some(after) = error.retry_after() {
            return failure.with_next(format!("run it again in {}: nothing was done", humantime::format_duration(after)));
        }
        let cause = error.is_io().then(|| std::error::Error::source(error)).flatten();
        match cause.and_then(|cause| cause.downcast_ref()).and_then(advice) {
            Some(next) => failure.with_next(next),
            None => failure,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
