//! The course of a file against tens of thousands of random servers.

use std::time::Duration;

use super::course::{Ask, Body, Course, Found, Step};
use super::head::{Head, Range, Sum, Version};
use crate::RetryPolicy;

fn tag(tag: &str) -> Version {
    Version::Etag(format!("\"{tag}\""))
}

/// A server with a file, which it changes, and with troubles of every kind. It tells the truth of versions and checksums.
struct Server {
    random: fastrand::Rng,
    content: Vec<u8>,
    /// All that it has ever been.
    history: Vec<Vec<u8>>,
    has_tags: bool,
    has_sums: bool,
    has_lengths: bool,
    harms: bool,
}

impl Server {
    fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let (has_tags, has_sums, has_lengths) = (random.u8(..4) > 0, random.bool(), random.u8(..4) > 0);
        let mut server = Self { random, content: Vec::new(), history: Vec::new(), has_tags, has_sums, has_lengths, harms: has_sums };
        server.change();
        server
    }

    /// Another file of the same name, told apart by its bytes.
    fn change(&mut self) {
        let length = self.random.usize(1..24);
        self.content = (0..length).map(|_| self.random.u8(..)).collect();
        self.history.push(self.content.clone());
    }

    fn tag(&self) -> Option<Version> {
        self.has_tags.then(|| tag(&self.history.len().to_string()))
    }

    fn answer(&mut self, ask: &Ask) -> (Head, Vec<u8>, bool) {
        if self.random.u8(..8) == 0 {
            self.change();
        }
        let total = self.content.len() as u64;
        let sum = self.has_sums.then(|| Sum::Crc32c(crc32c::crc32c(&self.content)));
        let honest = Head { version: self.tag(), sum, is_media: true, is_framed: true, ..Head::default() };
        match self.random.u8(..14) {
            0 => return (Head { status: [400, 403, 404, 410, 302, 204, 418][self.random.usize(..7)], ..honest }, Vec::new(), true),
            1 => return (Head { status: [408, 429, 500, 503][self.random.usize(..4)], ..honest }, Vec::new(), true),
            2 => return (Head { status: 200, is_media: false, ..honest }, b"<html>".to_vec(), true),
            _ => {}
        }
        let is_same = ask.if_range.is_none() || ask.if_range == self.tag();
        let ranged = ask.from > 0 && is_same && self.random.u8(..6) > 0;
        let (status, first) = match ranged {
            true if ask.from >= total => {
                return (Head { status: 416, range: Some(Range::Outside { total }), ..honest }, Vec::new(), true);
            }
            // Some do not keep to what they are asked, but say so.
            true => (206, if self.random.u8(..10) == 0 { self.random.u64(..total) } else { ask.from }),
            false => (200, 0),
        };
        let last = if ranged && self.random.u8(..6) == 0 { self.random.u64(first..total) } else { total - 1 };
        let mut body = self.content[first as usize..=last as usize].to_vec();
        let length = self.has_lengths.then_some(body.len() as u64);
        let told = (self.has_lengths || self.random.bool()).then_some(total);
        let range = ranged.then_some(Range::Part { first, last, total: told });
        let (mut is_clean, mut is_framed) = (true, true);
        match self.random.u8(..6) {
            0 => {
                body.truncate(self.random.usize(..=body.len()));
                is_clean = false;
            }
            // An end that nobody marked, so that breaking off looks like one; a checksum or a second question has to tell.
            1 if length.is_none() => {
                body.truncate(self.random.usize(..=body.len()));
                is_framed = false;
            }
            2 if self.harms && !body.is_empty() => {
                let at = self.random.usize(..body.len());
                body[at] ^= 1;
            }
            3 => body.extend([0; 3]),
            _ => {}
        }
        // A longer body cannot be told from the file where nothing says how long it is.
        if body.len() as u64 > total - first && length.is_none() && range.is_none() && !self.has_sums {
            body.truncate((total - first) as usize);
        }
        (Head { status, length, is_framed, range, ..honest }, body, is_clean)
    }
}

/// Runs a course to its end, and returns the bytes if it was one of success.
fn run(server: &mut Server, answer: impl Fn(&mut Server, &Ask) -> (Head, Vec<u8>, bool)) -> (Course, Option<Vec<u8>>) {
    let (have, version) = (server.random.usize(..4), server.tag());
    let mut disk = server.content[..have.min(server.content.len())].to_vec();
    let mut course = Course::new(RetryPolicy::default(), disk.len() as u64, version, None);
    let mut steps = 0;
    loop {
        steps += 1;
        assert!(steps < 2_000, "no end");
        match course.step(server.random.f64()) {
            Step::Fetch(ask) => {
                assert!(ask.from <= disk.len() as u64 && (ask.from == 0) == ask.if_range.is_none(), "{ask:?}");
                if server.random.u8(..12) == 0 {
                    course.unanswered();
                    continue;
                }
                let (head, body, is_clean) = answer(server, &ask);
                match course.answered(&head) {
                    Body::Leave => continue,
                    Body::Afresh => disk.clear(),
                    Body::Append => assert_eq!(disk.len() as u64, ask.from),
                }
                let mut overran = false;
                for chunk in body.chunks(server.random.usize(1..9)) {
                    overran = !course.took(chunk.len() as u64);
                    if overran {
                        break;
                    }
                    disk.extend_from_slice(chunk);
                }
                if overran { course.overran() } else { course.ended(is_clean) }
            }
            Step::Renew => {
                let is_new = server.random.bool();
                course.renewed(is_new);
            }
            Step::Pause(pause) => assert!(pause <= Duration::from_secs(31)),
            Step::Verify => {
                assert_eq!(course.have(), disk.len() as u64);
                course.verified(&Found { length: disk.len() as u64, crc32c: crc32c::crc32c(&disk), md5: None });
            }
            Step::Done => return (course, Some(disk)),
            Step::Unchanged => panic!("nobody asked"),
            Step::Fail(_) => return (course, None),
        }
    }
}

/// As long as versions and checksums are true, success means the very bytes of one version.
#[test]
fn no_server_that_tells_the_truth_brings_about_a_false_success() {
    let mut successes = 0;
    for seed in 0..50_000 {
        let mut server = Server::new(seed);
        if let (course, Some(disk)) = run(&mut server, Server::answer) {
            successes += 1;
            assert!(server.history.contains(&disk), "seed {seed}: {course:?}");
        }
    }
    assert!(successes > 20_000, "the servers are not so bad: {successes}");
}

/// Whatever the heads say: it ends, and what is called done is what the server itself calls whole.
#[test]
fn no_server_that_lies_brings_about_a_hang_or_a_contradiction() {
    let lie = |server: &mut Server, ask: &Ask| {
        let random = &mut server.random;
        let number = |random: &mut fastrand::Rng| random.u64(..12);
        let first = if random.bool() { ask.from } else { number(random) };
        let range = match random.u8(..4) {
            0 => None,
            1 => Some(Range::Outside { total: number(random) }),
            _ => Some(Range::Part { first, last: first + number(random), total: random.bool().then(|| number(random)) }),
        };
        let head = Head {
            status: [200, 200, 206, 206, 206, 416, 304, 403, 503, 0][random.usize(..10)],
            length: random.bool().then(|| number(random)),
            is_framed: random.bool(),
            range,
            version: random.bool().then(|| tag(["a", "b"][random.usize(..2)])),
            sum: (random.u8(..4) == 0).then(|| Sum::Crc32c(crc32c::crc32c(&[0; 8][..random.usize(..8)]))),
            is_media: random.u8(..8) > 0,
            retry_after: (random.u8(..8) == 0).then(|| Duration::from_secs(number(random) * 4)),
        };
        (head, vec![0; random.usize(..12)], random.bool())
    };
    for seed in 0..50_000 {
        let mut server = Server::new(seed);
        if let (course, Some(disk)) = run(&mut server, lie) {
            assert!(!disk.is_empty() && course.total().is_none_or(|total| total == disk.len() as u64), "seed {seed}: {course:?}");
            assert!(course.sum().is_none_or(|sum| sum == Sum::Crc32c(crc32c::crc32c(&disk))), "seed {seed}: {course:?}");
        }
    }
}
