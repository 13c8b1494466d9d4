//! Pairs of documents with everything that a comparison must say of them, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use opusclip_conformance::drift::{
    Accepted, Binding, Change, Class, Compiles, Drift, Names, Place, Threshold, against, compare, drift_schema,
};
use opusclip_conformance::spec::{Spec, read_yaml};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One pair: what is laid over the base on either side, and the changes that must be found.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pair {
    pub(crate) name: String,
    #[serde(default)]
    old: Map<String, Value>,
    /// Where it is left out, what is laid over the old document is not laid over the new one.
    #[serde(default)]
    new: Map<String, Value>,
    #[serde(default)]
    pub(crate) expect: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expected {
    pub(crate) id: String,
    pub(crate) class: String,
    pub(crate) compiles: String,
    old: Option<String>,
    new: Option<String>,
    binding: Option<String>,
    says: Option<String>,
    uses: Option<Vec<String>>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drift")
}

pub(crate) fn yaml(path: &Path) -> Value {
    read_yaml(&path.display().to_string(), &fs::read_to_string(path).unwrap()).unwrap().0
}

pub(crate) fn base() -> Value {
    yaml(&folder().join("base.yaml"))
}

/// Every pair with its documents, which take a while to read.
static CORPUS: LazyLock<Vec<(String, Pair, Spec, Spec)>> = LazyLock::new(|| {
    let read = |(name, pair): (String, Pair)| {
        let (old, new) = pair.documents();
        (name, pair, spec("old.yaml", &old), spec("new.yaml", &new))
    };
    corpus().into_iter().map(read).collect()
});

/// Every pair of the corpus, with the file that it stands in.
pub(crate) fn corpus() -> Vec<(String, Pair)> {
    let files = ["operations", "parameters", "bodies", "requests", "answers", "silent"];
    let pairs = |file: &str| {
        let list: Vec<Pair> = serde_json::from_value(yaml(&folder().join(format!("{file}.yaml")))).unwrap();
        list.into_iter().map(|pair| (format!("{file}: {}", pair.name), pair)).collect::<Vec<_>>()
    };
    files.into_iter().flat_map(pairs).collect()
}

impl Pair {
    pub(crate) fn documents(&self) -> (Value, Value) {
        (laid_over(&self.old), laid_over(&self.new))
    }
}

fn spec(name: &str, document: &Value) -> Spec {
    Spec::parse(name, &document.to_string()).unwrap()
}

/// The base with the value at each pointer set, or taken out where it is null. `-` is one past the end of a list.
fn laid_over(overlay: &Map<String, Value>) -> Value {
    let mut document = base();
    for (pointer, value) in overlay {
        let mut tokens: Vec<String> = pointer.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~")).collect();
        let last = tokens.pop().unwrap();
        let mut place = &mut document;
        for token in tokens {
            place = match place {
                Value::Array(list) => &mut list[token.parse::<usize>().unwrap()],
                Value::Object(object) => object.entry(token).or_insert_with(|| json!({})),
                _ => panic!("{pointer}: nothing to lay over"),
            };
        }
        match (place, value) {
            (Value::Array(list), value) if last == "-" => list.push(value.clone()),
            (Value::Array(list), Value::Null) => drop(list.remove(last.parse().unwrap())),
            (Value::Array(list), value) => list[last.parse::<usize>().unwrap()] = value.clone(),
            (Value::Object(object), Value::Null) => drop(object.remove(&last)),
            (Value::Object(object), value) => drop(object.insert(last, value.clone())),
            _ => panic!("{pointer}: nothing to lay over"),
        }
    }
    document
}

fn fits(change: &Change, expected: &Expected) -> bool {
    let compiles = match change.binding.compiles {
        Compiles::Yes => "yes",
        Compiles::Partly => "partly",
        Compiles::No => "no",
    };
    let at = |wanted: &Option<String>, place: Option<&String>| wanted.is_none() || wanted.as_ref() == place;
    let uses: BTreeSet<&String> = change.uses.iter().map(|by| &by.operation).collect();
    change.id == expected.id
        && change.class.name() == expected.class
        && compiles == expected.compiles
        && at(&expected.old, change.old.as_ref().map(|place| &place.pointer))
        && at(&expected.new, change.new.as_ref().map(|place| &place.pointer))
        && expected.binding.as_ref().is_none_or(|binding| *binding == change.binding.effect)
        && expected.says.as_ref().is_none_or(|says| change.summary.contains(says))
        && expected.uses.as_ref().is_none_or(|wanted| wanted.iter().eq(uses.iter().copied()))
}

#[test]
fn every_pair_has_exactly_the_changes_that_it_should() {
    let mut wrong = Vec::new();
    for (name, pair, old, new) in CORPUS.iter() {
        let drift = compare(old, new);
        let mut left: Vec<&Change> = drift.changes.iter().collect();
        for expected in &pair.expect {
            match left.iter().position(|change| fits(change, expected)) {
                Some(index) => drop(left.remove(index)),
                None => wrong.push(format!("{name}: no {} {} {}", expected.id, expected.class, expected.compiles)),
            }
        }
        let shown = |change: &&Change| {
            let places = (change.old.as_ref().map(|place| &place.pointer), change.new.as_ref().map(|place| &place.pointer));
            let uses: Vec<_> = change.uses.iter().map(|by| &by.operation).collect();
            format!("{name}: {} {:?} {} | {:?} {places:?} {uses:?}", change.id, change.class, change.summary, change.binding)
        };
        wrong.extend(left.iter().map(shown));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(CORPUS.len() >= 60, "{} pairs", CORPUS.len());
    let silent = CORPUS.iter().filter(|(_, pair, ..)| pair.expect.is_empty()).count();
    assert!(silent >= 15, "{silent} pairs without a change");
}

#[test]
fn every_change_of_the_catalogue_is_in_the_corpus() {
    let shown: BTreeSet<String> = corpus().into_iter().flat_map(|(_, pair)| pair.expect).map(|expected| expected.id).collect();
    let of_drift = opusclip_conformance::explain::all().map(|check| check.id).filter(|id| id.starts_with('D'));
    // These two belong to the comparison with another party's document, and have tests of their own.
    let missing: Vec<&str> = of_drift.filter(|id| !shown.contains(*id) && !["D901", "D902"].contains(id)).collect();
    assert!(missing.is_empty(), "no pair shows {missing:?}");
}

#[test]
fn a_document_is_the_same_as_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["tests/books/openapi.yaml", "tests/toy/openapi.yaml", "../openapi.yaml"] {
        let spec = Spec::load(&root.join(file)).unwrap();
        assert!(!spec.operations().is_empty());
        assert!(compare(&spec, &spec).changes.is_empty(), "{file}");
    }
    for (name, _, old, new) in CORPUS.iter() {
        assert!(compare(old, old).changes.is_empty() && compare(new, new).changes.is_empty(), "{name}");
    }
}

/// What a change is called when the documents change places.
fn mirrored(id: &str) -> &'static [&'static str] {
    const PAIRS: &[(&[&str], &[&str])] = &[
        (&["D101"], &["D102"]),
        (&["D103"], &["D103"]),
        (&["D104"], &["D104"]),
        (&["D105"], &["D106"]),
        (&["D111"], &["D112"]),
        (&["D113"], &["D113", "D114"]),
        (&["D114"], &["D113"]),
        (&["D121"], &["D122"]),
        (&["D131"], &["D131"]),
        (&["D132"], &["D132"]),
        (&["D201"], &["D202", "D203"]),
        (&["D204"], &["D205"]),
        (&["D206"], &["D206"]),
        (&["D207"], &["D207"]),
        (&["D208"], &["D208"]),
        (&["D301", "D307"], &["D302"]),
        (&["D303"], &["D304"]),
        (&["D305"], &["D306"]),
        (&["D401"], &["D401", "D402"]),
        (&["D403"], &["D404"]),
        (&["D405"], &["D406"]),
        (&["D407"], &["D408"]),
        (&["D409", "D410"], &["D411"]),
        // Nothing is said of a header that comes to be always there.
        (&["D412"], &[]),
        (&["D601", "D602"], &["D603"]),
        (&["D604"], &["D605"]),
        (&["D606"], &["D607"]),
        (&["D608"], &["D608", "D609"]),
        (&["D610"], &["D610", "D611"]),
        (&["D612"], &["D613"]),
        (&["D614"], &["D615"]),
        (&["D616"], &["D616", "D617"]),
        (&["D618"], &["D619"]),
        (&["D620"], &["D620"]),
        (&["D621"], &["D622"]),
        (&["D623"], &["D624"]),
        (&["D625"], &["D625"]),
        (&["D701", "D702"], &["D705", "D706"]),
        (&["D703"], &["D707"]),
        (&["D704"], &["D708"]),
        (&["D709"], &["D709", "D710"]),
        (&["D711"], &["D711", "D712"]),
        (&["D713"], &["D714"]),
        (&["D715"], &["D716"]),
        (&["D717"], &["D717", "D718"]),
        (&["D719"], &["D720"]),
        (&["D721"], &["D721"]),
        (&["D722"], &["D723"]),
        (&["D724"], &["D725"]),
        (&["D726"], &["D726"]),
        (&["D801"], &["D801"]),
        (&["D802"], &["D803"]),
        (&["D804"], &["D804"]),
        (&["D805"], &["D806"]),
    ];
    let found = PAIRS.iter().find_map(|(a, b)| match (a.contains(&id), b.contains(&id)) {
        (true, _) => Some(*b),
        (false, true) => Some(*a),
        (false, false) => None,
    });
    found.unwrap_or_default()
}

#[test]
fn documents_that_change_places_give_the_mirror_image() {
    for (name, _, old, new) in CORPUS.iter() {
        let mut back: Vec<&str> = compare(new, old).changes.iter().map(|change| change.id).collect();
        for change in compare(old, new).changes {
            let wanted = mirrored(change.id);
            match back.iter().position(|id| wanted.contains(id)) {
                Some(index) => drop(back.remove(index)),
                None => assert!(wanted.is_empty(), "{name}: {} has no mirror image among {back:?}", change.id),
            }
        }
        assert!(back.is_empty(), "{name}: {back:?} has no mirror image");
    }
}

/// The way down is as long as there are schemas, and would not fit on the stack.
#[test]
fn schemas_inside_each_other_are_compared_however_deep() {
    let chain = |last: &str| {
        let schema =
            |number: u32| json!({"type": "object", "properties": {"next": {"$ref": format!("#/components/schemas/S{}", number + 1)}}});
        let mut schemas: Map<String, Value> = (0..300).map(|number| (format!("S{number}"), schema(number))).collect();
        schemas.insert("S300".into(), json!({"type": last}));
        let answer = json!({"description": "It.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}});
        let paths = json!({"/x": {"get": {"operationId": "get_x", "responses": {"200": answer}}}});
        spec(
            last,
            &json!({"openapi": "3.0.3", "info": {"title": "Deep", "version": "1"}, "paths": paths, "components": {"schemas": schemas}}),
        )
    };
    let drift = compare(&chain("string"), &chain("integer"));
    assert_eq!(drift.changes.iter().map(|change| change.id).collect::<Vec<_>>(), ["D709"]);
}

#[test]
fn a_class_says_what_it_means() {
    for (name, _, old, new) in CORPUS.iter() {
        for change in compare(old, new).changes {
            let stops = change.binding.compiles == Compiles::No;
            let is_naming = ["D802", "D803"].contains(&change.id);
            assert!(!stops || is_naming || change.class <= Class::ClientRisk, "{name}: {} is {:?}", change.id, change.class);
            assert_eq!(change.binding.why.is_some(), change.binding.compiles == Compiles::Partly, "{name}: {}", change.id);
        }
    }
}

fn reports(drift: &Drift) -> [String; 3] {
    let threshold = Threshold::Class(Class::ClientRisk);
    [drift.to_text(threshold), drift.to_markdown(threshold), drift.to_json()]
}

#[test]
fn reports_keep_to_their_schema_and_are_the_same_every_time() {
    let validator = jsonschema::validator_for(&drift_schema()).unwrap();
    for (name, _, old, new) in CORPUS.iter() {
        let [text, markdown, data] = reports(&compare(old, new));
        assert_eq!([text.clone(), markdown.clone(), data.clone()], reports(&compare(old, new)), "{name}");
        let data: Value = serde_json::from_str(&data).unwrap();
        assert!(validator.is_valid(&data), "{name}: {:?}", validator.iter_errors(&data).next().map(|error| error.to_string()));
        for change in data["changes"].as_array().unwrap() {
            let id = change["id"].as_str().unwrap();
            assert!(text.contains(&format!("{id}  ")) && markdown.contains(&format!("**{id}**")), "{name}: {text}");
        }
    }
}

#[test]
fn markdown_stays_short_however_much_changed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (old, new) = (Spec::load(&root.join("tests/books/openapi.yaml")).unwrap(), spec("new.yaml", &base()));
    let drift = compare(&old, &new);
    let [_, markdown, _] = reports(&drift);
    assert!(drift.changes.len() > 46 && markdown.lines().count() <= 60, "{markdown}");
    let more = format!("… and {} more: ", drift.changes.len() - 46);
    assert!(markdown.contains(&more), "no `{more}` in {markdown}");
}

#[test]
fn a_threshold_decides_what_counts() {
    let drift = |name: &str| {
        let (.., old, new) = CORPUS.iter().find(|(known, ..)| known == name).unwrap();
        compare(old, new)
    };
    let table = [
        ("operations: operation removed", [1, 1, 1, 0]),
        ("operations: operationId renamed", [0, 1, 1, 0]),
        ("operations: operation added", [0, 0, 1, 0]),
        ("silent: schema inlined", [0, 0, 0, 0]),
    ];
    for (name, wanted) in table {
        let found = ["breaking", "client-risk", "additive", "never"].map(|text| drift(name).findings(text.parse().unwrap()));
        assert_eq!(found, wanted, "{name}");
    }
    assert!("none".parse::<Threshold>().unwrap_err().contains("breaking, client-risk, additive, never"));
}

const THEIRS: &str = r##"{
    "openapi": "3.0.0", "info": {"title": "Books", "version": "1"}, "servers": [{"url": "https://books.example"}],
    "paths": {"/v1/shelf/{no}": {"get": {"operationId": "Shelf_get", "parameters": [
        {"name": "no", "in": "path", "required": true, "schema": {"type": "string"}},
        {"name": "lang", "in": "query", "schema": {"type": "string"}}
    ], "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ShelfDto"}}}}}}}},
    "components": {"schemas": {"ShelfDto": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}}}
}"##;
const OURS: &str = r##"{
    "openapi": "3.0.3", "info": {"title": "Books", "version": "1"}, "servers": [{"url": "https://books.example"}],
    "paths": {"/shelf/{id}": {"get": {"operationId": "get_shelf", "parameters": [
        {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
        {"name": "language", "in": "query", "schema": {"type": "string"}}
    ], "responses": {"200": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Shelf"}}}},
                     "404": {"description": "none"}}}}},
    "components": {"schemas": {"Shelf": {"type": "object", "properties": {"name": {"type": "string", "nullable": true}}}}}
}"##;
const NAMES: &str = "operations: {Shelf_get: get_shelf}\nschemas: {ShelfDto: Shelf}\nparameters: {lang: language, no: id}\npaths: {'/v1/shelf/{no}': '/shelf/{id}'}\n";
const ACCEPTED: &str = "
- {change: [D707, D708], at: [/components/schemas/Shelf/properties/*], reason: nothing is promised of answers, fact: C5}
- {change: [D404], at: ['/paths/*/*/responses/404'], reason: errors are written down here, fact: C20}
";

fn upstream(names: &str, accepted: &str) -> Vec<(&'static str, String)> {
    let (ours, theirs) = (Spec::parse("ours.yaml", OURS).unwrap(), Spec::parse("theirs.json", THEIRS).unwrap());
    let (names, accepted) = (Names::parse("names.yaml", names).unwrap(), Accepted::parse("accepted.yaml", accepted).unwrap());
    against(&ours, &theirs, &names, &accepted).changes.into_iter().map(|change| (change.id, change.summary)).collect()
}

#[test]
fn what_is_mapped_and_accepted_is_no_difference() {
    assert_eq!(upstream(NAMES, ACCEPTED), []);
    let ids = |names: &str, accepted: &str| upstream(names, accepted).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids(NAMES, "[]"), ["D707", "D708", "D404"]);
    assert_eq!(ids(&NAMES.replace("lang: language, ", ""), ACCEPTED), ["D201", "D203"]);
    assert_eq!(ids(&NAMES.replace("ShelfDto: Shelf", ""), ACCEPTED), ["D801"]);
    assert_eq!(ids(&NAMES.replace("Shelf_get: get_shelf", ""), ACCEPTED), ["D104"]);
}

#[test]
fn an_entry_that_covers_nothing_is_a_finding() {
    let stale = format!("{ACCEPTED}- {{change: [D701], at: [/components/schemas/Shelf/properties/name], reason: r, fact: C1}}\n");
    let found = upstream(NAMES, &stale);
    assert_eq!(found.len(), 1);
    assert!(found[0].0 == "D901" && found[0].1.starts_with("accepted.yaml:4:3: "), "{found:?}");
    let found = upstream(&NAMES.replace("lang: language", "lang: language, tongue: language"), ACCEPTED);
    assert!(found.len() == 1 && found[0].0 == "D902" && found[0].1.contains("`tongue` under parameters"), "{found:?}");
}

#[test]
fn an_entry_needs_a_reason_and_a_place() {
    let refused = |text: &str| Accepted::parse("accepted.yaml", text).unwrap_err().to_string();
    let entry = |key: &str, value: &str| {
        let keys = [("change", "[D404]"), ("at", "[/paths/*]"), ("reason", "r"), ("fact", "C1")];
        let fields = keys.map(|(name, known)| format!("{name}: {}", if name == key { value } else { known }));
        format!("- {{{}}}", fields.join(", "))
    };
    assert!(Accepted::parse("accepted.yaml", &entry("", "")).is_ok());
    for (key, value, part) in [
        ("at", "['/**']", "`at` covers every place"),
        ("at", "['/*/**']", "`at` covers every place"),
        ("reason", "''", "`reason` and `fact` have to say something"),
        ("fact", "' '", "`reason` and `fact` have to say something"),
        ("change", "[D999]", "there is no change `D999`"),
        ("change", "D404", "an entry has `change` and `at` (lists)"),
    ] {
        let said = refused(&entry(key, value));
        assert!(said.starts_with("accepted.yaml:1:") && said.contains(part), "{said}");
    }
    assert!(refused("a: 1").contains("expected a list of entries"));
    assert!(Names::parse("names.yaml", "verbs: {}").unwrap_err().to_string().contains("`operations`, `schemas`, `parameters` and `paths`"));
}

/// What is said of every pair, there and back: a changed word shows in the review of its snapshot.
#[test]
fn what_is_said_of_every_pair() {
    let place = |place: &Option<Place>| place.as_ref().map_or_else(|| "-".to_owned(), |place| place.pointer.clone());
    let told = |change: &Change| {
        let uses: BTreeSet<String> = change.uses.iter().map(|by| format!("{} {}", by.operation, by.at).trim().to_owned()).collect();
        let uses = uses.into_iter().take(2).collect::<Vec<_>>().join(", ");
        let Binding { effect, compiles, .. } = &change.binding;
        format!(
            "{} {} {compiles:?}: {}\n    {effect}\n    {} -> {} by {uses}\n",
            change.id,
            change.class.name(),
            change.summary,
            place(&change.old),
            place(&change.new)
        )
    };
    let all = CORPUS.iter().map(|(name, _, old, new)| {
        let [there, back] = [(old, new), (new, old)].map(|(old, new)| compare(old, new).changes.iter().map(told).collect::<String>());
        format!("== {name}\n{there}-- back\n{back}")
    });
    insta::assert_snapshot!(all.collect::<String>());
}

/// A class, whether calls still compile, and what is to be done.
#[test]
fn the_last_line_says_what_to_do() {
    let drift = |name: &str| {
        let (.., old, new) = CORPUS.iter().find(|(known, ..)| known == name).unwrap();
        compare(old, new)
    };
    let next = |drift: &Drift| drift.verdict(Threshold::Never).lines().nth(1).unwrap().to_owned();
    for (name, said) in [
        (
            "operations: operation removed",
            "change the fixtures that are named above. 1 of the changes stop calling code from compiling, so",
        ),
        ("answers: optional field became nullable", "and change the fixtures that are named above. `conformance explain ID`"),
        ("operations: operationId renamed", "Next: regenerate when it suits; 1 of the changes stop calling code"),
        ("answers: bound loosened", "Next: make sure that the client survives what it does not know"),
        ("answers: field added", "Next: regenerate when you want what is new"),
        ("silent: schema inlined", "Next: nothing for requests and answers; regenerate for the names and texts."),
    ] {
        let said_of = next(&drift(name));
        assert!(said_of.contains(said), "{name}: {said_of}");
    }
    let spec = Spec::parse("ours.yaml", OURS).unwrap();
    assert_eq!(next(&compare(&spec, &spec)), "Next: nothing; the documents say the same.");
    let upstream = |accepted: &str| {
        let (names, accepted) = (Names::parse("names.yaml", NAMES).unwrap(), Accepted::parse("accepted.yaml", accepted).unwrap());
        against(&spec, &Spec::parse("theirs.json", THEIRS).unwrap(), &names, &accepted)
    };
    let all = upstream(ACCEPTED);
    assert_eq!(next(&all), "Next: nothing; every difference is meant and has its reason.");
    assert_eq!(
        all.verdict(Threshold::Never).lines().next().unwrap(),
        "PASS  0 breaking, 0 client-risk, 0 additive, 0 none; 3 differences are accepted  (ours.yaml -> theirs.json)"
    );
    assert!(next(&upstream("[]")).starts_with("Next: take over what is true of the service, accept the rest with a reason"));
}

#[test]
fn the_whole_text_of_a_comparison() {
    let (old, new) = (Spec::parse("ours.yaml", OURS).unwrap(), Spec::parse("theirs.json", THEIRS).unwrap());
    let drift = compare(&old, &new);
    let worst = Threshold::Class(Class::Breaking);
    insta::assert_snapshot!(format!("{}\n{}", drift.to_text(worst), drift.to_markdown(worst)));
}

/// Texts of the documentation and extensions are counted where both documents have the thing that they are about.
#[test]
fn words_are_counted_and_not_listed() {
    let text = |parameters: &str, schema: &str, operation: &str| {
        format!(
            "openapi: 3.0.3\ninfo: {{title: T, version: '1'}}\npaths:\n  /a:\n    get:\n      operationId: look\n      {operation}\n      \
             parameters: [{parameters}]\n      responses: {{'200': {{description: D, content: {{application/json: {{schema: {{{schema}}}}}}}}}}}\n"
        )
    };
    let (a, b) =
        ("{name: a, in: query, description: A, schema: {type: string}}", "{name: b, in: query, description: B, schema: {type: string}}");
    let header = "{name: a, in: header, description: H, schema: {type: string}}";
    let schema = "type: object, properties: {title: {type: string, description: T}, x-y: {type: string, x-z: 1}}";
    let base = text(&format!("{a}, {b}"), schema, "summary: S");
    for (new, wanted) in [
        (base.clone(), &[][..]),
        // A parameter is known by its name and place, not by where it stands in the list.
        (text(&format!("{b}, {a}"), schema, "summary: S"), &[]),
        (text(&format!("{a}, {}", b.replace("B,", "other,")), schema, "summary: S"), &["1 texts"]),
        (text(&format!("{}, {a}", b.replace("B,", "other,")), schema, "summary: S"), &["1 texts"]),
        // Names of properties are no keywords.
        (text(&format!("{a}, {b}"), &schema.replace("description: T", "description: U"), "summary: Other"), &["2 texts"]),
        (text(&format!("{a}, {b}"), &schema.replace("x-z: 1", "x-z: 2"), "summary: S"), &["1 extensions"]),
        (text(&format!("{a}, {b}"), schema, "x-billed: true"), &["1 texts", "1 extensions"]),
    ] {
        let drift = compare(&Spec::parse("old.yaml", &base).unwrap(), &Spec::parse("new.yaml", &new).unwrap());
        let said: Vec<&str> = drift.changes.iter().map(|change| change.summary.as_str()).collect();
        assert!(
            said.len() == wanted.len() && said.iter().zip(wanted).all(|(said, wanted)| said.starts_with(wanted)),
            "{said:?} {wanted:?}"
        );
    }
    let (one, other) = (text(&format!("{a}, {header}"), schema, "summary: S"), text(&format!("{header}, {a}"), schema, "summary: S"));
    let drift = compare(&Spec::parse("old.yaml", &one).unwrap(), &Spec::parse("new.yaml", &other).unwrap());
    assert!(drift.changes.is_empty(), "{:?}", drift.changes);
}

/// One field, from the schema to the Rust type that the generator gives it.
#[test]
fn a_field_has_the_type_that_the_generator_gives_it() {
    let text = |schema: &str| {
        format!(
            "openapi: 3.0.3\ninfo: {{title: T, version: '1'}}\npaths:\n  /a:\n    get:\n      operationId: look\n      \
             responses: {{'200': {{description: D, content: {{application/json: {{schema: {{$ref: '#/components/schemas/Thing'}}}}}}}}}}\n\
             components: {{schemas: {{Other: {{type: string, enum: [a]}}, Thing: {{type: object, properties: {{{schema}}}}}}}}}\n"
        )
    };
    let old = Spec::parse("old.yaml", &text("")).unwrap();
    for (schema, rust) in [
        ("{type: string}", "Option<String>"),
        ("{type: string, format: date-time}", "Option<chrono::DateTime<Utc>>"),
        ("{type: string, format: date}", "Option<chrono::NaiveDate>"),
        ("{type: string, format: uuid}", "Option<uuid::Uuid>"),
        ("{type: string, format: ip}", "Option<std::net::IpAddr>"),
        ("{type: string, format: ipv4}", "Option<std::net::Ipv4Addr>"),
        ("{type: string, format: ipv6}", "Option<std::net::Ipv6Addr>"),
        ("{type: string, format: email}", "Option<String>"),
        ("{type: string, maxLength: 3}", "Option<ThingF>"),
        ("{type: string, minLength: 3}", "Option<ThingF>"),
        ("{type: string, pattern: x}", "Option<ThingF>"),
        ("{type: string, enum: [a, b]}", "Option<ThingF>"),
        ("{type: string, default: a}", "String"),
        ("{type: string, default: a, nullable: true}", "Option<String>"),
        ("{$ref: '#/components/schemas/Other'}", "Option<Other>"),
        ("{type: integer}", "Option<i64>"),
        ("{type: integer, minimum: 0}", "Option<u64>"),
        ("{type: integer, minimum: 0, maximum: 9}", "Option<i64>"),
        ("{type: integer, minimum: 1}", "Option<std::num::NonZeroU64>"),
        ("{type: integer, format: int32, minimum: 1}", "Option<std::num::NonZeroU32>"),
        ("{type: integer, format: int32, minimum: 0}", "Option<i32>"),
        ("{type: integer, format: int8}", "Option<i8>"),
        ("{type: integer, format: int16}", "Option<i16>"),
        ("{type: integer, format: int32}", "Option<i32>"),
        ("{type: integer, format: int64}", "Option<i64>"),
        ("{type: integer, format: uint8}", "Option<u8>"),
        ("{type: integer, format: uint16}", "Option<u16>"),
        ("{type: integer, format: uint32}", "Option<u32>"),
        ("{type: integer, format: uint64}", "Option<u64>"),
        ("{type: number}", "Option<f64>"),
        ("{type: number, format: float}", "Option<f32>"),
        ("{type: boolean}", "Option<bool>"),
        ("{type: array, items: {type: string}}", "Vec<String>"),
        ("{type: array, items: {type: string, nullable: true}}", "Vec<Option<String>>"),
        ("{type: array, items: {type: string}, nullable: true}", "Option<Vec<String>>"),
        ("{type: array, items: {type: string}, minItems: 2, maxItems: 2}", "[String; 2]"),
        ("{type: array, items: {type: string}, minItems: 1, maxItems: 2}", "Vec<String>"),
        ("{type: array}", "Vec<serde_json::Value>"),
        ("{type: array, items: {type: object, properties: {a: {type: string}}}}", "Vec<ThingFItem>"),
        ("{type: object}", "serde_json::Map<String, serde_json::Value>"),
        ("{type: object, additionalProperties: {type: integer}}", "HashMap<String, i64>"),
        ("{type: object, additionalProperties: {type: string, enum: [a]}}", "HashMap<String, ThingFValue>"),
        ("{type: object, properties: {a: {type: string}}}", "Option<ThingF>"),
        ("{type: object, additionalProperties: false}", "Option<ThingF>"),
        ("{}", "Option<serde_json::Value>"),
        ("{oneOf: [{type: string}, {type: integer}]}", "Option<ThingF>"),
        ("{allOf: [{type: number}, {type: integer}]}", "Option<i64>"),
        ("{allOf: [{type: string}, {type: integer}]}", "Option<serde_json::Value>"),
        ("{enum: [1, 2]}", "Option<ThingF>"),
        ("{allOf: [{enum: [a, 1]}, {type: string}]}", "Option<ThingF>"),
        ("{items: {type: string}}", "Vec<String>"),
        ("{properties: {a: {type: string}}}", "Option<ThingF>"),
        ("{oneOf: [{type: string}, {enum: [null]}]}", "Option<String>"),
    ] {
        let new = Spec::parse("new.yaml", &text(&format!("f: {schema}"))).unwrap();
        let drift = compare(&old, &new);
        let effects: Vec<&str> =
            drift.changes.iter().filter(|change| change.id == "D705").map(|change| change.binding.effect.as_str()).collect();
        assert_eq!(effects, [format!("field `f` of `Thing` is new: `{rust}`")], "{schema}");
    }
}
