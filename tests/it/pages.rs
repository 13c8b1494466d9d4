use futures_util::StreamExt;
use opusclip::ClipSource;
use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use crate::support::{client, requests};

/// Serves `total` clips in pages, or always the first page.
async fn clips(total: u64, honours_page: bool) -> MockServer {
    let server = MockServer::start().await;
    let respond = move |request: &Request| {
        let number = |name: &str| {
            request.url.query_pairs().find(|(key, _)| key == name).and_then(|(_, value)| value.parse::<u64>().ok()).unwrap_or(1)
        };
        let (page, size) = (if honours_page { number("pageNum") } else { 1 }, number("pageSize"));
        let range = (page - 1) * size..total.min(page * size);
        let clips: Vec<Value> = range.map(|n| json!({"id": format!("P1.CU{n}")})).collect();
        ResponseTemplate::new(200).set_body_json(clips)
    };
    Mock::given(wiremock::matchers::any()).respond_with(respond).mount(&server).await;
    server
}

async fn walk(server: &MockServer, size: u32) -> Vec<String> {
    let pages = client(server).clip_pages(ClipSource::Project("P1".into())).with_page_size(size);
    let clips: Vec<_> = pages.into_stream().collect().await;
    clips.into_iter().map(|clip| clip.unwrap().id.to_string()).collect()
}

#[tokio::test]
async fn stops_after_a_short_page() {
    let server = clips(7, true).await;
    assert_eq!(walk(&server, 3).await, (0..7).map(|n| format!("P1.CU{n}")).collect::<Vec<_>>());
    assert_eq!(requests(&server).await.len(), 3);
}

/// What gives two at the most, and says so or says how many there are.
#[tokio::test]
async fn goes_on_where_the_service_gives_fewer_than_it_is_asked_for() {
    for envelope in [json!({"limit": 2}), json!({"total": 7})] {
        let server = MockServer::start().await;
        let told = envelope.clone();
        let respond = move |request: &Request| {
            let page = request.url.query_pairs().find(|(key, _)| key == "pageNum").unwrap().1.parse::<u64>().unwrap();
            let clips: Vec<Value> = ((page - 1) * 2..7.min(page * 2)).map(|n| json!({"id": format!("P1.CU{n}")})).collect();
            let mut list = told.clone();
            list["list"] = clips.into();
            ResponseTemplate::new(200).set_body_json(json!({"data": list}))
        };
        Mock::given(wiremock::matchers::any()).respond_with(respond).mount(&server).await;
        assert_eq!(walk(&server, 3).await, (0..7).map(|n| format!("P1.CU{n}")).collect::<Vec<_>>(), "{envelope}");
        assert_eq!(requests(&server).await.len(), 4, "{envelope}");
    }
}

#[tokio::test]
async fn stops_at_an_empty_page_after_full_ones() {
    let server = clips(6, true).await;
    assert_eq!(walk(&server, 3).await.len(), 6);
    assert_eq!(requests(&server).await.len(), 3);
    let none = clips(0, true).await;
    assert!(walk(&none, 3).await.is_empty());
}

#[tokio::test]
async fn stops_at_a_repeated_page() {
    let server = clips(3, false).await;
    assert_eq!(walk(&server, 3).await.len(), 3);
    assert_eq!(requests(&server).await.len(), 2);
}

#[tokio::test]
async fn the_stream_ends_after_an_error_and_the_pages_can_go_on() {
    let server = MockServer::start().await;
    let page = json!([{"id": "P1.CU0"}, {"id": "P1.CU1"}]);
    Mock::given(wiremock::matchers::query_param("pageNum", "1"))
        .respond_with(ResponseTemplate::new(200).set_body_json(page))
        .mount(&server)
        .await;
    Mock::given(wiremock::matchers::query_param("pageNum", "2"))
        .respond_with(ResponseTemplate::new(500))
        .up_to_n_times(2)
        .mount(&server)
        .await;
    let pages = client(&server).clip_pages(ClipSource::Project("P1".into())).with_page_size(2);
    let seen: Vec<bool> = pages.clone().into_stream().map(|clip| clip.is_ok()).collect().await;
    assert_eq!(seen, [true, true, false]);
    let mut pages = pages;
    assert_eq!(pages.next_page().await.unwrap().unwrap().len(), 2);
    assert_eq!(pages.next_page().await.unwrap_err().status(), Some(500));
    Mock::given(wiremock::matchers::query_param("pageNum", "2"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!([])))
        .mount(&server)
        .await;
    assert!(pages.next_page().await.unwrap().is_none());
    assert!(pages.next_page().await.unwrap().is_none());
}
