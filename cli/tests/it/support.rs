//! A sandbox, a folder that is home and working folder, and the binary.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use opusclip_sandbox::{Sandbox, SandboxBuilder};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How fast time goes in a world: ten minutes of a project are a second.
pub(crate) const SPEED: f64 = 600.0;

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    folder: TempDir,
    // Last: the sandbox needs it to its end.
    _runtime: Runtime,
}

/// What a run of the binary left.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|sandbox| sandbox)
    }

    pub(crate) fn with(change: impl FnOnce(SandboxBuilder) -> SandboxBuilder) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let builder = change(Sandbox::builder().with_speed(SPEED).without_rate_limits());
        let sandbox = runtime.block_on(builder.start()).unwrap();
        Self { sandbox, folder: tempfile::tempdir().unwrap(), _runtime: runtime }
    }

    /// A path in the working folder.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file in the working folder.
    pub(crate) fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, contents).unwrap();
        path
    }

    /// The binary with nothing of the tester's own environment.
    pub(crate) fn command(&self, args: &[impl AsRef<OsStr>]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opusclip"));
        for (name, _) in std::env::vars_os().filter(|(name, _)| {
            let name = name.to_string_lossy();
            name.starts_with("OPUS") || name.starts_with("XDG_") || name.starts_with("DBUS_") || name == "NO_COLOR"
        }) {
            command.env_remove(name);
        }
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            // The tester's own keyring is not asked.
            .env("OPUSCLIP_NO_KEYRING", "1")
            .env("OPUSCLIP_BASE_URL", self.sandbox.url())
            .env("OPUSCLIP_API_KEY", "sk-of-the-tests")
            .env("OPUSCLIP_SPEED", SPEED.to_string())
            .stdin(Stdio::null());
        command
    }

    /// Runs the binary to its end.
    pub(crate) fn opusclip(&self, args: &[impl AsRef<OsStr>]) -> Run {
        self.command(args).output().unwrap().into()
    }

    /// The binary where the environment says nothing but where home is.
    pub(crate) fn bare(&self, args: &[impl AsRef<OsStr>]) -> Command {
        let mut command = self.command(args);
        for name in ["OPUSCLIP_BASE_URL", "OPUSCLIP_API_KEY", "OPUSCLIP_SPEED"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs it so, with these variables.
    pub(crate) fn bare_run(&self, args: &[impl AsRef<OsStr>], variables: &[(&str, &str)]) -> Run {
        self.bare(args).envs(variables.iter().copied()).output().unwrap().into()
    }

    /// A text in which what differs from run to run is masked: the address of the sandbox and the working folder.
    pub(crate) fn masked(&self, text: &str) -> String {
        let folder = self.folder.path().canonicalize().unwrap();
        text.replace(self.sandbox.url(), "http://sandbox").replace(&folder.display().to_string(), "/work")
    }
}

impl Run {
    /// Asserts its end.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Asserts success.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        self.ends(0)
    }

    /// Asserts that it says so on stderr.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in: {}", self.stderr);
        self
    }

    /// The data that it wrote.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}
