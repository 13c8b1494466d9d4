//! The sandbox inside of this program, for a first look and for tests of one's own scripts.

use std::ffi::OsString;
use std::sync::Arc;

use opusclip::{Client, Clock};
use opusclip_sandbox::Sandbox;

use super::Whose;
use crate::clock::FastClock;
use crate::failure::{Code, Failure};

/// Ten minutes of a project pass in five seconds.
const SPEED: f64 = 120.0;

/// How large the sample is, and how fast the sandbox takes it: the bar is seen for a second and a half.
const SAMPLE: usize = 24 << 20;
const LINE: &str = "send_upload_bytes=slow:16000000";

/// What the sample is called.
pub(super) const SAMPLE_NAME: &str = "sample.mp4";

/// A running sandbox with what belongs to it. All of it is gone when this is dropped.
pub(crate) struct Embedded {
    pub(crate) client: Client,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) sample: Option<OsString>,
    name: String,
    clock: Arc<FastClock>,
    _sandbox: Sandbox,
}

impl Embedded {
    pub(crate) async fn start(with_sample: bool) -> Result<Self, Failure> {
        let started = Sandbox::builder().with_speed(SPEED).without_rate_limits().start().await;
        let sandbox = started.map_err(|error| Failure::new(Code::General, format!("the sandbox did not start: {error}")))?;
        let clock = Arc::new(FastClock::new(SPEED));
        let client = sandbox.client_builder().with_clock(Arc::clone(&clock) as Arc<dyn Clock>).build()?;
        let fault = |error| Failure::io("a temporary folder for the sandbox", &error);
        let folder = tempfile::Builder::new().prefix("opusclip-sandbox-").tempdir().map_err(fault)?;
        let sample = match with_sample {
            true => {
                let path = folder.path().join(SAMPLE_NAME);
                sandbox.fault(LINE).map_err(|error| Failure::new(Code::General, error.to_string()))?;
                std::fs::write(&path, opusclip_sandbox::sample_video(SAMPLE)).map_err(fault)?;
                Some(path.into_os_string())
            }
            false => None,
        };
        let name = format!("sandbox {}", sandbox.url());
        Ok(Self { client, folder, sample, name, clock, _sandbox: sandbox })
    }

    /// What stands in a ledger for its account.
    pub(crate) fn whose(&self) -> Whose {
        Whose { account: self.name.clone(), owner: self.name.clone() }
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock) as Arc<dyn Clock>
    }
}
