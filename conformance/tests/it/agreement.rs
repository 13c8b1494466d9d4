//! Whether what a caller gives is what goes over the wire: every place and style of a parameter, and the body.

use std::fmt::Write as _;

use opusclip_conformance::lint::lint;
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Suite;

const SHELVES: &str = "
openapi: 3.0.3
info: {title: Shelves, version: 1.0.0}
servers: [{url: 'https://shelves.example'}, {url: 'https://shelves.example/v2'}]
paths:
  /shelves/{shelf}/books/{book}:
    parameters:
      - {name: shelf, in: path, required: true, schema: {type: integer}}
      - {$ref: '#/components/parameters/Book'}
      - {name: tags, in: query, schema: {type: array, items: {type: string}}}
    post:
      operationId: put_book
      parameters:
        - {name: version, in: query, required: true, schema: {$ref: '#/components/schemas/Version'}}
        - {name: mode, in: query, schema: {type: string, enum: [fast]}}
        - {name: order, in: query, required: true, schema: {type: string, enum: [up, down]}}
        - {name: tags, in: query, explode: false, schema: {type: array, items: {type: string}}}
        - {name: ids, in: query, schema: {type: array, items: {type: integer}}}
        - {name: x-tenant, in: header, schema: {type: string}}
        - {name: x-parts, in: header, schema: {type: array, items: {type: string}}}
        - {name: session, in: cookie, schema: {type: string}}
      requestBody: {content: {application/json: {schema: {type: object}}, text/plain: {schema: {type: string}}}}
      responses: {'204': {description: Done.}}
components:
  parameters:
    Book: {name: book, in: path, required: true, schema: {type: string}}
  schemas:
    Version: {type: string, enum: ['1']}
";

/// A call and the request beside it that agree.
const CALL: &str = "shelf: 3, book: 'a b/c', order: up";
const PATH: &str = "/shelves/3/books/a%20b%2Fc";
const QUERY: &str = "[version, '1'], [order, up]";

fn told(call: &str, path: &str, query: &str, rest: &str, expect: &str) -> Vec<String> {
    let text = format!(
        "fixture: 1\nid: shelves/put_book/case\noperation: put_book\nsummary: s\nprovenance: {{kind: documented, source: p}}\n\
         call: {{{call}}}\nrequest:\n  method: POST\n  path: {path}\n  query: [{query}]\n{rest}\
         response: {{status: 204}}\nexpect: {{client: {expect}}}\n"
    );
    let spec = Spec::parse("shelves.yaml", SHELVES).unwrap();
    let mut suite = Suite::default();
    suite.add("case.yaml", "shelves/put_book/case", &text);
    assert!(suite.broken.is_empty(), "{:?} in\n{text}", suite.broken);
    let found = lint(&spec, &suite).into_iter().filter(|finding| finding.id == "F214");
    found.map(|finding| format!("{} {}", finding.pointer, finding.message)).collect()
}

#[test]
fn a_call_that_gives_what_is_sent_is_silent() {
    for (call, query, rest) in [
        ("", "", ""),
        (", version: '1'", "", ""),
        (", tags: [a, b], ids: [1, 2]", ", [tags, 'a,b'], [ids, '1'], [ids, '2']", ""),
        (", tags: [], ids: null, mode: null", ", [tags, '']", ""),
        (", mode: fast", ", [mode, fast]", ""),
        (", x-tenant: t, x-parts: [a, b]", "", "  headers: {X-Tenant: t, x-parts: 'a,b'}\n"),
        (", x-tenant: t", "", "  require_headers: [X-Tenant]\n"),
        (", session: s", "", ""),
        ("", "", "  json: {}\n"),
        (", body: {n: 1.0}", "", "  json: {n: 1}\n"),
        (", body: text", "", "  text: text\n  headers: {content-type: text/plain}\n"),
        (", body: aGk=", "", "  base64: aGk=\n  headers: {content-type: text/plain}\n"),
    ] {
        let found = told(&format!("{CALL}{call}"), PATH, &format!("{QUERY}{query}"), rest, "ok, type: ()");
        assert_eq!(found, [""; 0], "{call} {query} {rest}");
    }
}

const STYLES: &str = "
openapi: 3.0.3
info: {title: Styles, version: 1.0.0}
paths:
  /x/{ids}:
    get:
      operationId: get_x
      parameters:
        - {name: ids, in: path, required: true, schema: {type: array, items: {type: integer}}}
        - {name: size, in: query, style: deepObject, explode: true, schema: {type: object, properties: {min: {type: integer}, max: {type: integer}}}}
        - {name: pipe, in: query, style: pipeDelimited, explode: false, schema: {type: array, items: {type: string}}}
        - {name: pipes, in: query, style: pipeDelimited, schema: {type: array, items: {type: string}}}
        - {name: space, in: query, style: spaceDelimited, schema: {type: array, items: {type: string}}}
        - {name: flat, in: query, explode: false, schema: {type: object, properties: {a: {type: integer}, b: {type: integer}}}}
        - {name: filter, in: query, content: {application/json: {schema: {type: object, properties: {a: {type: integer}}}}}}
        - {name: page, in: query, schema: {type: object, properties: {from: {type: integer}, to: {type: integer}}}}
        - {name: labels, in: query, schema: {type: object, additionalProperties: {type: integer}}}
        - {name: X-Set, in: header, schema: {type: object, properties: {a: {type: integer}}}}
        - {name: plain, in: query, schema: {type: integer}}
      responses: {'204': {description: Done.}}
";

/// What the lint says of a call and a request of styles beyond the usual ones.
fn styled(call: &str, path: &str, query: &str, headers: &str) -> Vec<String> {
    let text = format!(
        "fixture: 1\nid: untagged/get_x/case\noperation: get_x\nsummary: s\nprovenance: {{kind: documented, source: p}}\n\
         call: {{{call}}}\nrequest:\n  method: GET\n  path: {path}\n  query: [{query}]\n  headers: {{{headers}}}\n\
         response: {{status: 204}}\nexpect: {{client: ok, type: ()}}\n"
    );
    let spec = Spec::parse("styles.yaml", STYLES).unwrap();
    let mut suite = Suite::default();
    suite.add("case.yaml", "untagged/get_x/case", &text);
    assert!(suite.broken.is_empty(), "{:?} in\n{text}", suite.broken);
    lint(&spec, &suite).into_iter().map(|finding| format!("{} {} {}", finding.id, finding.pointer, finding.message)).collect()
}

#[test]
fn a_value_is_sent_in_the_style_that_the_document_gives_it() {
    for (call, path, query, headers) in [
        ("ids: [1, 2]", "/x/1,2", "", ""),
        ("ids: '1,2'", "/x/1%2C2", "", ""),
        ("ids: [1], size: {min: 3, max: 4}", "/x/1", "['size[max]', '4'], ['size[min]', '3']", ""),
        ("ids: [1], pipe: [a, b], pipes: [c, d], space: [e, f]", "/x/1", "[pipe, a|b], [pipes, c|d], [space, e f]", ""),
        ("ids: [1], flat: {a: 1, b: 2}", "/x/1", "[flat, 'a,1,b,2']", ""),
        ("ids: [1], filter: {a: 1}", "/x/1", "[filter, '{\"a\": 1.0}']", ""),
        ("ids: [1], page: {from: 1}", "/x/1", "[from, '1']", ""),
        ("ids: [1], labels: {red: 1, blue: 2}, plain: 7, page: {to: 1}", "/x/1", "[red, '1'], [plain, '7'], [blue, '2'], [to, '1']", ""),
        ("ids: [1], X-Set: {a: 1}", "/x/1", "", "x-set: 'a,1'"),
    ] {
        assert_eq!(styled(call, path, query, headers), [""; 0], "{call} {path} {query}");
    }
    let mut all = String::new();
    for (call, path, query, headers) in [
        ("ids: [1, 2]", "/x/1,3", "", ""),
        ("ids: [1], size: {min: 3, max: 4}", "/x/1", "['size[min]', '3']", ""),
        ("ids: [1], size: {min: 3}", "/x/1", "['size[min]', '4'], ['size[max]', '4']", ""),
        ("ids: [1], size: {min: 3}", "/x/1", "", ""),
        ("ids: [1], pipe: [a, b]", "/x/1", "[pipe, 'a,b']", ""),
        ("ids: [1], flat: {a: 1}", "/x/1", "[flat, 'a,2']", ""),
        ("ids: [1], filter: {a: 1}", "/x/1", "[filter, '{\"a\": 2}']", ""),
        ("ids: [1], page: {from: 1}", "/x/1", "[from, '1'], [to, '2']", ""),
        ("ids: [1], labels: {red: 1}", "/x/1", "[red, '1'], [blue, '2']", ""),
        ("ids: [1], labels: {red: 1}", "/x/1", "[red, x]", ""),
        ("ids: [1], X-Set: {a: 1}", "/x/1", "", "x-set: 'a,2'"),
    ] {
        // Writing into a String cannot fail.
        let _ = writeln!(all, "{}", format!("call: {{{call}}}\n{path}?{query} {headers}").trim_end());
        for finding in styled(call, path, query, headers) {
            let _ = writeln!(all, "-> {finding}");
        }
        all.push('\n');
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_url_of_the_api_stands_for_all_parameters() {
    let sent = "[version, '1'], [order, down], [mode, 'a b'], [x, 'ä=1']";
    let headers = "  headers: {x-tenant: t}\n";
    for url in [
        "https://shelves.example/shelves/3/books/a%20b%2Fc?order=down&mode=a+b&&x=%C3%A4%3D1",
        "https://shelves.example/v2/shelves/3/books/a%20b%2Fc",
    ] {
        let found = told(&format!("link: '{url}'"), PATH, sent, headers, "ok, type: ()");
        assert_eq!(found, [""; 0], "{url}");
    }
    for url in [
        "https://shelves.example/shelves/4/books/a%20b%2Fc",
        "https://shelves.example/shelves/3/books/a%20b%2Fc?order=up",
        "https://shelves.example/shelves/3/books/a%20b%2Fc?mode",
        "https://shelves.example/v3/shelves/3/books/a%20b%2Fc",
    ] {
        let found = told(&format!("link: '{url}'"), PATH, sent, headers, "ok, type: ()");
        assert_eq!(found, ["/call/link the request does not go to this URL"], "{url}");
    }
}

/// An input that nobody knows may be why a client refuses; else it is a slip of the pen.
#[test]
fn an_unknown_input_is_allowed_where_the_client_refuses() {
    let text = |expect: &str| {
        format!(
            "fixture: 1\nid: shelves/put_book/case\noperation: put_book\nsummary: s\nprovenance: {{kind: documented, source: p}}\n\
             call: {{shelv: 3}}\nexpect: {{client: {expect}}}\n"
        )
    };
    let spec = Spec::parse("shelves.yaml", SHELVES).unwrap();
    for (expect, count) in [("rejected", 0), ("api-error", 1)] {
        let mut suite = Suite::default();
        suite.add("case.yaml", "shelves/put_book/case", &text(expect));
        let found = lint(&spec, &suite).into_iter().filter(|finding| finding.id == "F214").count();
        assert_eq!(found, count, "{expect}");
    }
}

#[test]
fn what_differs_is_told_with_both_sides() {
    let mut all = String::new();
    for (call, path, query, rest) in [
        ("shelf: 4, book: 'a b/c', order: up", PATH, QUERY, ""),
        ("book: 'a b/c', order: up", PATH, QUERY, ""),
        ("shelf: 3, book: 'a+b', order: up", "/shelves/3/books/a%20b", QUERY, ""),
        ("shelf: 3, book: 'a b/c'", PATH, QUERY, ""),
        (CALL, PATH, "[version, '1'], [order, up], [mode, fast]", ""),
        ("shelf: 3, book: 'a b/c', order: up, version: '2'", PATH, QUERY, ""),
        ("shelf: 3, book: 'a b/c', order: up, version: '1'", PATH, "[order, up]", ""),
        ("shelf: 3, book: 'a b/c', order: up, tags: [a, b], ids: [1, 2]", PATH, "[order, up], [tags, a], [tags, b], [ids, '1,2']", ""),
        ("shelf: 3, book: 'a b/c', order: up, ids: [1, 2]", PATH, "[order, up], [ids, '2'], [ids, '1']", ""),
        ("shelf: 3, book: 'a b/c', order: up, x-tenant: t", PATH, QUERY, ""),
        (CALL, PATH, QUERY, "  headers: {x-tenant: t}\n"),
        ("shelf: 3, book: 'a b/c', order: up, x-tenant: t", PATH, QUERY, "  headers: {x-tenant: u}\n  require_headers: [x-tenant]\n"),
        ("shelf: 3, book: 'a b/c', order: up, x-parts: [a, b]", PATH, QUERY, "  headers: {x-parts: a}\n"),
        ("shelf: 3, book: 'a b/c', order: up, shelv: 3", PATH, QUERY, ""),
        (CALL, PATH, QUERY, "  json: {a: 1}\n"),
        (CALL, PATH, QUERY, "  text: ''\n  headers: {content-type: text/plain}\n"),
        ("shelf: 3, book: 'a b/c', order: up, body: {a: 1}", PATH, QUERY, ""),
        ("shelf: 3, book: 'a b/c', order: up, body: {a: 1, b: [1]}", PATH, QUERY, "  json: {a: 2, b: [1]}\n"),
        ("shelf: 3, book: 'a b/c', order: up, body: {a: 1, b: [1]}", PATH, QUERY, "  json: {a: 1, b: []}\n"),
        ("shelf: 3, book: 'a b/c', order: up, body: {a: 1}", PATH, QUERY, "  json: {a: 1, c: 2}\n"),
        ("shelf: 3, book: 'a b/c', order: up, body: hi", PATH, QUERY, "  text: ho\n  headers: {content-type: text/plain}\n"),
    ] {
        // Writing into a String cannot fail.
        let _ = writeln!(all, "call: {{{call}}}\n{path}?{query}\n{rest}");
        for finding in told(call, path, query, rest, "ok, type: ()") {
            let _ = writeln!(all, "-> {finding}");
        }
        all.push('\n');
    }
    insta::assert_snapshot!(all);
}
