//! What the typed client costs over hand-written reqwest and serde: for a call on loopback, and for decoding.
//!
//! `cargo bench --bench client -- [ROUNDS]`; 40 if nothing is said. The two take turns, in changing order, and what counts is
//! the ratio of their medians and quartiles: machines change their speed, and single figures with them.
#![allow(clippy::expect_used, clippy::print_stdout, reason = "a benchmark prints, and may fail by panicking")]
#![allow(clippy::disallowed_methods, reason = "a benchmark measures time")]

mod peer;

use std::hint::black_box;
use std::time::Instant;

use opusclip::types::{Clip, List};
use opusclip::{Client, ClipSource, RetryPolicy};
use tokio::runtime::{Builder, Runtime};

fn main() {
    // cargo adds `--bench` to what the caller gave.
    let rounds: usize = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(40);
    println!("{rounds} rounds each; typed / hand-written: ratio of the medians (of the lower, of the upper quartiles)");
    call(rounds);
    for (count, times) in [(1, 500), (10_000, 1)] {
        let body = peer::page(count);
        let hand = || drop(black_box(serde_json::from_slice::<Vec<peer::Clip>>(black_box(&body)).expect("clips")));
        let typed = || drop(black_box(serde_json::from_slice::<List<Clip>>(black_box(&body)).expect("clips")));
        compare(&format!("decode a page of {count}"), rounds, times, typed, hand);
    }
}

fn call(rounds: usize) {
    let server = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let body = peer::page(1);
    let address = server.block_on(peer::serve(&body));
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let builder = Client::builder("sk-test_0123456789abcdef").with_base_url(&address).with_pacing(false).with_retry(RetryPolicy::never());
    let client = builder.with_http_client(http.clone()).build().expect("a client");
    let hand = |runtime: &Runtime| drop(black_box(runtime.block_on(peer::list_clips(&http, &address, "P0000000demo"))));
    let typed = |runtime: &Runtime| {
        let call = async { client.list_clips(ClipSource::Project("P0000000demo".into())).await };
        drop(black_box(runtime.block_on(call).expect("clips")));
    };
    compare("call, with a page of 1", rounds * 250, 1, || typed(&runtime), || hand(&runtime));
}

fn compare(name: &str, rounds: usize, times: u32, typed: impl Fn(), hand: impl Fn()) {
    let time = |run: &dyn Fn()| {
        let started = Instant::now();
        (0..times).for_each(|_| run());
        started.elapsed() / times
    };
    time(&typed);
    time(&hand);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        if round % 2 == 0 {
            ours.push(time(&typed));
            theirs.push(time(&hand));
        } else {
            theirs.push(time(&hand));
            ours.push(time(&typed));
        }
    }
    ours.sort();
    theirs.sort();
    let ratio = |share: usize| {
        let at = (rounds - 1) * share / 4;
        ours[at].as_secs_f64() / theirs[at].as_secs_f64()
    };
    println!("{name}: {:.3} ({:.3}, {:.3}); {:?} / {:?}", ratio(2), ratio(1), ratio(3), ours[rounds / 2], theirs[rounds / 2]);
}
