//! The options of a project, as the service knows them.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use opusclip::api::types::{ConclusionAction, CurationPreferences, CurationRange, ImportPreferences, UploadedVideoAttributes};
use opusclip::calls::CreateProject;
use opusclip::types::DurationRange;

use crate::failure::Failure;

/// The call and its body are built by methods of the same names.
macro_rules! put {
    ($options:expr, $built:expr) => {{
        let (options, mut built) = ($options, $built);
        let (curation, actions) = (options.curation(), options.actions());
        if curation != CurationPreferences::new() {
            built = built.with_curation_pref(curation);
        }
        if let Some(lang) = &options.lang {
            built = built.with_import_pref(ImportPreferences::new().with_source_lang(lang));
        }
        if let Some(template) = &options.template {
            built = built.with_brand_template_id(template.as_str());
        }
        if let Some(title) = &options.title {
            built = built.with_uploaded_video_attr(UploadedVideoAttributes::new().with_title(title));
        }
        if actions.is_empty() { built } else { built.with_conclusion_actions(actions) }
    }};
}

/// What is asked of the service for a project.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Project")]
pub(crate) struct ProjectArgs {
    /// Model that chooses the moments
    #[arg(long, value_name = "MODEL", value_enum, ignore_case = true)]
    model: Option<Model>,
    /// What to look for, in words; for the model `anything`
    #[arg(long, value_name = "TEXT")]
    prompt: Option<String>,
    /// Topics to look for, as `pricing,launch`; for the model `basic`
    #[arg(long, value_name = "WORDS", alias = "keywords", value_delimiter = ',')]
    topics: Vec<String>,
    /// How long clips may be, in seconds, as `0-30,30-60`
    #[arg(long, value_name = "RANGES", value_delimiter = ',')]
    durations: Vec<Seconds>,
    /// Which part of the video to look at, in seconds, as `60-600`
    #[arg(long, value_name = "RANGE", hide_short_help = true)]
    range: Option<Seconds>,
    /// Genre of the video, as `Podcast` or `Q&A` [default of the service: Auto]
    #[arg(long, value_name = "GENRE")]
    genre: Option<String>,
    /// Language that is spoken, as `en` [default of the service: auto]
    #[arg(long, value_name = "CODE", hide_short_help = true)]
    lang: Option<String>,
    /// Brand template, from `opusclip template list`
    #[arg(long, value_name = "ID", alias = "brand-template")]
    template: Option<String>,
    /// Title of the project [default: the name of the file]
    #[arg(long, value_name = "TEXT", hide_short_help = true)]
    title: Option<String>,
    /// Have the service send a webhook to this address at the end; can be given several times
    #[arg(long, value_name = "URL", hide_short_help = true)]
    webhook: Vec<String>,
    /// Have the service send an e-mail at the end; can be given several times
    #[arg(long, value_name = "ADDRESS", hide_short_help = true)]
    email: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Model {
    /// ClipAnything
    #[value(alias = "ClipAnything")]
    Anything,
    /// ClipBasic
    #[value(alias = "ClipBasic")]
    Basic,
}

/// From and to, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seconds(u32, u32);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a range of seconds; expected one like 30-60");
        let (from, to) = text.trim().split_once('-').ok_or_else(wrong)?;
        let parse = |text: &str| text.trim().parse::<u32>().map_err(|_| wrong());
        let (from, to) = (parse(from)?, parse(to)?);
        if from < to { Ok(Self(from, to)) } else { Err(format!("the range {text:?} ends before it begins")) }
    }
}

impl ProjectArgs {
    /// An error for what can be told to be wrong by itself.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.prompt.is_some() && matches!(self.model, None | Some(Model::Basic)) {
            return Err(Failure::usage(
                "`--prompt` is for the model `anything`, and is ignored by `basic`",
                "add `--model anything`, or use `--topics`",
            ));
        }
        if !self.topics.is_empty() && matches!(self.model, Some(Model::Anything)) {
            return Err(Failure::usage("`--topics` are for the model `basic`, and are ignored by `anything`", "use `--prompt`"));
        }
        Ok(())
    }

    /// How many seconds of a video of this length are looked at, as far as that is known.
    pub(crate) fn seconds_of(&self, whole: Option<f64>) -> Option<f64> {
        let Some(Seconds(from, to)) = self.range else { return whole };
        let end = whole.unwrap_or(f64::INFINITY).min(f64::from(to));
        Some((end - f64::from(from)).max(0.0))
    }

    /// Puts them into the call.
    pub(crate) fn apply<'c>(&self, call: CreateProject<'c>) -> CreateProject<'c> {
        put!(self, call)
    }

    /// The body of the call that creates a project of this video.
    pub(crate) fn body(&self, video: &str) -> opusclip::types::CreateProject {
        let body = opusclip::types::CreateProject::new(video);
        put!(self, body)
    }

    fn actions(&self) -> Vec<ConclusionAction> {
        let webhooks = self.webhook.iter().map(|url| ConclusionAction::new("WEBHOOK").with_url(url).with_notify_failure(true));
        let emails = self.email.iter().map(|email| ConclusionAction::new("EMAIL").with_email(email).with_notify_failure(true));
        webhooks.chain(emails).collect()
    }

    fn curation(&self) -> CurationPreferences {
        let mut curation = CurationPreferences::new();
        if let Some(model) = self.model {
            curation = curation.with_model(match model {
                Model::Anything => "ClipAnything",
                Model::Basic => "ClipBasic",
            });
        }
        if let Some(prompt) = &self.prompt {
            curation = curation.with_custom_prompt(prompt);
        }
        if !self.topics.is_empty() {
            curation = curation.with_topic_keywords(&self.topics);
        }
        if !self.durations.is_empty() {
            curation = curation.with_clip_durations(self.durations.iter().map(|Seconds(from, to)| DurationRange::new(*from, *to)));
        }
        if let Some(Seconds(from, to)) = self.range {
            curation = curation.with_range(CurationRange::new().with_start_sec(f64::from(from)).with_end_sec(f64::from(to)));
        }
        if let Some(genre) = &self.genre {
            curation = curation.with_genre(genre.as_str());
        }
        curation
    }
}
