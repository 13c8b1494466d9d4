//! What the typed client costs over hand-written reqwest and serde: for a call on loopback, and for decoding.

#![allow(clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "a benchmark may fail by panicking")]

mod peer;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use opusclip::types::{Clip, List};
use opusclip::{Client, ClipSource, RetryPolicy};
use tokio::runtime::Runtime;

fn call(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let body = peer::page(1);
    let address = runtime.block_on(peer::serve(&body));
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let builder = Client::builder("sk-test_0123456789abcdef").with_base_url(&address).with_pacing(false).with_retry(RetryPolicy::never());
    let client = builder.with_http_client(http.clone()).build().expect("a client");
    let mut group = criterion.benchmark_group("call");
    group.bench_function("hand-written", |bencher| {
        bencher.to_async(&runtime).iter(|| peer::list_clips(&http, &address, "P0000000demo"));
    });
    group.bench_function("typed", |bencher| {
        bencher.to_async(&runtime).iter(|| async { client.list_clips(ClipSource::Project("P0000000demo".into())).await.expect("clips") });
    });
    group.finish();
}

fn decode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode");
    for count in [1, 10_000] {
        let body = peer::page(count);
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_with_input(BenchmarkId::new("hand-written", count), &body, |bencher, body| {
            bencher.iter(|| serde_json::from_slice::<Vec<peer::Clip>>(black_box(body)).expect("clips"));
        });
        group.bench_with_input(BenchmarkId::new("typed", count), &body, |bencher, body| {
            bencher.iter(|| serde_json::from_slice::<List<Clip>>(black_box(body)).expect("clips"));
        });
    }
    group.finish();
}

criterion_group!(benches, call, decode);
criterion_main!(benches);
