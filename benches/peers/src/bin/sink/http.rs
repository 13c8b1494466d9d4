//! As much of HTTP/1.1 as the senders use.

use std::io::{self, ErrorKind, Read, Write};

/// Small enough to stay in the cache between the kernel that fills it and the checksum that reads it.
const BUFFER: usize = 1 << 20;

pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    headers: Vec<(String, String)>,
}

impl Request {
    fn parse(head: &[u8]) -> io::Result<Self> {
        let head = std::str::from_utf8(head).map_err(|_| wrong("a head that is not text"))?;
        let mut lines = head.split("\r\n");
        let mut first = lines.next().unwrap_or_default().split(' ');
        let (Some(method), Some(target)) = (first.next(), first.next()) else {
            return Err(wrong("a request without a target"));
        };
        let headers = lines.filter_map(|line| line.split_once(':')).map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
        Ok(Self { method: method.to_owned(), target: target.to_owned(), headers: headers.collect() })
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) struct Connection<S> {
    stream: S,
    buffer: Box<[u8]>,
    /// What of the buffer is read and not used yet.
    start: usize,
    end: usize,
}

impl<S: Read + Write> Connection<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: vec![0; BUFFER].into(), start: 0, end: 0 }
    }

    /// The head of the next request, or `None` at the end of the connection.
    pub(crate) fn request(&mut self) -> io::Result<Option<Request>> {
        match self.until(b"\r\n\r\n") {
            Ok(head) => Request::parse(&head).map(Some),
            Err(error) if self.start == self.end && is_hang_up(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Hands out the body piece by piece as it comes, and says how long it was.
    pub(crate) fn body(&mut self, request: &Request, mut each: impl FnMut(&[u8])) -> io::Result<u64> {
        if request.header("expect").is_some() {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        if let Some(length) = request.header("content-length") {
            let length = length.parse().map_err(|_| wrong("a length that is no number"))?;
            self.take(length, &mut each)?;
            return Ok(length);
        }
        if request.header("transfer-encoding").is_none() {
            return Ok(0);
        }
        let mut total = 0;
        loop {
            let line = self.until(b"\r\n")?;
            let size = std::str::from_utf8(&line).ok().and_then(|text| u64::from_str_radix(text.split(';').next()?.trim(), 16).ok());
            let size = size.ok_or_else(|| wrong("a chunk without a size"))?;
            self.take(size, &mut each)?;
            self.until(b"\r\n")?;
            total += size;
            if size == 0 {
                return Ok(total);
            }
        }
    }

    pub(crate) fn answer(&mut self, status: &str, headers: &[(&str, String)], body: &[u8]) -> io::Result<()> {
        self.head(status, headers, body.len() as u64)?;
        self.stream.write_all(body)?;
        self.stream.flush()
    }

    pub(crate) fn head(&mut self, status: &str, headers: &[(&str, String)], length: u64) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n");
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        self.stream.write_all(head.as_bytes())
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    fn take(&mut self, mut length: u64, each: &mut impl FnMut(&[u8])) -> io::Result<()> {
        while length > 0 {
            if self.start == self.end {
                (self.start, self.end) = (0, 0);
                self.fill()?;
            }
            let count = usize::try_from(length).unwrap_or(usize::MAX).min(self.end - self.start);
            each(&self.buffer[self.start..self.start + count]);
            self.start += count;
            length -= count as u64;
        }
        Ok(())
    }

    /// What comes before the next `mark`, which is used up as well.
    fn until(&mut self, mark: &[u8]) -> io::Result<Vec<u8>> {
        loop {
            let open = &self.buffer[self.start..self.end];
            if let Some(at) = open.windows(mark.len()).position(|window| window == mark) {
                let found = open[..at].to_vec();
                self.start += at + mark.len();
                return Ok(found);
            }
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            if self.end == self.buffer.len() {
                return Err(wrong("a head that is too long"));
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        match self.stream.read(&mut self.buffer[self.end..])? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            count => {
                self.end += count;
                Ok(())
            }
        }
    }
}

/// However a client leaves between two requests, it is no error.
fn is_hang_up(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
