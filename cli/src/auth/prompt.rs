//! A line that is typed at a terminal and not shown.

use std::io::{self, Write as _};

use tokio::sync::oneshot;

/// Asks for a line. It is hidden before the prompt is there, for somebody may answer at once; whatever ends this, a signal too,
/// what is typed afterwards is shown again.
pub(super) async fn hidden(prompt: &str) -> io::Result<String> {
    let mut hidden = Hidden::begin()?;
    io::stderr().write_all(prompt.as_bytes())?;
    let (sender, typed) = oneshot::channel();
    // Not a thread of the runtime, which would wait for it where a signal ends the program.
    std::thread::spawn(move || sender.send(read()));
    let typed = typed.await.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()));
    hidden.is_read();
    typed
}

#[cfg(unix)]
use unix::{Hidden, read};

#[cfg(unix)]
mod unix {
    use std::io::{self, Write as _};

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    /// The terminal as it was, and what becomes of keys that were typed meanwhile.
    pub(super) struct Hidden(Termios, OptionalActions);

    impl Hidden {
        pub(super) fn begin() -> io::Result<Self> {
            let before = tcgetattr(io::stdin())?;
            let mut hidden = before.clone();
            hidden.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
            tcsetattr(io::stdin(), OptionalActions::Now, &hidden)?;
            // Half a key is not left to the shell.
            Ok(Self(before, OptionalActions::Flush))
        }

        pub(super) fn is_read(&mut self) {
            self.1 = OptionalActions::Now;
        }
    }

    impl Drop for Hidden {
        fn drop(&mut self) {
            // A terminal that is gone has nobody to tell; the line of the prompt is over.
            let _ = tcsetattr(io::stdin(), self.1, &self.0);
            let _ = io::stderr().write_all(b"\n");
        }
    }

    pub(super) fn read() -> io::Result<String> {
        let mut line = String::new();
        io::stdin().read_line(&mut line)?;
        Ok(line)
    }
}

#[cfg(not(unix))]
use rpassword::read_password as read;

/// What reads hides too.
#[cfg(not(unix))]
struct Hidden;

#[cfg(not(unix))]
impl Hidden {
    fn begin() -> io::Result<Self> {
        Ok(Self)
    }

    fn is_read(&mut self) {}
}
