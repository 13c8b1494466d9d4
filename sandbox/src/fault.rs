//! Faults on demand: what shall go wrong, in which operation, and which time.

use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use opusclip::operation::Operation;

/// Something that shall go wrong, written as `OPERATION[#WHICH]=ACTION[,ACTION…]`.
///
/// ```
/// use opusclip_sandbox::Fault;
///
/// let lost: Fault = "create_project#1=lost".parse()?;
/// assert_eq!(lost.to_string(), "create_project#1=lost");
/// assert!("create_projekt=lost".parse::<Fault>().unwrap_err().to_string().contains("create_projekt"));
/// # Ok::<(), opusclip_sandbox::FaultError>(())
/// ```
///
/// `OPERATION` is an operationId, `cdn` for the files of clips, or `*`. `WHICH` is `3` for the third request after the fault
/// was set, `2-4`, or `2+` for all from the second on; without it every request is struck. The actions are in the README.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    text: String,
    operation: String,
    first: u64,
    last: u64,
    actions: Vec<Action>,
}

/// Why a text is no fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultError(String);

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FaultError {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// The form of an error body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Documented,
    Service,
    Framework,
    Cap,
    Text,
    Html,
    Xml,
    Empty,
}

/// The envelope of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Envelope {
    Bare,
    Data,
    DataList,
    List,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    /// Answers this instead, without an effect.
    Status(u16, Shape),
    /// Waits first, in real time.
    Delay(Duration),
    /// Sends the head and so many bytes of the body, then nothing.
    Stall(u64),
    /// Resets the connection before anything has an effect.
    Reset,
    /// Lets the request have its effect, then resets the connection.
    Lost,
    /// Breaks the body off after so many bytes.
    Cut(u64),
    /// An empty 200 after the effect.
    Empty,
    Envelope(Envelope),
    SnakeCase,
    UnknownEnum,
    NoExportLinks,
    Header(String, Option<String>),
    /// These are for uploads: after so many bytes of the body have come.
    ResetAt(u64),
    StatusAt(u64, u16),
    StallAt(u64),
    /// Does not store the last so many bytes.
    Forget(u64),
    /// Takes so many bytes a second.
    Slow(u64),
}

const ACTIONS: &str = "status:N[:service|framework|cap|text|html|xml|empty], delay:TIME, stall[:BYTES], reset, lost, cut[:BYTES], empty, \
                       envelope:bare|data|data-list|list, snake-case, unknown-enum, no-export-links, header:NAME:VALUE, no-header:NAME, \
                       reset-at:BYTES, status-at:BYTES:N, stall-at:BYTES, forget:BYTES, slow:BYTES_PER_SECOND";

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let text = text.trim();
        let fail = |what: String| FaultError(format!("`{text}` is no fault: {what}"));
        let (target, actions) =
            text.split_once('=').ok_or_else(|| fail("write OPERATION=ACTION, as `create_project#1=lost`".to_owned()))?;
        let (operation, which) = target.split_once('#').map_or((target, None), |(operation, which)| (operation, Some(which)));
        if operation != "*" && operation != "cdn" && Operation::find(operation).is_none() {
            return Err(fail(format!("there is no operation `{operation}`; take an operationId of openapi.yaml, `cdn` or `*`")));
        }
        let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number > 0);
        let bounds = match which {
            None => Some((1, u64::MAX)),
            Some(which) => match (which.strip_suffix('+'), which.split_once('-')) {
                (Some(first), _) => number(first).map(|first| (first, u64::MAX)),
                (_, Some((first, last))) => number(first).zip(number(last)).filter(|(first, last)| first <= last),
                _ => number(which).map(|only| (only, only)),
            },
        };
        let (first, last) = bounds.ok_or_else(|| fail("after `#` comes 3, 2-4 or 2+".to_owned()))?;
        let actions: Vec<Action> = actions
            .split(',')
            .fold(Vec::<String>::new(), |mut parts, part| {
                // The value of a header may have commas.
                match parts.last_mut().filter(|last| last.starts_with("header:") && !Action::is_name(part)) {
                    Some(last) => *last = format!("{last},{part}"),
                    None => parts.push(part.to_owned()),
                }
                parts
            })
            .iter()
            .map(|action| Action::parse(action.trim()).ok_or_else(|| fail(format!("`{action}` is no action; there are {ACTIONS}"))))
            .collect::<Result<_, _>>()?;
        Ok(Self { text: text.to_owned(), operation: operation.to_owned(), first, last, actions })
    }
}

impl Action {
    fn is_name(text: &str) -> bool {
        let name = text.trim().split(':').next().unwrap_or_default();
        ACTIONS.split([',', ' ']).any(|known| known.split([':', '[']).next() == Some(name))
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, argument) = text.split_once(':').map_or((text, None), |(name, argument)| (name, Some(argument)));
        let bytes = || argument.map_or(Some(0), |text| text.parse().ok());
        let needed = || argument.and_then(|text| text.parse().ok());
        let status = |text: &str| text.parse().ok().filter(|status| (200..600).contains(status));
        Some(match name {
            "status" => {
                let (code, shape) = argument.map(|text| text.split_once(':').map_or((text, None), |(code, shape)| (code, Some(shape))))?;
                let shape = match shape {
                    None => Shape::Documented,
                    Some("service") => Shape::Service,
                    Some("framework") => Shape::Framework,
                    Some("cap") => Shape::Cap,
                    Some("text") => Shape::Text,
                    Some("html") => Shape::Html,
                    Some("xml") => Shape::Xml,
                    Some("empty") => Shape::Empty,
                    Some(_) => return None,
                };
                Self::Status(status(code)?, shape)
            }
            "delay" => Self::Delay(humantime::parse_duration(argument?).ok()?),
            "stall" => Self::Stall(bytes()?),
            "cut" => Self::Cut(bytes()?),
            "envelope" => Self::Envelope(match argument? {
                "bare" => Envelope::Bare,
                "data" => Envelope::Data,
                "data-list" => Envelope::DataList,
                "list" => Envelope::List,
                _ => return None,
            }),
            "header" => {
                let (name, value) = argument?.split_once(':')?;
                hyper::header::HeaderName::from_bytes(name.as_bytes()).ok()?;
                hyper::header::HeaderValue::from_str(value.trim()).ok()?;
                Self::Header(name.to_ascii_lowercase(), Some(value.trim().to_owned()))
            }
            "no-header" => {
                hyper::header::HeaderName::from_bytes(argument?.as_bytes()).ok()?;
                Self::Header(argument?.to_ascii_lowercase(), None)
            }
            "reset-at" => Self::ResetAt(needed()?),
            "stall-at" => Self::StallAt(needed()?),
            "forget" => Self::Forget(needed()?),
            "slow" => Self::Slow(needed().filter(|rate| *rate > 0)?),
            "status-at" => {
                let (bytes, code) = argument?.split_once(':')?;
                Self::StatusAt(bytes.parse().ok()?, status(code)?)
            }
            "reset" if argument.is_none() => Self::Reset,
            "lost" if argument.is_none() => Self::Lost,
            "empty" if argument.is_none() => Self::Empty,
            "snake-case" if argument.is_none() => Self::SnakeCase,
            "unknown-enum" if argument.is_none() => Self::UnknownEnum,
            "no-export-links" if argument.is_none() => Self::NoExportLinks,
            _ => return None,
        })
    }
}

/// The faults that are set, with how many requests each has seen.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<(Fault, u64)>>);

/// What strikes one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trouble {
    /// As they were written.
    pub(crate) names: Vec<String>,
    pub(crate) actions: Vec<Action>,
}

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((fault, 0));
    }

    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn list(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(|(fault, _)| fault.text.clone()).collect()
    }

    /// Counts a request of this operation, and says what strikes it.
    pub(crate) fn strike(&self, operation: &str) -> Trouble {
        let mut trouble = Trouble::default();
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (fault, seen) in faults.iter_mut() {
            if fault.operation == "*" || fault.operation == operation {
                *seen += 1;
                if (fault.first..=fault.last).contains(seen) {
                    trouble.names.push(fault.text.clone());
                    trouble.actions.extend(fault.actions.iter().cloned());
                }
            }
        }
        // What cannot strike any more is forgotten.
        faults.retain(|(fault, seen)| *seen < fault.last);
        trouble
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_the_requests_that_it_names() {
        let faults = Faults::default();
        faults.add("get_project#2-3=status:503:html,delay:20ms".parse().unwrap());
        faults.add("*#4+=reset".parse().unwrap());
        assert!(faults.strike("get_project").actions.is_empty());
        let second = faults.strike("get_project");
        assert_eq!(second.actions, [Action::Status(503, Shape::Html), Action::Delay(Duration::from_millis(20))]);
        assert!(faults.strike("list_clips").actions.is_empty());
        assert_eq!(faults.strike("list_clips").actions, [Action::Reset], "the fourth of all");
    }

    #[test]
    fn what_is_no_fault_is_told() {
        let wrong = [
            "create_project",
            "creat=lost",
            "cdn#0=lost",
            "cdn#3-2=lost",
            "*=boom",
            "*=status:99",
            "*=status:503:pink",
            "*=delay:soon",
            "*=header:x",
            "*=slow:0",
            "*=reset-at",
            "*=lost:1",
        ];
        for text in wrong {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is no fault: ")), "{error}");
        }
        for right in
            ["cdn=cut:10", "*=status:429", "send_upload_bytes#1=reset-at:300000", "*=header:x-goog-hash:crc32c=AAAAAA==,md5=x,lost"]
        {
            assert_eq!(right.parse::<Fault>().unwrap().to_string(), right);
        }
        let both: Fault = "*=header:x-goog-hash:crc32c=A,md5=B, lost".parse().unwrap();
        assert_eq!(both.actions, [Action::Header("x-goog-hash".to_owned(), Some("crc32c=A,md5=B".to_owned())), Action::Lost]);
        for empty in ["*=no-header:", "*=header::x"] {
            assert!(empty.parse::<Fault>().is_err());
        }
    }
}
