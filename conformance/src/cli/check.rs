//! `conformance check`: the spec, the fixtures and what they cover; or what a service shows today.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use opusclip_conformance::live::{Settings, compare, load_questions};
use opusclip_conformance::run::check;

use super::run::{block_on, seconds};
use super::{FINDINGS, Failure, Files, Format, Output, talk};

#[derive(Args, Debug)]
pub(super) struct Check {
    /// Ask this service in place of the fixtures (scheme and host): what it shows today of the questions in --questions.
    #[arg(long, value_name = "URL")]
    pub(super) live: Option<String>,
    /// The file of questions.
    #[arg(long, value_name = "FILE", default_value = "upstream/questions.yaml", requires = "live")]
    questions: PathBuf,
    /// What `$NAME` in the questions stands for, as projectId=P123; may be given again.
    #[arg(long, value_name = "NAME=VALUE", requires = "live", value_parser = pair)]
    set: Vec<(String, String)>,
    /// The environment variable that holds the API key; it goes to the service of --live alone.
    #[arg(long, value_name = "NAME", default_value = "OPUSCLIP_API_KEY", requires = "live")]
    key_from: String,
    /// How many calls may be made; all of them only read.
    #[arg(long, value_name = "N", default_value_t = 20, requires = "live")]
    budget: usize,
    /// How long to wait between two calls.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = seconds, requires = "live")]
    pause: f64,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, value)| !name.is_empty() && !value.is_empty());
    let (name, value) = pair.ok_or("expected NAME=VALUE, as projectId=P123")?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn run(files: &Files, arguments: &Check) -> Result<Output, Failure> {
    let Some(to) = &arguments.live else {
        let (spec, suite, waivers) = (files.spec()?, files.suite()?, files.waivers()?);
        files.warn_of_filter();
        return files.output(&check(&spec, &suite, &waivers, &files.options()));
    };
    let spec = files.spec()?;
    let questions =
        load_questions(&arguments.questions, &spec).map_err(|error| Failure::usage(format!("{error}; name the file with --questions")))?;
    let key = std::env::var(&arguments.key_from).ok().filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| {
        Failure::usage(format!("{} is not set; it holds the API key, or name another with --key-from", arguments.key_from))
    })?;
    let settings =
        Settings { to: to.clone(), key, set: arguments.set.iter().cloned().collect::<BTreeMap<_, _>>(), budget: arguments.budget };
    settings.check().map_err(|error| Failure::usage(error.to_string()))?;
    talk(&format!("{} question(s), at most {} call(s) that only read, {} s apart", questions.len(), arguments.budget, arguments.pause));
    let pause = Duration::from_secs_f64(arguments.pause);
    let live = block_on(compare(&spec, &questions, &settings, async || wait(pause).await))?;
    let live = live.map_err(|error| Failure::usage(error.to_string()))?;
    let text = match files.format {
        Format::Text => live.to_text(),
        Format::Json => live.to_json(),
        Format::Markdown => live.to_markdown(),
    };
    if live.is_silent() {
        talk("the service showed nothing of what was asked; correct the URL, the key or --set");
    }
    Ok(Output { text, code: if live.is_other() || live.is_silent() { FINDINGS } else { 0 } })
}

#[allow(clippy::disallowed_methods, reason = "a service is asked in real time")]
async fn wait(pause: Duration) {
    tokio::time::sleep(pause).await;
}
