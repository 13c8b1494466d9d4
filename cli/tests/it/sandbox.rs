//! `opusclip sandbox`.

use std::net::TcpListener;

use crate::running::Running;
use crate::support::World;

/// Asks it for a project, once.
#[cfg(unix)]
fn look(url: &str, project: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let client = opusclip::Client::builder("sk-x").with_base_url(url).with_retry(opusclip::RetryPolicy::never()).build().unwrap();
    runtime.block_on(async { client.get_project(project).await }).unwrap_err().status().unwrap();
}

#[cfg(unix)]
#[test]
fn it_is_a_sandbox_for_another_run_until_a_signal_comes() {
    let world = World::new();
    for signal in ["-INT", "-TERM"] {
        let mut command = world.command(&["sandbox", "--port", "0", "--speed", "60", "--fault", "get_project#1=status:503"]);
        command.env_remove("OPUSCLIP_API_KEY");
        let mut sandbox = Running::new(command);
        let url = sandbox.prints();
        assert!(url.starts_with("http://127.0.0.1:") && url != world.sandbox.url(), "{url}");
        look(&url, "P1");
        sandbox.says("[fault: get_project#1=status:503]");
        sandbox.signal(signal);
        let run = sandbox.ended().ends(0);
        assert_eq!((run.stdout.trim(), run.stderr.contains("error")), (url.as_str(), false), "{}", run.stderr);
    }
    assert_eq!(world.sandbox.journal().len(), 0, "the other sandbox was not asked");
}

#[cfg(unix)]
#[test]
fn quiet_is_the_option_of_the_whole_program_wherever_it_stands() {
    let world = World::new();
    for args in [["-q", "sandbox", "--port=0"], ["sandbox", "--port=0", "--quiet"]] {
        let mut sandbox = Running::new(world.command(&args));
        let url = sandbox.prints();
        look(&url, "P1");
        sandbox.signal("-INT");
        assert_eq!(sandbox.ended().ends(0).stderr, "");
    }
}

#[test]
fn what_is_wrong_is_told_with_what_to_do_next() {
    let world = World::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    world.opusclip(&["sandbox", "--port", &port]).ends(1).says("next: another program has the port: take another one with `--port`");
    world.opusclip(&["sandbox", "--fault", "create_projekt=lost"]).ends(2).says("create_projekt");
    world.opusclip(&["sandbox", "--speed", "-1"]).ends(2).says("next: give one like 60");
    world.opusclip(&["sandbox", "--address", "0.0.0.0"]).ends(2).says("next: allow that with `--public`");
    world.opusclip(&["sandbox", "--keep-uploads", "nowhere"]).ends(2).says("nowhere is no folder");
}
