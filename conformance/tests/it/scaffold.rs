//! Fixtures and projects made from a document: what they hold, and that nothing is held against them.

use std::path::Path;
use std::process::Command;

use opusclip_conformance::options::Options;
use opusclip_conformance::run::check;
use opusclip_conformance::scaffold::{Layout, draft, project};
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Suite;
use opusclip_conformance::waivers::Waivers;

use crate::toy::{root, spec};

/// Everything that a parameter, a body and a credential can be, in one document.
const ODD: &str = r##"
openapi: 3.0.3
info: {title: Odd, version: "1"}
security: [{sso: []}, {key: [], seed: []}]
paths:
  /a/{id}/b.{format}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer, minimum: 5}}]
    post:
      operationId: everything
      parameters:
        - {name: format, in: path, required: true, schema: {type: string, enum: [json]}}
        - {name: X-Trace, in: header, required: true, schema: {type: string, format: uuid}}
        - {name: session, in: cookie, required: true, schema: {type: string}}
        - {name: tags, in: query, required: true, schema: {type: array, items: {type: string, enum: [b, c]}}}
        - {name: ids, in: query, required: true, explode: false, schema: {type: array, minItems: 2, items: {type: integer}}}
        - {name: range, in: query, required: true, style: deepObject, explode: true, schema: {type: object, required: [from], properties: {from: {type: integer}, to: {type: integer}}}}
        - {name: filter, in: query, required: true, content: {application/json: {schema: {type: object, required: [x], properties: {x: {type: boolean}}}}}}
        - {name: not_needed, in: query, schema: {type: string}}
      requestBody:
        required: true
        content: {application/x-www-form-urlencoded: {schema: {type: object, required: [code, when], properties: {code: {type: string, pattern: "^[a-f]{3}$"}, when: {type: string, format: date-time}}}}}
      responses:
        "2XX": {description: Done., headers: {x-left: {required: true, schema: {type: integer}}}, content: {image/*: {schema: {type: string, format: binary}}}}
        4XX: {description: Refused., content: {application/problem+json: {schema: {$ref: "#/components/schemas/Problem"}}}}
        default: {description: Else., content: {"*/*": {schema: {type: array, items: {$ref: "#/components/schemas/Problem"}}}}}
  /plain:
    get: {operationId: plain, security: [], responses: {"302": {description: Elsewhere.}, "204": {description: Nothing.}, "304": {description: As before.}}}
    put:
      operationId: send_file
      security: [{}]
      requestBody: {required: true, content: {multipart/form-data: {schema: {type: object}}}}
      responses: {"200": {description: Fine., content: {text/csv: {schema: {type: string}}}}}
  /{any}:
    get: {operationId: any, parameters: [{name: any, in: path, required: true, schema: {type: string, example: plain}}], responses: {"200": {description: It., content: {application/json: {schema: {oneOf: [{$ref: "#/components/schemas/Problem"}, {type: string, maxLength: 2}]}}}}}}
components:
  securitySchemes:
    sso: {type: http, scheme: digest}
    key: {type: apiKey, in: header, name: X-Key}
    seed: {type: apiKey, in: query, name: seed}
  schemas:
    Problem: {type: object, required: [code, inner], properties: {code: {type: integer, maximum: -1}, inner: {type: object, nullable: true, required: [at], properties: {at: {type: array, minItems: 1, items: {type: string, format: email}}}}}}
"##;

fn odd() -> Spec {
    Spec::parse("odd.yaml", ODD).unwrap()
}

/// Every operation with every status of a document; how many drafts that is.
fn all_clean(spec: &Spec) -> usize {
    let mut number = 0;
    for operation in spec.operations() {
        let statuses = operation.statuses();
        assert!(!statuses.is_empty(), "{}", operation.id);
        for status in statuses {
            let made = draft(spec, &operation.id, Some(status), None).unwrap_or_else(|error| panic!("{error}"));
            assert!(made.findings.is_empty(), "{}\n{}\n{:#?}", made.id, made.text, made.findings);
            number += 1;
        }
    }
    number
}

#[test]
fn every_operation_and_status_gives_a_fixture_that_lints_clean() {
    assert_eq!(all_clean(spec()), 10);
    assert_eq!(all_clean(&odd()), 8);
    let text = std::fs::read_to_string(root().join("../books/openapi.yaml")).unwrap();
    assert!(all_clean(&Spec::parse("books.yaml", &text).unwrap()) > 5);
    // The document of the workspace, where this crate stands in one.
    if let Ok(text) = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi.yaml")) {
        assert!(all_clean(&Spec::parse("openapi.yaml", &text).unwrap()) >= 148);
    }
}

/// Every draft of a document, one after the other.
fn drafts(spec: &Spec) -> String {
    let mut all = String::new();
    for operation in spec.operations() {
        for status in operation.statuses() {
            let made = draft(spec, &operation.id, Some(status), None).unwrap();
            let told: Vec<String> = made.findings.iter().map(|finding| format!("{} {}\n", finding.id, finding.pointer)).collect();
            let body = made.text.split_once("fixture: 1").unwrap().1;
            all += &format!("== {}{body}{}\n", made.id, told.concat());
        }
    }
    all
}

#[test]
fn a_draft_has_all_that_is_required_and_nothing_else() {
    insta::assert_snapshot!(draft(&odd(), "everything", None, None).unwrap().text);
    insta::assert_snapshot!("every_draft_of_an_odd_document", drafts(&odd()));
}

/// A list, an object and a scalar in every style of every place, and a body of each media type.
#[test]
fn a_draft_writes_each_style_and_media_type_as_it_is_documented() {
    let mut paths = serde_json::Map::new();
    let list = serde_json::json!({"type": "array", "minItems": 2, "items": {"type": "string", "enum": ["a b", "c,d"]}});
    let object = serde_json::json!({"type": "object", "required": ["x", "y"], "properties": {"x": {"type": "integer", "minimum": 3}, "y": {"type": "boolean"}}});
    let scalar = serde_json::json!({"type": "string", "enum": ["a/b c"]});
    let mut parameters = Vec::new();
    for (place, styles) in
        [("query", &["form", "spaceDelimited", "pipeDelimited", "deepObject"][..]), ("header", &["simple"]), ("cookie", &["form"])]
    {
        for style in styles {
            for explode in [true, false] {
                for (kind, schema) in [("list", &list), ("object", &object), ("scalar", &scalar)] {
                    let name = format!("{place}-{style}-{explode}-{kind}");
                    parameters.push(serde_json::json!({"name": name, "in": place, "required": true, "style": style, "explode": explode, "schema": schema}));
                }
            }
        }
    }
    for parameter in parameters {
        let name = parameter["name"].as_str().unwrap().to_owned();
        let operation = serde_json::json!({"operationId": name.replace('-', "_"), "parameters": [parameter], "responses": {"204": {"description": "D"}}});
        paths.insert(format!("/{name}"), serde_json::json!({"get": operation}));
    }
    for (number, kind) in [
        "application/json",
        "application/vnd.api+json",
        "*/*",
        "text/*",
        "text/csv",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/*",
        "image/*",
        "application/*",
        "application/pdf",
    ]
    .into_iter()
    .enumerate()
    {
        let content = serde_json::json!({kind: {"schema": object}});
        let operation = serde_json::json!({
            "operationId": format!("send_{number}"),
            "requestBody": {"required": true, "content": content},
            "responses": {"200": {"description": "D", "content": content}, "204": {"description": "D", "content": content}},
        });
        paths.insert(format!("/send-{number}"), serde_json::json!({"post": operation}));
    }
    let both = serde_json::json!({"text/plain": {"schema": scalar}, "application/octet-stream": {}, "application/json": {}});
    let choice = serde_json::json!({"operationId": "choice", "responses": {"200": {"description": "D", "content": both}, "304": {"description": "D", "content": both}}});
    let silent = serde_json::json!({"operationId": "silent", "responses": {"200": {"description": "D", "content": both}}});
    paths.insert("/choice".into(), serde_json::json!({"get": choice, "head": silent}));
    let schemes = serde_json::json!({
        "bearer": {"type": "http", "scheme": "bearer"}, "basic": {"type": "http", "scheme": "basic"}, "digest": {"type": "http", "scheme": "digest"},
        "header": {"type": "apiKey", "in": "header", "name": "X-Key"}, "query": {"type": "apiKey", "in": "query", "name": "key"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": "session"},
    });
    for scheme in schemes.as_object().unwrap().keys() {
        let security = serde_json::json!([{"digest": []}, {scheme: []}]);
        let operation =
            serde_json::json!({"operationId": format!("with_{scheme}"), "security": security, "responses": {"204": {"description": "D"}}});
        paths.insert(format!("/with-{scheme}"), serde_json::json!({"get": operation}));
    }
    let document = serde_json::json!({"openapi": "3.0.3", "info": {"title": "Styles", "version": "1"}, "paths": paths, "components": {"securitySchemes": schemes}});
    insta::assert_snapshot!(drafts(&Spec::parse("styles.json", &document.to_string()).unwrap()));
}

#[test]
fn what_cannot_be_made_up_is_told_and_left_to_a_person() {
    let text = "openapi: 3.0.3\ninfo: {title: T, version: '1'}\npaths:\n  /a:\n    post:\n      operationId: look\n      \
                requestBody: {required: true, content: {application/json: {schema: {type: string, pattern: '^(?=x)y$'}}}}\n      \
                responses: {'200': {description: D}}\n";
    let spec = Spec::parse("t.yaml", text).unwrap();
    let made = draft(&spec, "look", None, None).unwrap();
    assert_eq!(made.findings.iter().map(|finding| finding.id).collect::<Vec<_>>(), ["F209"]);
    let error = project(&spec, &Layout::default(), "2027-01-01".parse().unwrap()).unwrap_err().to_string();
    assert!(error.contains("`look`: F209 "), "{error}");
}

#[test]
fn wrong_names_are_answered_with_right_ones() {
    let told = |operation: &str, status: Option<u16>, name: Option<&str>| draft(spec(), operation, status, name).unwrap_err().to_string();
    assert_eq!(told("getBook", None, None), "the document has no operation `getBook`; perhaps get_book");
    assert_eq!(told("list_bok", None, None), "the document has no operation `list_bok`; perhaps list_books");
    assert_eq!(told("zzz", None, None), "the document has no operation `zzz`; it has list_books, add_book, get_book, put_cover");
    assert_eq!(told("get_book", Some(418), None), "`get_book` documents no status 418; documented: 200, 401, 404");
    assert!(told("get_book", None, Some("a b")).contains("letters, digits"));
}

#[test]
fn a_new_project_passes_until_its_waivers_end() {
    for spec in [spec(), &odd()] {
        let until = "2027-01-01".parse().unwrap();
        let made = project(spec, &Layout::default(), until).unwrap();
        assert!(made.left_out.is_empty() && made.waived > 0, "{:?}", made.left_out);
        let mut suite = Suite::default();
        for file in made.files.iter().filter(|file| file.path.extension().is_some_and(|kind| kind == "yaml")) {
            if let Ok(id) = file.path.with_extension("").strip_prefix("tests/fixtures") {
                suite.add(file.path.to_str().unwrap(), id.to_str().unwrap(), &file.text);
            }
        }
        assert_eq!(suite.cases.len(), spec.operations().len());
        let waivers = made.files.iter().find(|file| file.path.ends_with("waivers.yaml")).unwrap();
        let on = |day: &str| {
            let waivers = Waivers::parse("waivers.yaml", &waivers.text, day.parse().unwrap()).unwrap();
            check(spec, &suite, &waivers, &Options::default())
        };
        assert!(on("2027-01-01").is_pass(), "{}", on("2027-01-01").to_text(false));
        assert!(on("2027-01-02").findings.iter().any(|finding| finding.id == "V720"));
    }
}

/// Each file of a new project, in its usual place and in others.
#[test]
fn a_project_word_for_word() {
    let elsewhere = Layout { spec: "api/open api.yaml".into(), fixtures: "cases".into(), waivers: "api/later.yaml".into() };
    let mut all = String::new();
    for layout in [Layout::default(), elsewhere] {
        let made = project(spec(), &layout, "2027-01-01".parse().unwrap()).unwrap();
        all += &format!("##### {} waived\n", made.waived);
        for file in made.files {
            all += &format!("== {}\n{}\n", file.path.display(), file.text);
        }
    }
    insta::assert_snapshot!(all);
}

fn conformance(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_conformance")).current_dir(folder).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn init_writes_a_project_that_passes_and_never_overwrites() {
    let folder = tempfile::tempdir().unwrap();
    let toy = root().join("openapi.yaml");
    let init = ["init", "--spec", toy.to_str().unwrap()];
    let (code, planned, _) = conformance(folder.path(), &[&init[..], &["--dry-run"]].concat());
    assert_eq!((code, std::fs::read_dir(folder.path()).unwrap().count()), (0, 0), "a dry run writes nothing");
    let (code, written, said) = conformance(folder.path(), &init);
    assert_eq!((code, &written), (0, &planned), "{said}");
    for file in ["openapi.yaml", "tests/fixtures/covers/put_cover/minimal.yaml", "tests/waivers.yaml", ".github/workflows/conformance.yml"]
    {
        assert!(written.lines().any(|line| line == file) && folder.path().join(file).is_file(), "{file}");
    }
    for command in ["lint", "check"] {
        let (code, said, _) = conformance(folder.path(), &[command]);
        assert_eq!(code, 0, "{said}");
    }
    let waivers = folder.path().join("tests/waivers.yaml");
    std::fs::write(&waivers, "# mine\n").unwrap();
    let (code, _, said) = conformance(folder.path(), &init[..1]);
    assert!(code == 2 && said.contains("tests/fixtures/books/list_books/minimal.yaml is there already, and so are"), "{said}");
    assert_eq!(std::fs::read_to_string(&waivers).unwrap(), "# mine\n");

    let (code, path, _) = conformance(folder.path(), &["new", "get_book", "--status", "404", "--name", "gone"]);
    assert_eq!((code, path.as_str()), (0, "tests/fixtures/books/get_book/gone.yaml\n"));
    assert_eq!(conformance(folder.path(), &["lint"]).0, 0);
    let (code, _, said) = conformance(folder.path(), &["new", "get_book", "--status", "401", "--name", "gone"]);
    assert!(code == 2 && said.contains("gone.yaml is there already; nothing was written: give another --name"), "{said}");
    assert!(std::fs::read_to_string(folder.path().join(path.trim())).unwrap().contains("status: 404"));
}
