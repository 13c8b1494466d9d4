use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use libtest_mimic::Failed;
use opusclip_conformance::finding::Finding;
use opusclip_conformance::fixture::{ClientExpectation, ProvenanceKind};
use opusclip_conformance::replay::Replayer;
use opusclip_conformance::run::check;
use opusclip_conformance::spec::Spec;
use opusclip_conformance::suite::Suite;
use opusclip_conformance::view::view;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::adapter::{Typed, options, paths, waivers};

/// Spec and fixtures, and a mock server once a fixture needs it.
pub(crate) struct Harness {
    pub(crate) spec: Arc<Spec>,
    pub(crate) suite: Arc<Suite>,
    pub(crate) runtime: Runtime,
    replayer: OnceLock<Replayer>,
    subject: Typed,
}

type Check = Result<(), Failed>;

impl Harness {
    /// Reads the spec and all fixtures, or one.
    pub(crate) fn load(single: Option<&str>) -> Result<Self, String> {
        let (spec, fixtures, _) = paths();
        let spec = Spec::load(spec).map_err(|error| error.to_string())?;
        let suite = match single {
            None => Suite::load(fixtures).map_err(|error| error.to_string())?,
            Some(id) => {
                let file = format!("{}/{id}.yaml", fixtures.display());
                let text = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
                let mut suite = Suite::default();
                suite.add(&file, id, &text);
                suite
            }
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|error| error.to_string())?;
        Ok(Self { spec: Arc::new(spec), suite: Arc::new(suite), runtime, replayer: OnceLock::new(), subject: Typed::new() })
    }

    /// One server for the process: a server for each fixture with one connection pool hangs now and then.
    fn replayer(&self) -> &Replayer {
        self.replayer.get_or_init(|| self.runtime.block_on(Replayer::start(&self.spec, &self.suite)).expect("a loopback port"))
    }

    pub(crate) fn replay(&self, id: &str) -> Check {
        let case = self.suite.cases.iter().find(|case| case.fixture.id == id).ok_or("the fixture is gone")?;
        let options = options();
        let result = self.runtime.block_on(self.replayer().run(&self.spec, case, &self.subject, &options));
        fail_on(&result.findings)?;
        let shown = view(case, &result, &options);
        settings(&case.fixture.summary).bind(|| insta::assert_json_snapshot!(id, shown));
        Ok(())
    }

    /// Lint, coverage and waivers; every fixture is replayed by the test of its name.
    pub(crate) fn is_clean(&self) -> Check {
        let waivers = waivers()?;
        let report = check(&self.spec, &self.suite, &waivers, &options());
        if let Some(folder) = std::env::var_os("CONFORMANCE_REPORT_DIR") {
            report.write_dir(folder.as_ref())?;
        }
        if report.exit_code() == 0 { Ok(()) } else { Err(report.to_text(false).into()) }
    }

    pub(crate) fn snapshots_match(&self) -> Check {
        let expected: BTreeSet<String> = self
            .suite
            .cases
            .iter()
            .map(|case| format!("{}.snap", case.fixture.id.replace('/', "__")))
            .chain([SURFACE.to_owned() + ".snap"])
            .collect();
        let entries = fs::read_dir(SNAPSHOTS)?.collect::<Result<Vec<_>, _>>()?;
        let found: BTreeSet<String> =
            entries.iter().filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name.ends_with(".snap")).collect();
        let differences: Vec<&String> = expected.symmetric_difference(&found).collect();
        if differences.is_empty() {
            Ok(())
        } else {
            Err(format!("fixtures without a snapshot, or snapshots without a fixture: {differences:#?}").into())
        }
    }

    pub(crate) fn every_operation_is_covered(&self) -> Check {
        let mut missing = Vec::new();
        for operation in self.spec.operations() {
            let cases: Vec<_> =
                self.suite.cases.iter().map(|case| &case.fixture).filter(|fixture| fixture.operation == operation.id).collect();
            let named = |name: &str| cases.iter().any(|fixture| fixture.id.ends_with(name));
            let succeeds = cases.iter().any(|fixture| fixture.expect.client == ClientExpectation::Ok);
            let fails = cases
                .iter()
                .any(|fixture| fixture.response.as_ref().and_then(|response| response.status).is_some_and(|status| status >= 400));
            for (what, there) in
                [("a success", succeeds), ("an error", fails), ("/minimal", named("/minimal")), ("/maximal", named("/maximal"))]
            {
                if !there {
                    missing.push(format!("{} has no fixture for {what}", operation.id));
                }
            }
        }
        let recorded = self.suite.cases.iter().filter(|case| case.fixture.provenance.kind == ProvenanceKind::Recorded);
        missing.extend(recorded.map(|case| format!("{} claims to be recorded; nobody here has access to the service", case.fixture.id)));
        if missing.is_empty() { Ok(()) } else { Err(missing.join("\n").into()) }
    }

    /// The examples of the documentation, where the folder with them lies beside the project.
    pub(crate) fn documented_examples(&self) -> Check {
        let folder = Path::new("../shared/api/examples");
        if !folder.exists() {
            return Ok(());
        }
        let bodies: Vec<&Value> = self
            .suite
            .cases
            .iter()
            .flat_map(|case| {
                let request = case.fixture.request.as_ref().and_then(|request| request.json.as_ref());
                request.into_iter().chain(case.fixture.response.as_ref().and_then(|response| response.json.as_ref()))
            })
            .collect();
        let mut missing = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            // These are HTTP envelopes and the list of the rest.
            if name == "MANIFEST.json" || name.starts_with("gcs-resumable") || !name.ends_with(".json") {
                continue;
            }
            let example: Value = serde_json::from_str(&fs::read_to_string(&path)?)?;
            if !bodies.contains(&&example) {
                missing.push(name);
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(format!("documented examples that no fixture has: {missing:#?}").into()) }
    }

    /// What a change of the spec or of the generator does to the code of others, in a form that can be reviewed.
    pub(crate) fn public_surface(&self) -> Check {
        let surface = include_str!(concat!(env!("OUT_DIR"), "/surface.txt"));
        settings("What the generated code makes public").bind(|| insta::assert_snapshot!(SURFACE, surface));
        Ok(())
    }
}

const SURFACE: &str = "public-surface";
const SNAPSHOTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/snapshots");

fn settings(description: &str) -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(SNAPSHOTS);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(description);
    settings
}

pub(crate) fn fail_on(findings: &[Finding]) -> Check {
    if findings.is_empty() {
        return Ok(());
    }
    let lines = findings.iter().map(|finding| {
        let at = finding.at.as_ref().map(|at| format!(" ({}:{}:{})", at.file, at.line, at.column)).unwrap_or_default();
        format!("{} {}{at}: {}", finding.id, finding.pointer, finding.message)
    });
    Err(lines.collect::<Vec<_>>().join("\n").into())
}
