//! A client under replay: green when it is right, red with the right id for each thing that it does wrong.

use std::collections::BTreeSet;
use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::sync::mpsc;
use std::task::Poll;
use std::time::Duration;

use opusclip_conformance::options::Options;
use opusclip_conformance::replay::Replayer;
use opusclip_conformance::report::Report;
use opusclip_conformance::run::run;
use opusclip_conformance::view::{compare, view};
use opusclip_conformance::waivers::Waivers;

use crate::toy::{Defect, KEY, Toy, spec, suite};

fn options() -> Options {
    Options {
        secrets: vec![KEY.into()],
        watchdog: Duration::from_millis(2_000),
        reproduce: Some("cargo test --test toy -- {fixture}".into()),
        ..Options::default()
    }
}

async fn report(defect: Defect, options: &Options) -> Report {
    run(spec(), &suite(), &Waivers::none(), &Toy(defect), options).await
}

/// The findings against the client, as `id fixture pointer`.
fn items(report: &Report) -> Vec<String> {
    let own = report.findings.iter().filter(|finding| finding.id.starts_with(['C', 'E']));
    own.map(|finding| finding.item()).collect()
}

#[tokio::test]
async fn a_right_client_passes() {
    let report = report(Defect::None, &options()).await;
    assert!(report.is_pass(), "{}", report.to_text(false));
    assert_eq!(report.exit_code(), 0);
    let totals = report.totals;
    assert_eq!((totals.fixtures, totals.executed, totals.passed), (19, 19, 19));
    for dimension in report.coverage.iter().filter(|dimension| dimension.gates) {
        assert!(dimension.total > 0 && dimension.missing.is_empty(), "{dimension:?}");
    }
}

#[tokio::test]
async fn two_reports_are_the_same_bytes() {
    let (wide, narrow) = (options(), Options { jobs: 1, ..options() });
    for defect in [Defect::None, Defect::RenamesQuery] {
        let (one, two) = (report(defect, &wide).await, report(defect, &narrow).await);
        assert_eq!(one.to_json(), two.to_json());
        assert_eq!(one.to_text(true), two.to_text(true));
    }
}

#[tokio::test]
async fn each_defect_is_found_where_it_is() {
    let expected = [
        (Defect::DropsField, "C405 books/get_book/maximal /response/json/author/name"),
        (Defect::InventsField, "C405 books/get_book/minimal /response/json/pages"),
        (Defect::RenamesQuery, "C401 books/list_books/maximal /request/query/genre"),
        (Defect::RenamesQuery, "C401 books/list_books/maximal /request/query/kind"),
        (Defect::RenamesQuery, "C410 books/list_books/maximal /request/query/kind"),
        (Defect::ChangesMethod, "C401 books/list_books/minimal /request/method"),
        (Defect::OmitsAuthorization, "C401 books/get_book/minimal /request/headers/authorization"),
        (Defect::ClosesEnum, "C403 books/get_book/new-genre /expect/type"),
        (Defect::SwallowsEnvelope, "C405 books/list_books/minimal /response/json"),
        (Defect::AddsHeader, "C410 books/get_book/minimal /request/headers/x-debug"),
        (Defect::LeaksKey, "C409 books/get_book/missing /outcome/debug"),
        (Defect::SendsTwice, "C402 books/get_book/minimal /request"),
        (Defect::SendsWhatItShouldRefuse, "C402 books/add_book/no-title /request"),
        (Defect::LeavesBase, "C402 books/get_book/minimal /request"),
        (Defect::TellsWrongType, "C403 books/list_books/minimal /expect/type"),
        (Defect::HidesStatus, "C407 books/get_book/missing /response/status"),
        (Defect::ChangesBody, "C401 books/add_book/minimal /request/json/title"),
        (Defect::Panics, "C408 books/get_book/minimal /call"),
        (Defect::LacksOperation, "C411 books/get_book/minimal /operation"),
    ];
    for (defect, item) in expected {
        let report = report(defect, &options()).await;
        let items = items(&report);
        assert!(items.iter().any(|found| found == item), "{defect:?}: no `{item}` in\n{}", report.to_text(false));
        assert_eq!(report.exit_code(), 1, "{defect:?}");
        let text = report.to_text(false) + &report.to_json();
        assert!(!text.contains(KEY), "{defect:?}: the report holds the key");
        assert!(!text.contains("127.0.0.1"), "{defect:?}: the report holds an address");
    }
}

#[tokio::test]
async fn a_defect_takes_away_what_it_breaks_from_coverage() {
    let report = report(Defect::LacksOperation, &options()).await;
    let missing: BTreeSet<String> = report.findings.iter().map(|finding| finding.item()).collect();
    assert!(missing.contains("V702 get_book 404"), "{missing:?}");
}

#[tokio::test]
async fn a_client_that_hangs_is_an_error_of_the_run_not_a_hang() {
    let options = Options { watchdog: Duration::from_millis(50), filter: Some("get_book".into()), ..options() };
    let report = report(Defect::Hangs, &options).await;
    assert!(items(&report).iter().all(|item| item.starts_with("E910 ")), "{}", report.to_text(false));
    assert_eq!((report.exit_code(), report.totals.errors), (3, 5));
}

#[tokio::test]
async fn a_filter_that_selects_nothing_is_not_a_pass() {
    let report = report(Defect::None, &Options { filter: Some("nothing".into()), ..options() }).await;
    assert_eq!(items(&report), ["E901"]);
}

#[tokio::test]
async fn a_view_is_stable_and_holds_no_address_and_no_key() {
    let (spec, suite, options) = (spec(), suite(), options());
    let views = async || {
        let replayer = Replayer::start(spec, &suite).await.unwrap();
        let mut views = Vec::new();
        for case in &suite.cases {
            let result = replayer.run(spec, case, &Toy::default(), &options).await;
            views.push(view(case, &result, &options));
        }
        views
    };
    let (one, two) = (views().await, views().await);
    assert_eq!(one, two);
    for text in one.iter().map(ToString::to_string) {
        assert!(!text.contains("127.0.0.1") && !text.contains(KEY) && !text.contains("/f/"), "{text}");
    }
    let case = suite.case("books/add_book/maximal").unwrap();
    let at = suite.cases.iter().position(|other| other.file == case.file).unwrap();
    assert_eq!(
        one[at]["request"],
        serde_json::json!({
            "method": "POST", "path": "/books", "query": [],
            "headers": {"authorization": "Bearer", "content-type": "application/json"},
            "body": {"title": "Duino", "genre": "poetry"},
        })
    );
    assert!(compare(case, &one[at], &two[at]).is_empty());
    let changed = compare(case, &one[at], &one[at + 1]);
    assert!(changed.iter().all(|finding| finding.id == "C404") && !changed.is_empty());
}

#[tokio::test]
async fn many_runs_in_a_row_end() {
    let (spec, suite, options) = (spec(), suite(), options());
    for _ in 0..20 {
        let report = run(spec, &suite, &Waivers::none(), &Toy::default(), &options).await;
        assert_eq!(report.totals.executed, suite.cases.len());
    }
}

/// wiremock's server waits for a lock of tokio's when it is dropped, which a task without budget never gets.
#[test]
fn the_server_ends_in_a_task_whose_budget_is_used_up() {
    let (ended, wait) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let replayer = Replayer::start(spec(), &suite()).await.unwrap();
            let mut replayer = Some(replayer);
            poll_fn(|context| {
                while pin!(tokio::task::coop::consume_budget()).poll(context).is_ready() {}
                drop(replayer.take());
                Poll::Ready(())
            })
            .await;
        });
        ended.send(()).unwrap();
    });
    assert!(wait.recv_timeout(Duration::from_secs(20)).is_ok(), "the server does not end");
}
