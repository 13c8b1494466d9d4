//! The course of one file: what to do next, decided from what was seen; no I/O.

use std::time::Duration;

use super::head::{Head, Range, Sum, Version};
use crate::RetryPolicy;

/// What a request asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ask {
    /// The first byte that is wanted; with a range unless it is 0.
    pub(super) from: u64,
    /// The range counts only while the file is this one.
    pub(super) if_range: Option<Version>,
    /// Nothing is wanted if the file is still this one.
    pub(super) unless: Option<String>,
}

/// What to do next.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    Fetch(Ask),
    /// The link has expired, or never worked: list the clips again.
    Renew,
    Pause(Duration),
    /// All bytes are there: compare their checksum.
    Verify,
    /// The bytes are there and right.
    Done,
    /// The file that was fetched earlier is still the one.
    Unchanged,
    Fail(Why),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The trouble seen last does not pass.
    Trouble,
    /// The bytes are not what the server says they are, twice.
    Corrupt,
    /// Neither a length nor a checksum was given: nobody can tell whether it is whole.
    Unknowable,
}

/// What to do with the body of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Drop the bytes that are there, and take these.
    Afresh,
    /// Add these.
    Append,
    /// Leave it.
    Leave,
}

/// What was found on disk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    pub(super) length: u64,
    pub(super) crc32c: u32,
    pub(super) md5: Option<[u8; 16]>,
}

/// Every file gets so many chances to arrive unharmed.
const CORRUPT: u32 = 2;

#[derive(Debug)]
pub(super) struct Course {
    policy: RetryPolicy,
    /// Bytes that are there, all of the version below.
    have: u64,
    version: Option<Version>,
    total: Option<u64>,
    sum: Option<Sum>,
    unless: Option<String>,
    asked: u64,
    /// Where the answer that is being read has to end.
    limit: Option<u64>,
    is_framed: bool,
    /// The most bytes that have ever been there: only beyond it there is progress, so that a file that begins anew with every
    /// answer does not go on for ever.
    high: u64,
    failures: u32,
    is_renewed: bool,
    corrupt: u32,
    next: Next,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Next {
    Fetch,
    Renew,
    Pause(Option<Duration>),
    Verify,
    Done,
    Unchanged,
    Fail(Why),
}

impl Course {
    /// A course that begins with `have` bytes of a version.
    pub(super) fn new(policy: RetryPolicy, have: u64, version: Option<Version>, unless: Option<String>) -> Self {
        Self {
            policy,
            have,
            version,
            total: None,
            sum: None,
            unless,
            asked: 0,
            limit: None,
            is_framed: false,
            high: 0,
            failures: 0,
            is_renewed: false,
            corrupt: 0,
            next: Next::Fetch,
        }
    }

    pub(super) fn have(&self) -> u64 {
        self.have
    }

    pub(super) fn total(&self) -> Option<u64> {
        self.total
    }

    pub(super) fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }

    pub(super) fn sum(&self) -> Option<Sum> {
        self.sum
    }

    pub(super) fn step(&mut self, random: f64) -> Step {
        match self.next {
            Next::Fetch => {
                // Bytes of no version cannot be gone on with.
                if self.version.is_none() {
                    self.forget();
                }
                self.asked = self.have;
                let if_range = self.version.clone().filter(|_| self.have > 0);
                Step::Fetch(Ask { from: self.have, if_range, unless: self.unless.clone() })
            }
            Next::Renew => Step::Renew,
            Next::Pause(asked) => {
                self.next = Next::Fetch;
                let exponent = self.failures.saturating_sub(1).min(20);
                let ceiling = self.policy.base_pause.saturating_mul(1 << exponent).min(self.policy.max_pause);
                Step::Pause(match asked {
                    Some(asked) => asked + self.policy.base_pause.mul_f64(random),
                    None => ceiling.mul_f64(random),
                })
            }
            Next::Verify => Step::Verify,
            Next::Done => Step::Done,
            Next::Unchanged => Step::Unchanged,
            Next::Fail(why) => Step::Fail(why),
        }
    }

    /// No answer came.
    pub(super) fn unanswered(&mut self) {
        self.trouble(None);
    }

    /// An answer begins.
    pub(super) fn answered(&mut self, head: &Head) -> Body {
        match head.status {
            200 | 203 if head.is_media && head.length != Some(0) => {
                self.forget();
                self.version = head.version.clone();
                (self.total, self.limit) = (head.length, head.length);
                (self.sum, self.is_framed) = (head.sum, head.is_framed);
                return Body::Afresh;
            }
            206 if self.asked > 0 && self.continues(head) => return Body::Append,
            304 if self.unless.is_some() => self.next = Next::Unchanged,
            416 if self.asked > 0 && self.is_all(head) => self.next = Next::Verify,
            // What came does not fit to what is there: from the start, if there is an attempt left.
            206 | 304 | 412 | 416 => {
                self.forget();
                self.trouble(None);
            }
            400 | 401 | 403 | 404 | 410 => {
                self.next = if self.is_renewed { Next::Fail(Why::Trouble) } else { Next::Renew };
            }
            200 | 203 | 204 | 408 | 425 | 429 | 500..=599 => self.trouble(head.retry_after),
            _ => self.next = Next::Fail(Why::Trouble),
        }
        Body::Leave
    }

    /// Whether an answer goes on where the bytes end, in the same file.
    fn continues(&mut self, head: &Head) -> bool {
        let Some(Range::Part { first, last, total }) = head.range else { return false };
        let is_same = same(&self.version, &head.version) && same(&self.total, &total) && same(&self.sum, &head.sum);
        let fits = first == self.have && head.length.is_none_or(|length| length == last - first + 1);
        if !(is_same && fits && head.is_media) {
            return false;
        }
        self.total = self.total.or(total);
        self.sum = self.sum.or(head.sum);
        // The end of a part is not the end of the file.
        (self.limit, self.is_framed) = (Some(last + 1), false);
        true
    }

    /// Whether an answer says that there is nothing beyond the bytes that are there.
    fn is_all(&mut self, head: &Head) -> bool {
        let ends = head.range == Some(Range::Outside { total: self.have });
        if !(ends && same(&self.version, &head.version) && same(&self.total, &Some(self.have)) && same(&self.sum, &head.sum)) {
            return false;
        }
        self.total = Some(self.have);
        self.sum = self.sum.or(head.sum);
        true
    }

    /// Takes so many bytes of the body; `false` if they are more than there can be, and are not to be kept.
    pub(super) fn took(&mut self, bytes: u64) -> bool {
        let have = self.have.saturating_add(bytes);
        if self.limit.is_some_and(|limit| have > limit) {
            return false;
        }
        self.have = have;
        if have > self.high {
            self.high = have;
            self.failures = 0;
            self.is_renewed = false;
        }
        true
    }

    /// A body ended, as it should or not.
    pub(super) fn ended(&mut self, is_clean: bool) {
        match self.total {
            Some(total) if total == self.have => self.next = Next::Verify,
            None if is_clean && self.have > 0 && self.is_framed => {
                self.total = Some(self.have);
                self.next = Next::Verify;
            }
            // Here nobody can ask what comes next, only a checksum can tell whether it is all.
            None if is_clean && self.have > 0 && self.version.is_none() => {
                self.next = if self.sum.is_some() { Next::Verify } else { Next::Fail(Why::Unknowable) };
            }
            _ => self.trouble(None),
        }
    }

    /// A body was longer than it can be.
    pub(super) fn overran(&mut self) {
        self.forget();
        self.trouble(None);
    }

    /// Whether there is a new link.
    pub(super) fn renewed(&mut self, is_new: bool) {
        self.is_renewed = true;
        self.next = if is_new { Next::Fetch } else { Next::Fail(Why::Trouble) };
    }

    /// What is on disk, after [`Step::Verify`].
    pub(super) fn verified(&mut self, found: &Found) {
        let is_right = match self.sum {
            None => true,
            Some(Sum::Crc32c(sum)) => found.crc32c == sum,
            Some(Sum::Md5(sum)) => found.md5 == Some(sum),
        };
        if is_right && found.length == self.have && found.length > 0 {
            self.next = Next::Done;
            return;
        }
        self.corrupt += 1;
        self.forget();
        (self.high, self.failures) = (0, 0);
        self.next = if self.corrupt < CORRUPT { Next::Fetch } else { Next::Fail(Why::Corrupt) };
    }

    /// The bytes that are there are worth nothing.
    fn forget(&mut self) {
        self.have = 0;
        (self.version, self.total, self.sum, self.limit) = (None, None, None, None);
    }

    fn trouble(&mut self, retry_after: Option<Duration>) {
        self.failures += 1;
        let is_over = self.failures >= self.policy.max_attempts || retry_after.is_some_and(|asked| asked > self.policy.max_pause);
        self.next = if is_over { Next::Fail(Why::Trouble) } else { Next::Pause(retry_after) };
    }
}

/// Whether two sayings agree, where both say something.
fn same<T: PartialEq>(known: &Option<T>, told: &Option<T>) -> bool {
    known.is_none() || told.is_none() || known == told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(have: u64) -> Course {
        Course::new(RetryPolicy::default(), have, (have > 0).then(|| tag("a")), None)
    }

    fn tag(tag: &str) -> Version {
        Version::Etag(format!("\"{tag}\""))
    }

    fn whole(length: u64) -> Head {
        Head { status: 200, length: Some(length), is_framed: true, version: Some(tag("a")), is_media: true, ..Head::default() }
    }

    fn part(first: u64, total: u64) -> Head {
        let range = Some(Range::Part { first, last: total - 1, total: Some(total) });
        Head { status: 206, length: Some(total - first), range, ..whole(0) }
    }

    fn status(status: u16) -> Head {
        Head { status, length: None, ..whole(0) }
    }

    #[test]
    fn a_file_that_breaks_off_goes_on_where_it_was() {
        let mut course = course(0);
        assert_eq!(course.step(0.5), Step::Fetch(Ask::default()));
        assert_eq!(course.answered(&whole(10)), Body::Afresh);
        assert!(course.took(7));
        course.ended(false);
        assert_eq!(course.step(0.5), Step::Pause(Duration::from_millis(250)));
        assert_eq!(course.step(0.5), Step::Fetch(Ask { from: 7, if_range: Some(tag("a")), unless: None }));
        assert_eq!(course.answered(&part(7, 10)), Body::Append);
        assert!(!course.took(4) && course.took(3));
        course.ended(true);
        assert_eq!(course.step(0.5), Step::Verify);
        course.verified(&Found { length: 10, ..Found::default() });
        assert_eq!(course.step(0.5), Step::Done);
    }

    #[test]
    fn what_does_not_fit_begins_from_the_start() {
        let other_tag = Head { version: Some(tag("b")), ..part(7, 10) };
        let other_range = part(6, 10);
        let other_length = Head { length: Some(2), ..part(7, 10) };
        let no_range = Head { range: None, ..part(7, 10) };
        let shorter = Head { range: Some(Range::Outside { total: 5 }), ..status(416) };
        let page = Head { is_media: false, ..part(7, 10) };
        for head in [other_tag, other_range, other_length, no_range, shorter, page] {
            let mut course = course(7);
            course.step(0.5);
            assert_eq!(course.answered(&head), Body::Leave, "{head:?}");
            assert!(matches!(course.step(0.5), Step::Pause(_)));
            assert_eq!(course.step(0.5), Step::Fetch(Ask::default()), "{head:?}");
        }
        let mut course = course(7);
        course.step(0.5);
        assert_eq!((course.answered(&whole(10)), course.have()), (Body::Afresh, 0), "a file that ignores ranges");
    }

    #[test]
    fn an_expired_link_is_renewed_once_until_there_is_progress() {
        let mut course = course(7);
        course.step(0.5);
        course.answered(&status(403));
        assert_eq!(course.step(0.5), Step::Renew);
        course.renewed(true);
        assert!(matches!(course.step(0.5), Step::Fetch(Ask { from: 7, .. })));
        course.answered(&part(7, 10));
        course.took(1);
        course.ended(false);
        course.step(0.5);
        course.step(0.5);
        course.answered(&status(410));
        assert_eq!(course.step(0.5), Step::Renew, "there was progress");
        course.renewed(true);
        course.step(0.5);
        course.answered(&status(404));
        assert_eq!(course.step(0.5), Step::Fail(Why::Trouble));
    }

    #[test]
    fn an_end_that_nobody_marks_is_asked_for() {
        let mut open = course(0);
        open.step(0.5);
        let unframed = Head { length: None, is_framed: false, ..whole(0) };
        open.answered(&unframed);
        open.took(5);
        open.ended(true);
        open.step(0.5);
        assert!(matches!(open.step(0.5), Step::Fetch(Ask { from: 5, .. })));
        open.answered(&Head { range: Some(Range::Outside { total: 5 }), ..status(416) });
        assert_eq!(open.step(0.5), Step::Verify);
        for (sum, expected) in [(None, Step::Fail(Why::Unknowable)), (Some(Sum::Crc32c(1)), Step::Verify)] {
            let mut untagged = course(0);
            untagged.step(0.5);
            untagged.answered(&Head { version: None, sum, ..unframed.clone() });
            untagged.took(5);
            untagged.ended(true);
            assert_eq!(untagged.step(0.5), expected);
        }
    }

    #[test]
    fn waits_are_those_of_the_policy() {
        let mut busy = course(0);
        busy.step(0.5);
        busy.answered(&Head { retry_after: Some(Duration::from_secs(9)), ..status(503) });
        assert_eq!(busy.step(0.5), Step::Pause(Duration::from_millis(9250)));
        busy.step(0.5);
        busy.answered(&Head { retry_after: Some(Duration::from_secs(99)), ..status(503) });
        assert_eq!(busy.step(0.5), Step::Fail(Why::Trouble), "longer than the policy allows");
        let mut moved = course(0);
        moved.step(0.5);
        moved.answered(&status(302));
        assert_eq!(moved.step(0.5), Step::Fail(Why::Trouble), "redirects are not followed");
    }
}
