use std::time::Duration;

use opusclip::RetryPolicy;
use opusclip::types::PostDetail;

use crate::support::{VIDEO, WORK, complete, json, once, still};

#[tokio::test]
async fn the_thirty_first_call_in_a_minute_is_refused_and_a_minute_later_it_is_not() {
    let sandbox = still().start().await.unwrap();
    let client = once(&sandbox);
    for _ in 0..30 {
        client.list_brand_templates().await.unwrap();
    }
    let refused = client.list_collections(opusclip::CollectionFilter::Mine).await.unwrap_err();
    assert!(refused.is_rate_limited() && !refused.is_concurrency_limited(), "{refused}");
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(60)));
    client.list_social_accounts().await.unwrap();
    let another_key =
        crate::support::http(&sandbox, "GET", "/api/brand-templates?q=mine", &[("authorization", "Bearer sk-other")], "").await;
    assert_eq!(another_key.status(), 200, "another key has a limit of its own");
    sandbox.advance(Duration::from_secs(60));
    client.list_brand_templates().await.unwrap();
    assert!(sandbox.journal().iter().all(|entry| entry.violations.is_empty()));
}

#[tokio::test]
async fn the_fifth_project_at_once_is_refused_until_one_is_done() {
    let sandbox = still().start().await.unwrap();
    let client = once(&sandbox);
    for _ in 0..4 {
        client.create_project(VIDEO).await.unwrap();
    }
    let fifth = client.create_project(VIDEO).await.unwrap_err();
    assert!(fifth.is_concurrency_limited(), "{fifth}");
    sandbox.advance(WORK);
    client.create_project(VIDEO).await.unwrap();
    assert!(sandbox.journal().iter().all(|entry| entry.violations.is_empty()));
}

#[tokio::test]
async fn credits_end_with_the_month_and_minutes_with_the_plan() {
    let sandbox = still().with_monthly_credits(25).start().await.unwrap();
    let client = once(&sandbox);
    client.create_project(VIDEO).await.unwrap();
    client.create_project(VIDEO).await.unwrap();
    let capped = client.create_project(VIDEO).await.unwrap_err();
    assert!(capped.is_quota_exhausted(), "{capped}");
    assert_eq!((capped.status(), capped.code()), (Some(403), Some("API_MONTHLY_CAP_REACHED")));
    let reset = capped.reset_at().unwrap().to_system_time().unwrap();
    let left = json(&sandbox, "GET", "/api/brand-templates?q=mine", "").await;
    assert_eq!(
        (&left.headers()["x-ratelimit-limit"], &left.headers()["x-ratelimit-remaining"]),
        (&"25".parse().unwrap(), &"5".parse().unwrap())
    );
    sandbox.advance(reset.duration_since(sandbox.now()).unwrap());
    client.create_project(VIDEO).await.unwrap();

    let sandbox = still().with_plan_minutes(15).start().await.unwrap();
    let client = once(&sandbox);
    client.create_project(VIDEO).await.unwrap();
    let empty = client.create_project(VIDEO).await.unwrap_err();
    assert_eq!((empty.status(), empty.code()), (Some(402), Some("InsufficientCreditError")));
}

#[tokio::test]
async fn the_other_refusals_of_a_plan_come_by_setting() {
    let sandbox = still().without_thumbnails().without_proxy_access().start().await.unwrap();
    let client = once(&sandbox);
    let thumbnail = client.create_generative_job(VIDEO).await.unwrap_err();
    assert_eq!((thumbnail.status(), thumbnail.code()), (Some(403), Some("QuotaExceedErr")));
    let proxy = client.create_project(VIDEO).await.unwrap_err();
    assert_eq!((proxy.status(), proxy.code()), (Some(403), Some("ProxyNotAllowedError")));
    assert!(sandbox.journal().iter().all(|entry| entry.violations.is_empty()));
}

#[tokio::test]
async fn posts_have_a_limit_of_the_day_and_tiktok_one_of_its_own() {
    let sandbox = still().without_rate_limits().with_daily_posts(17).start().await.unwrap();
    let (project, clips) = complete(&sandbox).await;
    let client = once(&sandbox);
    let clip = clips[0].curation_id.clone().unwrap();
    let post = |account: &'static str| client.create_post_task(&project.id, &clip, account, PostDetail::new("T"));
    for _ in 0..15 {
        post("postAccountId_tiktok").await.unwrap();
    }
    let sixteenth = post("postAccountId_tiktok").await.unwrap_err();
    assert_eq!((sixteenth.status(), sixteenth.code()), (Some(400), Some("QuotaExceed")));
    post("postAccountId_youtube").await.unwrap();
    post("postAccountId_x").await.unwrap();
    let body = post("postAccountId_youtube").await.unwrap_err();
    assert_eq!(body.status(), Some(429));
    assert!(body.body().contains(r#""window":"DAY""#));
    sandbox.advance(Duration::from_secs(24 * 3600));
    post("postAccountId_tiktok").await.unwrap();
}

#[tokio::test]
async fn a_post_needs_a_rendered_clip_and_its_bare_id() {
    let sandbox = still().with_export_links(opusclip_sandbox::ExportLinks::Never).without_rate_limits().start().await.unwrap();
    let (project, clips) = complete(&sandbox).await;
    let client = once(&sandbox);
    let bare = clips[0].curation_id.clone().unwrap();
    let early = client.create_post_task(&project.id, &bare, "postAccountId_youtube", PostDetail::new("T")).await.unwrap_err();
    assert_eq!((early.status(), early.code()), (Some(400), Some("_ExportNotReadyError")));
    // The client refuses the full id by itself.
    let full = serde_json::json!({"projectId": project.id, "clipId": clips[0].id, "postAccountId": "postAccountId_youtube", "postDetail": {"title": "T"}});
    let full = client.raw("create_post_task").with_json(&full).await.unwrap();
    assert!(full.status() == 404 && full.text().contains("Clip not found"), "{}", full.text());
}

#[tokio::test]
async fn keys_are_checked_and_401_is_plain_text() {
    let sandbox = still().with_keys(["sk-one", "sk-two"]).start().await.unwrap();
    sandbox.client().list_brand_templates().await.unwrap();
    for headers in [&[][..], &[("authorization", "sk-one")], &[("authorization", "Bearer sk-three")], &[("authorization", "Basic c2s6")]] {
        let refused = crate::support::http(&sandbox, "GET", "/api/brand-templates?q=mine", headers, "").await;
        assert_eq!((refused.status().as_u16(), &refused.headers()["content-type"]), (401, &"text/plain".parse().unwrap()));
        assert_eq!(refused.text().await.unwrap(), "Unauthorized");
    }
}

#[tokio::test]
async fn a_client_that_waits_as_it_is_told_gets_through() {
    // A minute is 60 ms here.
    let sandbox = opusclip_sandbox::Sandbox::builder().with_speed(1000.0).start().await.unwrap();
    for _ in 0..30 {
        sandbox.client().list_brand_templates().await.unwrap();
    }
    let client = sandbox.client_builder().with_retry(RetryPolicy::never()).build().unwrap();
    let mut tries = 0;
    while client.list_brand_templates().await.is_err() {
        tries += 1;
        assert!(tries < 10_000);
    }
}
