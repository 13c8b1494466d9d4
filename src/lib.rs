#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(missing_docs, missing_debug_implementations)]

#[path = "generated.rs"]
pub mod api;
mod attempt;
pub mod calls;
mod client;
mod clip;
mod decode;
mod dispatch;
mod download;
mod error;
mod object;
pub mod operation;
mod pages;
mod raw;
#[cfg(feature = "unstable")]
mod reconcile;
mod storage;
mod tls;
mod transport;
pub mod types;
mod upload;
mod validate;
mod wait;
pub mod webhook;
mod work;

pub use attempt::{Attempted, Reference};
pub use calls::{ClipSource, CollectionFilter};
pub use client::{Client, ClientBuilder};
pub use clip::{ClipEvent, ClipToken, Clipped, Clipping};
pub use dispatch::Dispatched;
pub use download::{ClipDownload, Download, DownloadEvent, DownloadOutcome, DownloadReport, SavedFile, portable_name};
pub use error::Error;
pub use pages::ClipPages;
pub use raw::{RawCall, RawReply};
#[cfg(feature = "unstable")]
pub use reconcile::Reconciled;
pub use storage::{ContentRange, UploadSession, UploadStatus};
pub use transport::{Clock, RetryPolicy};
pub use upload::{ResumeStore, ResumeToken, Upload, UploadPhase, UploadProgress, UploadSource, Uploaded, Verification};
pub use wait::{Nudger, Wait, WaitEvent, WaitOutcome};
pub use work::Canceller;

/// The OpenAPI document that this crate is generated from, as YAML: for programs that check or fake the API.
///
/// ```
/// assert!(opusclip::OPENAPI.contains("operationId: create_project"));
/// ```
pub const OPENAPI: &str = include_str!("../openapi.yaml");

#[cfg(doctest)]
#[doc = include_str!("../docs/import.md")]
struct GuideForImporters;
