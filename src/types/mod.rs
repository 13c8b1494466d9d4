//! What goes in and what comes out: requests, replies, ids and open enums.
//!
//! ```
//! use opusclip::types::{Clip, ProjectStage};
//!
//! let clip: Clip = serde_json::from_str(r#"{"id": "P0000000demo.CUexample1", "durationMs": 19478.0, "title": null}"#)?;
//! assert_eq!(clip.duration_ms, Some(19478));
//! assert_eq!(ProjectStage::from("TELEPORT").as_str(), "TELEPORT");
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! Structs are generated from `openapi.yaml`; every one has `new` with its required fields and a `with_x` for each of the
//! others. Decoding is tolerant: only ids are required, null and absent mean the same, `19478.0` is a whole number, and
//! enums keep values that nobody listed in `Other`. Unknown fields are ignored; the raw call has them.

#[macro_use]
mod open_enum;
#[macro_use]
mod id;
mod list;
mod reply;
pub(crate) mod text;
mod values;

pub use id::FullClipId;
pub(crate) use id::check_segment;
pub use list::List;
pub(crate) use reply::Reply;
pub use reply::{Data, Done};
pub use values::{DurationRange, GenerativeProgress, Hashtags, TimeRange, Timestamp};

pub use crate::api::types::*;

include!(concat!(env!("OUT_DIR"), "/types.rs"));
