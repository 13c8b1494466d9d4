use std::sync::{Arc, Mutex};
use std::time::Duration;

use opusclip::types::ConclusionAction;
use opusclip::webhook::{MemoryGuard, verify};
use opusclip_sandbox::Sandbox;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{VIDEO, WORK, eventually, still};

/// A receiver that answers with the next of these statuses, and keeps what it gets.
async fn receiver(mut statuses: Vec<u16>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let got = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&got);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !String::from_utf8_lossy(&request).contains('}') {
                let read = stream.read(&mut buffer).await.unwrap();
                request.extend_from_slice(&buffer[..read]);
            }
            kept.lock().unwrap().push(String::from_utf8(request).unwrap());
            let status = if statuses.len() > 1 { statuses.remove(0) } else { statuses[0] };
            stream.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
        }
    });
    (url, got)
}

/// Waits for so many entries of an operation; messages are sent by a task of their own.
async fn entries(sandbox: &Sandbox, operation: &str, count: u64) -> Vec<opusclip_sandbox::Entry> {
    eventually(|| sandbox.count(operation) >= count).await;
    sandbox.journal().into_iter().filter(|entry| entry.operation == operation).collect()
}

#[tokio::test]
async fn the_end_of_a_project_is_told_and_signed() {
    let (url, got) = receiver(vec![200]).await;
    let sandbox = still().with_keys(["sk-test_0123456789abcdef", "sk-other"]).start().await.unwrap();
    let actions = [ConclusionAction::new("WEBHOOK").with_url(url), ConclusionAction::new("EMAIL").with_email("user@example.com")];
    let project = sandbox.client().create_project(VIDEO).with_conclusion_actions(actions).await.unwrap();
    sandbox.advance(WORK - Duration::from_secs(1));
    assert_eq!(sandbox.count("webhook"), 0);
    sandbox.advance(Duration::from_secs(1));
    let sent = entries(&sandbox, "webhook", 1).await;
    assert_eq!((sent[0].status, sent[0].effect), (Some(200), true));
    let mails = entries(&sandbox, "email", 1).await;
    assert_eq!((mails[0].target.as_str(), mails[0].status), ("user@example.com", None));

    let request = got.lock().unwrap()[0].clone();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook HTTP/1.1"));
    let headers: Vec<(&str, &str)> = head.lines().filter_map(|line| line.split_once(": ")).collect();
    let guard = MemoryGuard::new();
    let event = verify(&headers[..], body.as_bytes(), "sk-test_0123456789abcdef", sandbox.now(), &guard).unwrap();
    assert_eq!((event.project_id(), event.salt().len()), (Some(project.id), 16));
    assert!(event.salt().bytes().all(|byte| byte.is_ascii_hexdigit()), "{}", event.salt());
    assert!(verify(&headers[..], body.as_bytes(), "sk-other", sandbox.now(), &()).is_err(), "the first key signs");
    sandbox.advance(WORK);
    assert_eq!(sandbox.count("webhook"), 1, "once is enough");
}

#[tokio::test]
async fn a_failure_is_told_to_those_who_asked_for_it() {
    let (url, got) = receiver(vec![200]).await;
    let sandbox = still().start().await.unwrap();
    let quiet = ConclusionAction::new("EMAIL").with_email("user@example.com");
    let told = ConclusionAction::new("WEBHOOK").with_url(url).with_notify_failure(true);
    let project = sandbox.client().create_project("https://vimeo.com/sandbox-stall").with_conclusion_actions([quiet, told]).await.unwrap();
    sandbox.advance(WORK);
    entries(&sandbox, "webhook", 1).await;
    let request = got.lock().unwrap()[0].clone();
    assert!(
        request.ends_with(&format!(r#"{{"projectId":"{}","stage":"STALLED","error":"The project has stalled"}}"#, project.id)),
        "{request}"
    );
    assert_eq!(sandbox.count("email"), 0);
}

#[tokio::test]
async fn a_receiver_that_fails_is_asked_again_where_that_is_set() {
    let (url, got) = receiver(vec![500, 404, 204]).await;
    let sandbox = still().with_webhook_attempts(5, Duration::from_secs(30)).start().await.unwrap();
    let action = ConclusionAction::new("WEBHOOK").with_url(url);
    sandbox.client().create_project(VIDEO).with_conclusion_actions([action]).await.unwrap();
    sandbox.advance(WORK);
    entries(&sandbox, "webhook", 1).await;
    sandbox.advance(Duration::from_secs(30));
    entries(&sandbox, "webhook", 2).await;
    sandbox.advance(Duration::from_secs(60));
    let sent: Vec<_> = entries(&sandbox, "webhook", 3).await.iter().map(|entry| entry.status).collect();
    assert_eq!(sent, [Some(500), Some(404), Some(204)]);
    sandbox.advance(Duration::from_secs(3600));
    assert_eq!(sandbox.count("webhook"), 3);
    let salts: std::collections::BTreeSet<String> = got
        .lock()
        .unwrap()
        .iter()
        .map(|request| request.lines().find(|line| line.starts_with("x-opus-salt")).unwrap().to_owned())
        .collect();
    assert_eq!(salts.len(), 3, "each has a salt of its own");
}

#[tokio::test]
async fn other_machines_get_nothing_unless_that_is_allowed() {
    let sandbox = still().start().await.unwrap();
    let action = ConclusionAction::new("WEBHOOK").with_url("https://example.com/webhook");
    sandbox.client().create_project(VIDEO).with_conclusion_actions([action]).await.unwrap();
    sandbox.advance(WORK);
    let noted = entries(&sandbox, "webhook", 1).await;
    assert!(noted[0].status.is_none() && noted[0].note.as_deref().unwrap().contains("not sent"), "{noted:?}");
}
