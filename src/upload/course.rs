//! The course of one upload: pure decisions on what the storage has said.

use std::time::Duration;

use crate::Error;
use crate::error::Kind;
use crate::operation::SEND_UPLOAD_BYTES;
use crate::storage::UploadStatus;

/// A part that is not the last has to be a multiple of this.
pub(super) const QUANTUM: u64 = 256 << 10;

/// Sessions that may be lost, each of which costs what it had.
const MAX_RESTARTS: u32 = 5;

/// Links in a row under which no session could be started.
const MAX_LINKS: u32 = 3;

/// Questions for a hash that the storage has not told.
const MAX_UNPROVEN: u32 = 3;

const BASE_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(32);
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Start a session, under a new link if the old one is no good.
    Start,
    /// Ask for the offset.
    Ask,
    /// Send this part, which is all that is left unless the upload goes in chunks.
    Send {
        first: u64,
        length: u64,
    },
    Pause(Duration),
    /// Compare what the storage has with what was read.
    Prove(UploadStatus),
}

/// What came of a step.
#[derive(Debug)]
pub(super) enum Seen {
    Started,
    /// The link is expired or denied.
    LinkRefused(Error),
    Status(UploadStatus),
    /// The session does not exist any more.
    SessionLost(Error),
    /// What passes: a broken connection, 408, 429, 5xx, an answer that makes no sense.
    Trouble(Error),
    /// The stored bytes are others than those that were read.
    Mismatch(Error),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Start,
    Ask,
    Send,
}

/// Where an upload stands, and what it has been through.
#[derive(Debug)]
pub(super) struct Course {
    total: u64,
    chunk: Option<u64>,
    max_failures: u32,
    next: Next,
    pause: Option<Duration>,
    proof: Option<UploadStatus>,
    /// The offset that the storage told last.
    persisted: u64,
    /// The most that it ever told in this session.
    best: u64,
    /// The end of what was ever handed to a socket in this session.
    highest: u64,
    /// In a row, without a byte more at the storage.
    failures: u32,
    restarts: u32,
    links: u32,
    mismatches: u32,
    unproven: u32,
}

impl Course {
    /// An upload from its beginning.
    pub(super) fn new(total: u64, chunk: Option<u64>, max_failures: u32) -> Self {
        Self {
            total,
            // At least one quantum, and whole ones.
            chunk: chunk.map(|chunk| chunk.div_ceil(QUANTUM).max(1).saturating_mul(QUANTUM)),
            max_failures,
            next: Next::Start,
            pause: None,
            proof: None,
            persisted: 0,
            best: 0,
            highest: 0,
            failures: 0,
            restarts: 0,
            links: 0,
            mismatches: 0,
            unproven: 0,
        }
    }

    /// An upload that an earlier process began. How much it handed to its sockets is not known.
    pub(super) fn resumed(total: u64, chunk: Option<u64>, max_failures: u32) -> Self {
        Self { next: Next::Ask, highest: total, ..Self::new(total, chunk, max_failures) }
    }

    pub(super) fn persisted(&self) -> u64 {
        self.persisted
    }

    pub(super) fn restarts(&self) -> u32 {
        self.restarts
    }

    pub(super) fn step(&mut self) -> Step {
        if let Some(pause) = self.pause.take() {
            return Step::Pause(pause);
        }
        if let Some(status) = self.proof.take() {
            return Step::Prove(status);
        }
        let left = self.total - self.persisted;
        match self.next {
            Next::Start => Step::Start,
            Next::Ask => Step::Ask,
            // A question to a session that has every byte finishes it.
            Next::Send if left == 0 && self.total > 0 => Step::Ask,
            Next::Send => Step::Send { first: self.persisted, length: self.chunk.map_or(left, |chunk| chunk.min(left)) },
        }
    }

    /// Notes how far the bytes went that were handed to a socket, whatever became of them.
    pub(super) fn handed(&mut self, end: u64) {
        self.highest = self.highest.max(end);
    }

    /// Whether every byte was handed to a socket at least once.
    pub(super) fn handed_all(&self) -> bool {
        self.highest >= self.total
    }

    /// The storage has told no hash. Whether it is to be asked once more.
    pub(super) fn asks_for_a_hash(&mut self) -> bool {
        self.unproven += 1;
        self.next = Next::Ask;
        self.pause = Some(Duration::from_millis(200 << self.unproven.min(MAX_UNPROVEN)));
        self.unproven <= MAX_UNPROVEN
    }

    /// Takes in what came of `step`; an error is the end.
    pub(super) fn saw(&mut self, step: &Step, seen: Seen, random: f64) -> Result<(), Error> {
        match seen {
            Seen::Started => {
                self.links = 0;
                self.next = Next::Send;
            }
            Seen::LinkRefused(error) => {
                self.links += 1;
                if self.links >= MAX_LINKS {
                    return Err(error);
                }
                self.fail(error, random)?;
            }
            Seen::Trouble(error) => {
                if self.next != Next::Start {
                    self.next = Next::Ask;
                }
                self.fail(error, random)?;
            }
            Seen::SessionLost(error) => self.restart(error)?,
            Seen::Mismatch(error) => {
                self.mismatches += 1;
                if self.mismatches > 1 {
                    return Err(error);
                }
                self.restart(error)?;
            }
            Seen::Status(UploadStatus::Incomplete { persisted }) => self.told(step, persisted, random)?,
            Seen::Status(complete) => self.proof = Some(complete),
        }
        Ok(())
    }

    fn told(&mut self, step: &Step, persisted: u64, random: f64) -> Result<(), Error> {
        if persisted > self.total || persisted > self.highest {
            let message = format!(
                "the storage says that it has {persisted} bytes of an upload of {}, of which {} were sent; another process may be \
                 sending to the same session",
                self.total, self.highest
            );
            return Err(Error::of(Kind::Decode, &SEND_UPLOAD_BYTES, message));
        }
        self.persisted = persisted;
        self.next = Next::Send;
        if persisted > self.best {
            self.best = persisted;
            self.failures = 0;
        } else if matches!(step, Step::Send { .. }) || persisted == self.total {
            let message = format!("the storage keeps {persisted} of {} bytes and takes no more", self.total);
            self.fail(Error::of(Kind::Transport, &SEND_UPLOAD_BYTES, message), random)?;
        }
        Ok(())
    }

    fn fail(&mut self, error: Error, random: f64) -> Result<(), Error> {
        self.failures += 1;
        if self.failures > self.max_failures {
            return Err(error.with_attempts(self.failures, Duration::ZERO));
        }
        let ceiling = BASE_PAUSE.saturating_mul(1 << (self.failures - 1).min(5)).min(MAX_PAUSE);
        let asked = error.retry_after().unwrap_or_default().min(MAX_RETRY_AFTER);
        self.pause = Some(asked + ceiling.mul_f64(random));
        Ok(())
    }

    /// From the first byte, in a new session.
    fn restart(&mut self, error: Error) -> Result<(), Error> {
        self.restarts += 1;
        if self.restarts > MAX_RESTARTS {
            return Err(error);
        }
        self.next = Next::Start;
        (self.persisted, self.best, self.highest) = (0, 0, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trouble() -> Error {
        Error::of(Kind::Transport, &SEND_UPLOAD_BYTES, "x")
    }

    /// A storage that does what storages do, well or badly, and knows what it truly has.
    struct Model {
        random: fastrand::Rng,
        total: u64,
        /// How likely each thing is to go wrong, out of 100.
        badness: u8,
        session: Option<u64>,
        is_complete: bool,
        /// The offset that it told last in this session.
        told: u64,
        handed: u64,
        /// A request broke off, and nobody has asked since.
        is_in_doubt: bool,
    }

    impl Model {
        fn goes_wrong(&mut self) -> bool {
            self.random.u8(..100) < self.badness
        }

        fn start(&mut self) -> Seen {
            if self.goes_wrong() {
                return if self.random.bool() { Seen::Trouble(trouble()) } else { Seen::LinkRefused(trouble()) };
            }
            (self.session, self.is_complete, self.told, self.handed) = (Some(0), false, 0, 0);
            self.is_in_doubt = false;
            Seen::Started
        }

        fn status(&mut self) -> Seen {
            self.is_in_doubt = false;
            let Some(persisted) = self.session else { return Seen::SessionLost(trouble()) };
            if persisted == self.total {
                self.is_complete = true;
                return Seen::Status(UploadStatus::Complete { crc32c: None, md5: None, length: None });
            }
            self.told = persisted;
            Seen::Status(UploadStatus::Incomplete { persisted })
        }

        fn ask(&mut self) -> Seen {
            if self.goes_wrong() {
                match self.random.u8(..8) {
                    0 => self.session = None,
                    // It may have lost what it had, but not what is complete.
                    1 if !self.is_complete => self.session = self.session.map(|persisted| self.random.u64(..=persisted)),
                    _ => return Seen::Trouble(trouble()),
                }
            }
            self.status()
        }

        /// Takes what arrives of a request, and keeps what it likes of that.
        fn send(&mut self, course: &mut Course, first: u64, length: u64) -> Seen {
            assert!(!self.is_in_doubt, "the offset is asked for before anything is sent again");
            assert_eq!(first, self.told, "neither a gap, nor what was acknowledged");
            assert!(first + length <= self.total && (length > 0 || self.total == 0));
            assert!(first + length == self.total || length.is_multiple_of(QUANTUM));
            let Some(persisted) = self.session else { return Seen::SessionLost(trouble()) };
            if !self.goes_wrong() {
                course.handed(first + length);
                self.handed = self.handed.max(first + length);
                self.session = Some(persisted.max(first + length));
                return self.status();
            }
            let handed = self.random.u64(..=length);
            let arrived = first + self.random.u64(..=handed);
            course.handed(first + handed);
            self.handed = self.handed.max(first + handed);
            let kept = if arrived == self.total { arrived } else { arrived / QUANTUM * QUANTUM };
            self.session = Some(persisted.max(kept));
            match self.random.u8(..6) {
                0 => {
                    self.session = None;
                    Seen::SessionLost(trouble())
                }
                1 => self.status(),
                // A success that is none.
                2 => Seen::Status(UploadStatus::Complete { crc32c: None, md5: None, length: None }),
                _ => {
                    self.is_in_doubt = true;
                    Seen::Trouble(trouble())
                }
            }
        }
    }

    /// Ten thousand courses, each through faults of its own: it ends, sends what it has to, and never takes for done what is not.
    #[test]
    fn every_course_ends_and_none_in_a_false_success() {
        let (mut done, mut failed) = (0, 0);
        for seed in 0..10_000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let total = *random.choice(&[0, 1, QUANTUM, QUANTUM + 1, 9 * QUANTUM, 40 * QUANTUM + 7]).unwrap_or(&1);
            let chunk = random.bool().then(|| random.u64(..5 * QUANTUM));
            let badness = *random.choice(&[0, 5, 30, 60, 90, 100]).unwrap_or(&0);
            let mut course = Course::new(total, chunk, random.u32(..10));
            let mut model = Model { random, total, badness, session: None, is_complete: false, told: 0, handed: 0, is_in_doubt: false };
            let (mut steps, mut time) = (0, Duration::ZERO);
            let outcome = loop {
                steps += 1;
                assert!(steps < 20_000, "{seed}: it does not end");
                let step = course.step();
                let seen = match &step {
                    Step::Pause(pause) => {
                        assert!(*pause <= MAX_PAUSE, "{pause:?}");
                        time += *pause;
                        continue;
                    }
                    Step::Start => model.start(),
                    Step::Ask => model.ask(),
                    Step::Send { first, length } => model.send(&mut course, *first, *length),
                    // Sometimes the storage tells a hash, sometimes none, sometimes a wrong one.
                    Step::Prove(_) => match (model.is_complete, model.random.u8(..4)) {
                        (true, 0) if model.goes_wrong() => Seen::Mismatch(trouble()),
                        (true, 1..) => break Ok(()),
                        _ if course.asks_for_a_hash() => continue,
                        (true, _) => break Ok(()),
                        (false, _) => break Err(trouble()),
                    },
                };
                let is_mismatch = matches!(seen, Seen::Mismatch(_));
                let before = course.persisted();
                if let Err(error) = course.saw(&step, seen, model.random.f64()) {
                    break Err(error);
                }
                assert!(course.persisted() <= model.handed.max(before), "{seed}");
                if is_mismatch {
                    model.session = None;
                }
            };
            match outcome {
                Ok(()) => {
                    done += 1;
                    assert_eq!(model.session, Some(total), "{seed}");
                    assert!(course.handed_all(), "{seed}");
                }
                Err(_) => {
                    failed += 1;
                    assert!(badness > 0, "{seed}");
                }
            }
            assert!(time < Duration::from_secs(86_400), "{seed}: {time:?}");
        }
        assert!(done > 4000 && failed > 1000, "{done} done, {failed} failed: the faults are too many or too few to tell anything");
    }

    #[test]
    fn an_offset_that_cannot_be_is_refused() {
        let incomplete = |persisted| Seen::Status(UploadStatus::Incomplete { persisted });
        let sent = |end| {
            let mut course = Course::new(100, None, 9);
            course.saw(&Step::Start, Seen::Started, 0.0).unwrap();
            course.handed(end);
            course
        };
        assert!(sent(60).saw(&Step::Ask, incomplete(60), 0.0).is_ok());
        assert!(sent(60).saw(&Step::Ask, incomplete(61), 0.0).unwrap_err().is_decode());
        assert!(sent(100).saw(&Step::Ask, incomplete(101), 0.0).unwrap_err().is_decode());
        let mut resumed = Course::resumed(100, None, 9);
        assert_eq!(resumed.step(), Step::Ask);
        resumed.saw(&Step::Ask, incomplete(99), 0.0).unwrap();
        assert_eq!(resumed.step(), Step::Send { first: 99, length: 1 });
    }

    #[test]
    fn pauses_grow_to_a_limit_and_are_what_the_service_asks() {
        let mut course = Course::new(100, None, 99);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            course.saw(&Step::Start, Seen::Trouble(trouble()), 1.0).unwrap();
            let Step::Pause(pause) = course.step() else { panic!("a pause") };
            pauses.push(pause.as_secs());
            assert_eq!(course.step(), Step::Start);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 32, 32]);
    }

    /// A storage that answers well and keeps nothing is no progress.
    #[test]
    fn only_progress_renews_the_budget() {
        let mut course = Course::new(100, None, 3);
        course.saw(&Step::Start, Seen::Started, 0.0).unwrap();
        let mut answers = 0;
        let error = loop {
            let step = course.step();
            if let Step::Send { first, length } = &step {
                course.handed(first + length);
                answers += 1;
                // Three without a byte, one byte, and then nothing any more.
                let persisted = u64::from(answers > 3);
                if let Err(error) = course.saw(&step, Seen::Status(UploadStatus::Incomplete { persisted }), 0.0) {
                    break error;
                }
            }
        };
        assert_eq!((answers, error.attempts()), (8, 4));
    }
}
