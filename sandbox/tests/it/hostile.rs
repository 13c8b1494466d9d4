use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{json, raw, still};

const KEY: &str = "authorization: Bearer sk-sandbox\r\ncontent-type: application/json";

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

#[tokio::test]
async fn what_is_too_large_or_no_http_gets_a_4xx_or_a_closed_door() {
    let sandbox = still().start().await.unwrap();
    let big_header = format!("GET /api/brand-templates?q=mine HTTP/1.1\r\nhost: x\r\nx-big: {}\r\n\r\n", "a".repeat(2 << 20));
    let many_headers = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(5000));
    let long_target = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000));
    let body = format!(
        "POST /api/clip-projects HTTP/1.1\r\nhost: x\r\n{KEY}\r\ncontent-length: 3000000\r\nconnection: close\r\n\r\n{}",
        "[".repeat(3_000_000)
    );
    let deep = format!(
        "POST /api/clip-projects HTTP/1.1\r\nhost: x\r\n{KEY}\r\ncontent-length: 200000\r\nconnection: close\r\n\r\n{}",
        "[".repeat(200_000)
    );
    let cases = [
        big_header.as_str(),
        &many_headers,
        &long_target,
        &body,
        &deep,
        "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /api/clip-projects HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        "POST /api/clip-projects HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx",
        "PUT /ext.gcs.opus.pro/upload/o/x?upload_id=%00%ff HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\nconnection: close\r\n\r\nx",
        "GET /api/clip-projects/%2e%2e%2f%2e%2e HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-sandbox\r\nconnection: close\r\n\r\n",
        "GET /api/clip-projects/%ff%fe HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-sandbox\r\nconnection: close\r\n\r\n",
        "GET /ext.cdn.opus.pro/media/../../../etc/passwd HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
        "GET /_sandbox/uploads/%2e%2e HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    ];
    for case in cases {
        let answer = raw(&sandbox, case.as_bytes()).await;
        let found = answer.as_deref().map_or(0, status);
        let short: String = case.chars().take(60).collect();
        assert!(found == 0 || (400..500).contains(&found), "{short:?}: {answer:?}");
    }
    assert_eq!(json(&sandbox, "GET", "/api/brand-templates?q=mine", "").await.status(), 200, "it still works");
}

#[tokio::test]
async fn tiny_chunks_without_end_are_just_a_body() {
    let sandbox = still().start().await.unwrap();
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    let head = format!("POST /api/clip-projects HTTP/1.1\r\nhost: x\r\n{KEY}\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    // A million takes seconds in a debug build; `cargo test --release` sends all of them.
    let chunks = "1\r\na\r\n".repeat(if cfg!(debug_assertions) { 1000 } else { 10_000 });
    let (mut read, mut write) = stream.split();
    let send = async {
        for _ in 0..100 {
            if write.write_all(chunks.as_bytes()).await.is_err() {
                return;
            }
        }
        // Where it was refused before the end there is nobody to read this.
        let _ = write.write_all(b"0\r\n\r\n").await;
    };
    let mut answer = Vec::new();
    let receive = async { read.read_to_end(&mut answer).await };
    let (_, received) = tokio::join!(send, receive);
    let found = received.map_or(0, |_| status(&String::from_utf8_lossy(&answer)));
    assert!(found == 0 || found == 400 || found == 413, "{found}");
    assert_eq!(json(&sandbox, "GET", "/api/brand-templates?q=mine", "").await.status(), 200);
}

#[tokio::test]
async fn many_sandboxes_leave_nothing_behind() {
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    for number in 0..20 {
        let sandbox = still().start().await.unwrap();
        let address = sandbox.address();
        sandbox.client().list_brand_templates().await.unwrap();
        if number % 2 == 0 {
            sandbox.stop().await;
            assert!(TcpStream::connect(address).await.is_err(), "the port is closed when `stop` returns");
        }
    }
    for _ in 0..100_000 {
        if tokio::runtime::Handle::current().metrics().num_alive_tasks() <= before {
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("{} tasks are left", tokio::runtime::Handle::current().metrics().num_alive_tasks() - before);
}

#[tokio::test]
async fn a_slow_sender_is_cut_off_however_steady_it_is() {
    let sandbox = still().with_body_time(Duration::from_millis(30)).start().await.unwrap();
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    stream
        .write_all(format!("POST /api/clip-projects HTTP/1.1\r\nhost: x\r\n{KEY}\r\ncontent-length: 100000\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let (mut read, mut write) = stream.split();
    let drip = async {
        while write.write_all(b"[").await.is_ok() {
            tokio::time::timeout(Duration::from_millis(2), std::future::pending::<()>()).await.unwrap_err();
        }
    };
    let mut answer = vec![0; 12];
    let told = async { read.read_exact(&mut answer).await };
    let (mut drip, mut told) = (std::pin::pin!(drip), std::pin::pin!(told));
    tokio::select! {
        () = &mut drip => {}
        result = &mut told => { result.unwrap(); }
    }
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 408");
}

#[tokio::test]
async fn what_is_remembered_has_a_bound() {
    let sandbox = still().start().await.unwrap();
    let body = format!("{{{}}}", (0..5000).map(|n| format!(r#""unknown{n}": 1"#)).collect::<Vec<_>>().join(","));
    let refused = json(&sandbox, "POST", "/api/clip-projects", &body).await;
    assert_eq!(refused.status(), 400);
    assert!(refused.bytes().await.unwrap().len() < 10_000);
    let entry = &sandbox.journal()[0];
    assert!(entry.body.is_none() && entry.violations.len() == 21, "{}", entry.violations.len());
    let key = format!("Bearer sk-{}", "a".repeat(300));
    let long = crate::support::http(&sandbox, "GET", "/api/brand-templates?q=mine", &[("authorization", &key)], "").await;
    assert_eq!(long.status(), 401);
    let no_key = crate::support::http(&sandbox, "POST", "/api/clip-projects", &[("content-type", "application/json")], "{}").await;
    assert_eq!((no_key.status().as_u16(), sandbox.journal()[2].body.is_none()), (401, true), "what nobody may send is not kept");
}
