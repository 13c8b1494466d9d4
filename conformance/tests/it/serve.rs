//! Fixtures over HTTP, to a client that makes its calls by itself.

use opusclip_conformance::options::Options;
use opusclip_conformance::serve::{ServeReport, Session};
use opusclip_conformance::spec::Spec;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::toy::{root, suite};

async fn session() -> Session {
    let spec = Spec::load(&root().join("openapi.yaml")).unwrap();
    Session::start(spec, suite(), Options::default(), 0).await.unwrap()
}

/// Sends a request and gives the whole answer; nothing where the connection was closed.
async fn send(session: &Session, line: &str, headers: &str) -> String {
    let host = session.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.unwrap();
    stream.write_all(format!("{line} HTTP/1.1\r\nhost: {host}\r\n{headers}\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

const HEADERS: &str = "accept: application/json\r\nauthorization: Bearer x\r\n";

fn found(report: &ServeReport) -> Vec<(&str, &str)> {
    report.findings.iter().map(|finding| (finding.id, finding.pointer.as_str())).collect()
}

#[tokio::test]
async fn a_right_request_gets_the_answer_of_its_fixture() {
    let session = session().await;
    let list = send(&session, "GET /", "").await;
    assert!(list.contains("/f/books/list_books/maximal") && list.contains("\"genre\": \"poetry\""), "{list}");
    assert!(list.contains(&format!("{}/f/covers/put_cover/by-url/~", session.url())), "URLs of the API are turned to this server: {list}");
    let answer = send(&session, "GET /f/books/list_books/maximal/books?genre=poetry&page=2", HEADERS).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("{\"data\":[],\"total\":0}"), "{answer}");
    assert_eq!(send(&session, "GET /f/books/list_books/reset/books", HEADERS).await, "", "a fault closes the connection");
    let done = send(&session, "POST /__done", "content-length: 0\r\n").await;
    assert!(done.starts_with("HTTP/1.1 200") && done.contains("\"called\""), "{done}");
    session.done().await;
    let report = session.end(false).await;
    assert_eq!(report.exit_code(), 0, "{}", report.to_text());
    assert_eq!(
        report.called.iter().map(|called| called.fixture.as_str()).collect::<Vec<_>>(),
        ["books/list_books/maximal", "books/list_books/reset"]
    );
    assert!(report.not_called.contains(&"books/get_book/minimal".to_owned()));
    assert!(!report.not_called.contains(&"books/add_book/no-title".to_owned()), "where nothing must be sent, nothing is missing");
}

#[tokio::test]
async fn a_wrong_request_is_a_finding_and_one_that_nothing_answers_is_refused() {
    let session = session().await;
    let renamed = send(&session, "GET /f/books/list_books/maximal/books?kind=poetry&page=2", HEADERS).await;
    assert!(renamed.starts_with("HTTP/1.1 200"), "the client goes on: {renamed}");
    for (line, why) in [
        ("GET /f/books/get_book/maximal/book/b1", "books/get_book/maximal expects GET /books/b1, this is GET /book/b1"),
        ("DELETE /f/books/get_book/maximal/books/b1", "this is DELETE /books/b1"),
        ("GET /f/books/get_book/nothing/books/b1", "no fixture that is served has this id"),
        ("GET /books", "the base URL of every call is"),
        ("POST /f/books/add_book/no-title/books", "expects that the client refuses the call"),
    ] {
        let answer = send(&session, line, HEADERS).await;
        assert!(answer.starts_with("HTTP/1.1 501") && answer.contains(why), "{line}: {answer}");
    }
    let report = session.end(false).await;
    let findings = found(&report);
    for wanted in [
        ("C401", "/request/query/genre"),
        ("C410", "/request/query/kind"),
        ("C401", "/request/path"),
        ("C401", "/request/method"),
        ("C402", "/request"),
    ] {
        assert!(findings.contains(&wanted), "{wanted:?}: {findings:?}");
    }
    assert_eq!((report.exit_code(), report.refused.len()), (1, 3));
}

#[tokio::test]
async fn nothing_called_is_no_pass() {
    let report = session().await.end(false).await;
    assert_eq!((report.exit_code(), found(&report)), (3, vec![("E901", "")]));
    let all = session().await.end(true).await;
    assert_eq!(all.findings.len(), all.not_called.len());
    assert_eq!(all.exit_code(), 1);
}

/// What is shown of a session in every state, word for word.
#[tokio::test]
async fn a_session_word_for_word() {
    let mut told = String::new();
    for (all, lines) in [
        (false, &[][..]),
        (false, &["GET /f/books/get_book/minimal/books/b%201"][..]),
        (
            true,
            &[
                "GET /f/books/get_book/minimal/books/b%201",
                "GET /f/books/get_book/minimal/books/b%201",
                "GET /books?q=1",
                "DELETE /f/no/thing",
            ],
        ),
    ] {
        let session = session().await;
        let url = session.url().to_owned();
        let list = send(&session, "GET /", "").await.split_once("\r\n\r\n").unwrap().1.to_owned();
        for line in lines {
            let answer = send(&session, line, HEADERS).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            told += &format!("{line}\n{}\n{body}\n", head.lines().next().unwrap());
        }
        let report = session.end(all).await;
        told += &format!("== {}\n{}\n{}\n", report.exit_code(), report.to_text(), report.to_json());
        if all {
            told += &list;
        }
        told = told.replace(&url, "URL").replace(&root().display().to_string(), "");
    }
    insta::assert_snapshot!(told);
}
