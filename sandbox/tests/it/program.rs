use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opusclip-sandbox"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn started(arguments: &[&str]) -> (Child, String) {
    let mut child = program(arguments).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
    (child, url.trim().to_owned())
}

#[cfg(unix)]
#[tokio::test]
async fn it_prints_its_url_logs_each_request_and_stops_at_a_signal() {
    for signal in ["-INT", "-TERM"] {
        let (mut child, url) = started(&["--port", "0", "--speed", "60", "--fault", "get_project#1=status:503"]);
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        let client = opusclip::Client::builder("sk-x")
            .with_base_url(&url)
            .with_pacing(false)
            .with_retry(opusclip::RetryPolicy::never())
            .build()
            .unwrap();
        client.list_brand_templates().await.unwrap();
        let faulty = client.raw("get_project").with("projectId", "P1").await.unwrap();
        assert_eq!(faulty.status(), 503);
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        assert!(child.wait().unwrap().success());
        let mut log = String::new();
        child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(log.lines().count() >= 2 && log.contains("GET /api/brand-templates?q=mine 200 list_brand_templates"), "{log}");
        assert!(log.contains("[fault: get_project#1=status:503]"), "{log}");
        assert!(!log.contains("sk-x") && !log.contains('\u{1b}'), "{log}");
    }
}

#[test]
fn what_it_cannot_do_is_told_in_one_line() {
    let cases: [(&[&str], &str, i32); 6] = [
        (&["--fault", "nothing=lost"], "nothing", 2),
        (&["--address", "0.0.0.0", "--port", "0"], "0.0.0.0", 2),
        (&["--keep-uploads", "/no/such/folder", "--port", "0"], "/no/such/folder", 2),
        (&["--speed", "NaN", "--port", "0"], "NaN", 2),
        (&["--port", "70000"], "70000", 2),
        (&["--link-life", "soon"], "soon", 2),
    ];
    for (arguments, part, code) in cases {
        let output = program(arguments).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains(part), "{arguments:?}: {text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_port_that_another_program_has_is_told_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = program(&["--port", &port]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains(&port) && text.contains("take another one with `--port`"), "{text}");
}

#[tokio::test]
async fn a_reader_of_the_log_that_leaves_does_no_harm() {
    let (mut child, url) = started(&["--port", "0"]);
    drop(child.stderr.take());
    let client = opusclip::Client::builder("sk-x").with_base_url(&url).with_retry(opusclip::RetryPolicy::never()).build().unwrap();
    for _ in 0..3 {
        client.list_brand_templates().await.unwrap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
