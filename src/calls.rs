//! One call for each operation: required arguments in the method on [`Client`], options as `with_x`, sent by `.await`.
//!
//! ```no_run
//! # async fn example(client: &opusclip::Client) -> Result<(), opusclip::Error> {
//! use opusclip::types::{CurationPreferences, DurationRange};
//!
//! let project = client
//!     .create_project("https://www.youtube.com/watch?v=LXvv6CbGg8A")
//!     .with_curation_pref(CurationPreferences::new().with_clip_durations([DurationRange::new(30, 60)]))
//!     .await?;
//! # Ok(())
//! # }
//! ```

use std::future::Future;
use std::pin::Pin;

use crate::operation::*;
use crate::types::Reply;
use crate::{Client, Error};

/// The future of a call.
pub type BoxFuture<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

include!(concat!(env!("OUT_DIR"), "/calls.rs"));
