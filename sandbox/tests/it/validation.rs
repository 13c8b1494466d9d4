use opusclip_sandbox::Sandbox;
use serde_json::{Value, json as object};

use crate::support::{http, json, still};

#[tokio::test]
async fn what_the_spec_does_not_know_is_refused_with_the_place() {
    let sandbox = still().start().await.unwrap();
    let body = r#"{"videoUrl": "https://youtu.be/x", "curationPref": {"clipDuration": [[0, 90]]}}"#;
    let refused = json(&sandbox, "POST", "/api/clip-projects", body).await;
    assert_eq!(refused.status(), 400);
    let header = refused.headers()["x-sandbox-violation"].to_str().unwrap().to_owned();
    for part in ["F209", "create_project", "/request/json/curationPref/clipDuration", "is not documented", "openapi.yaml:"] {
        assert!(header.contains(part), "no {part} in {header}");
    }
    let body: Value = refused.json().await.unwrap();
    assert_eq!((&body["statusCode"], &body["error"]), (&object!(400), &object!("Bad Request")));
    assert!(body["message"][0].as_str().unwrap().contains("clipDuration"));
    assert_eq!(sandbox.journal()[0].violations.len(), 1);
    assert!(!sandbox.journal()[0].effect);
    let wrong_query = json(&sandbox, "GET", "/api/collections?q=all", "").await;
    let body: Value = wrong_query.json().await.unwrap();
    assert!(body["errorName"] == "InvalidParam" && body["errorMessage"].as_str().unwrap().contains("/request/query/q"), "{body}");
}

#[tokio::test]
async fn what_is_wrong_is_wrong_in_every_mode() {
    for builder in [still(), still().lenient()] {
        let sandbox = builder.start().await.unwrap();
        let cases = [
            ("POST", "/api/clip-projects", "{}"),
            ("POST", "/api/clip-projects", r#"{"videoUrl": 7}"#),
            ("POST", "/api/clip-projects", "{"),
            ("POST", "/api/clip-projects", ""),
            ("GET", "/api/social-accounts", ""),
            ("GET", "/api/exportable-clips", ""),
            ("GET", "/api/exportable-clips?q=findByProjectId", ""),
            ("GET", "/api/exportable-clips?q=findByProjectId&projectId=P1&pageNum=one", ""),
            ("POST", "/api/clip-projects", r#"{"videoUrl": "https://youtu.be/x", "conclusionActions": [{"type": "WEBHOOK"}]}"#),
        ];
        for (method, target, body) in cases {
            assert_eq!(json(&sandbox, method, target, body).await.status(), 400, "{method} {target} {body}");
        }
    }
}

#[tokio::test]
async fn a_lenient_sandbox_ignores_what_the_service_ignores_and_notes_it() {
    let sandbox = still().lenient().start().await.unwrap();
    let body = r#"{"videoUrl": "https://youtu.be/x", "utm": "x"}"#;
    let taken = json(&sandbox, "POST", "/api/clip-projects?debug=1", body).await;
    assert_eq!(taken.status(), 201);
    let noted = &sandbox.journal()[0];
    assert!(noted.effect && noted.violations.len() == 2, "{noted:?}");
}

#[tokio::test]
async fn headers_that_libraries_add_do_no_harm() {
    let sandbox = still().start().await.unwrap();
    let headers = [("authorization", "Bearer sk-x"), ("sec-fetch-mode", "cors"), ("traceparent", "00-1-2-3"), ("x-opus-org-id", "org_a")];
    assert_eq!(http(&sandbox, "GET", "/api/brand-templates?q=mine", &headers, "").await.status(), 200);
}

#[tokio::test]
async fn an_unknown_route_answers_as_the_framework_does() {
    let sandbox = still().start().await.unwrap();
    for (method, path) in [("GET", "/api/unknown"), ("PATCH", "/api/collections"), ("GET", "/"), ("POST", "/api/v1/create")] {
        let lost = json(&sandbox, method, path, "").await;
        assert_eq!(lost.status(), 404);
        let body: Value = lost.json().await.unwrap();
        assert_eq!(body["message"], format!("Cannot {method} {path}"));
    }
}

#[tokio::test]
async fn an_address_that_others_reach_has_to_be_allowed() {
    let everywhere = "0.0.0.0".parse().unwrap();
    let refused = Sandbox::builder().with_address(everywhere).start().await.unwrap_err().to_string();
    assert!(refused.contains("0.0.0.0") && refused.contains("allow"), "{refused}");
    let allowed = Sandbox::builder().with_address(everywhere).public().start().await.unwrap();
    assert!(allowed.url().starts_with("http://127.0.0.1:"), "{}", allowed.url());
    allowed.client().list_brand_templates().await.unwrap();
    assert!(Sandbox::builder().with_speed(-1.0).start().await.unwrap_err().to_string().contains("-1"));
    let port = allowed.address().port();
    assert!(Sandbox::builder().with_port(port).start().await.unwrap_err().to_string().contains(&port.to_string()));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_told_so_in_the_form_of_the_framework() {
    let sandbox = still().start().await.unwrap();
    let body = format!(r#"{{"videoUrl": "{}"}}"#, "a".repeat(2 << 20));
    let answer = json(&sandbox, "POST", "/api/clip-projects", &body).await;
    assert_eq!(answer.status(), 413);
    let told: Value = answer.json().await.unwrap();
    assert_eq!((&told["statusCode"], told["message"].is_string()), (&object!(413), true));
}

#[tokio::test]
async fn a_lenient_sandbox_answers_without_q_as_the_service_has() {
    let sandbox = still().lenient().start().await.unwrap();
    let templates = json(&sandbox, "GET", "/api/brand-templates", "").await;
    assert_eq!((templates.status().as_u16(), templates.bytes().await.unwrap().len()), (200, 0));
    let clips = json(&sandbox, "GET", "/api/exportable-clips?projectId=P1", "").await;
    assert_eq!((clips.status().as_u16(), clips.text().await.unwrap()), (200, "[]".to_owned()));
    assert_eq!(json(&sandbox, "GET", "/api/social-accounts", "").await.status(), 400);
}
