//! Behaviour of the client, through its public face and against a server on loopback.

mod build_script;
mod errors;
mod pages;
mod raw;
mod requests;
mod retries;
mod storage;
mod support;
mod types;
