//! Scenarios: what a client does over several attempts, when things go wrong on the way.
//!
//! A fixture is one request and one answer. A scenario is a sequence of them with faults in between, on a clock that the
//! runner holds: how often the client tries, how long it pauses, and what it says in the end.

mod clock;
mod format;
mod report;
mod runner;
mod suite;

pub use self::clock::VirtualClock;
pub use self::format::{Bounds, Expectation, Fault, Scenario, StepSpec, TaskSpec, scenario_schema};
pub use self::report::report_scenarios;
pub use self::runner::{Performer, ScenarioResult, Task, run_scenario};
pub use self::suite::{ScenarioCase, ScenarioSuite};
