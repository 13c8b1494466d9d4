//! What a fixture may leave open of a request, and what it has to declare.

use opusclip_conformance::lint::lint;
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Suite;

/// What is held against a fixture of this operation.
fn told(security: &str, parameter: &str, request: &str, violates: &str) -> Vec<String> {
    let spec = format!(
        "openapi: 3.0.3\ninfo: {{title: T, version: '1'}}\nservers: [{{url: 'https://t.example'}}]\npaths:\n  /a:\n    post:\n      \
         operationId: send\n      security: {security}\n      parameters: [{parameter}]\n      requestBody: {{content: {{application/json: \
         {{schema: {{type: object}}}}, text/plain: {{}}}}}}\n      responses: {{'204': {{description: D}}, '401': {{description: D}}}}\n\
         components:\n  securitySchemes:\n    bearer: {{type: http, scheme: bearer}}\n    basic: {{type: http, scheme: basic}}\n    key: \
         {{type: apiKey, in: header, name: X-Key}}\n    cookie: {{type: apiKey, in: cookie, name: session}}\n"
    );
    let text = format!(
        "fixture: 1\nid: untagged/send/case\noperation: send\nsummary: s\nprovenance: {{kind: documented, source: p}}\n\
         request:\n  method: POST\n  path: /a\n{request}response: {{status: 204}}\nexpect:\n  client: ok\n  type: ()\n  violates: {violates}\n"
    );
    let mut suite = Suite::default();
    suite.add("case.yaml", "untagged/send/case", &text);
    assert!(suite.broken.is_empty(), "{:?} in\n{text}", suite.broken);
    let found = lint(&Spec::parse("t.yaml", &spec).unwrap(), &suite);
    // Whether the call agrees is another matter.
    found.iter().filter(|finding| finding.id != "F214").map(|finding| format!("{} {}", finding.id, finding.pointer)).collect()
}

#[test]
fn a_header_that_has_to_be_there_may_have_any_value() {
    let count = "{name: X-Count, in: header, required: true, schema: {type: integer}}";
    for (security, parameter, request, expected) in [
        ("[]", count, "  require_headers: [x-count]\n", &[][..]),
        ("[]", count, "  require_headers: [X-Count]\n", &[]),
        ("[]", count, "  headers: {X-Count: '3'}\n", &[]),
        ("[]", count, "  headers: {x-count: three}\n", &["F206 /request/headers/x-count"]),
        ("[]", count, "  headers: {x-count: three}\n  require_headers: [x-count]\n", &["F206 /request/headers/x-count"]),
        ("[]", count, "", &["F206 /request/headers/x-count"]),
        ("[]", "", "  require_headers: [x-other]\n", &["F206 /request/headers/x-other"]),
        ("[]", "{name: x-other, in: query, schema: {type: string}}", "  require_headers: [x-other]\n", &["F206 /request/headers/x-other"]),
        ("[{bearer: []}]", "", "  require_headers: [authorization]\n", &[]),
        ("[{bearer: []}]", "", "  require_headers: [Authorization]\n", &[]),
        ("[{basic: []}]", "", "  require_headers: [authorization]\n", &[]),
        (
            "[{basic: []}]",
            "",
            "  headers: {authorization: Bearer x}\n  require_headers: [authorization]\n",
            &["F207 /request/headers/authorization"],
        ),
        ("[{bearer: []}, {basic: []}]", "", "  require_headers: [authorization]\n", &[]),
        ("[{bearer: []}]", "", "", &["F207 /request/headers/authorization"]),
        ("[{key: []}]", "", "  require_headers: [x-key]\n", &[]),
        (
            "[{key: []}]",
            "",
            "  require_headers: [authorization]\n",
            &["F206 /request/headers/authorization", "F207 /request/headers/x-key"],
        ),
        ("[{key: [], bearer: []}]", "", "  require_headers: [x-key, authorization]\n", &[]),
        ("[{key: []}, {}]", "", "", &[]),
        ("[{cookie: []}]", "", "  headers: {cookie: 'session=1'}\n", &[]),
        ("[]", "", "  json: {}\n", &[]),
        ("[]", "", "  json: {}\n  headers: {content-type: text/plain}\n", &[]),
        ("[]", "", "  json: {}\n  headers: {Content-Type: text/html}\n", &["F208 /request/headers/content-type"]),
        ("[]", "", "  text: hi\n", &["F208 /request/headers/content-type"]),
        ("[]", "", "  text: hi\n  require_headers: [content-type]\n", &["F208 /request/headers/content-type"]),
    ] {
        let found = told(security, parameter, request, "[]");
        assert_eq!(found, expected, "{security} {parameter} {request}");
    }
}

#[test]
fn what_departs_is_declared_by_check_and_place_and_nothing_else_is() {
    let odd = "  headers: {x-odd: '1', x-even: '2'}\n";
    let (first, second) = ("F206 /request/headers/x-even", "F206 /request/headers/x-odd");
    let entry = |check: &str, at: &str| format!("{{check: {check}, at: {at}, why: meant}}");
    for (violates, expected) in [
        (vec![], vec![first, second]),
        (vec![entry("F206", "/request/headers/x-odd")], vec![first]),
        (vec![entry("F206", "/request/headers/x-odd"), entry("F206", "/request/headers/x-even")], vec![]),
        (vec![entry("F205", "/request/headers/x-odd")], vec![first, second, "F217 /expect/violates/0"]),
        (vec![entry("F206", "/request/headers")], vec![first, second, "F217 /expect/violates/0"]),
        (vec![entry("F206", "/request/headers/x-odd"), entry("F206", "/request/headers/x")], vec![first, "F217 /expect/violates/1"]),
    ] {
        let mut found = told("[]", "", odd, &format!("[{}]", violates.join(", ")));
        found.sort();
        assert_eq!(found, expected, "{violates:?}");
    }
}
