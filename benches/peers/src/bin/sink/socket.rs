//! A socket that is read in large pieces.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// What is worth a read.
const PIECE: usize = 512 << 10;

/// How long it takes a fast sender to send that.
const NAP: Duration = Duration::from_micros(200);

/// Whoever waits in `read` is woken by each packet, and the sender pays for the waking: curl lost a quarter of its speed. So after a
/// read that found little, this waits elsewhere.
pub(crate) struct Socket {
    stream: TcpStream,
    found_little: bool,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self { stream, found_little: false })
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.found_little {
            thread::sleep(NAP);
        }
        let count = self.stream.read(buffer)?;
        self.found_little = count < PIECE.min(buffer.len());
        Ok(count)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
