//! What somebody who watches sees: a line for each video in work, one for all of them.

use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use opusclip::types::ProjectStage;
use opusclip::{UploadPhase, UploadProgress};
use terminal_size::Width;

use crate::output::{Output, clean, clean_line};

/// The stages of a project, in order, as the documentation lists them.
const STAGES: [(&str, &str); 6] =
    [("QUEUED", "queue"), ("IMPORT", "import"), ("CURATE", "curate"), ("REFINE", "refine"), ("RENDER", "render"), ("UPLOAD", "finish")];

/// From so many columns on there is room for the names of all stages.
const WIDE: usize = 92;

/// How much room the name of a video has; a quarter of a terminal that is narrow.
const NAME: usize = 24;

/// The screen: drawn on a terminal, and lines on stderr where it is none.
#[derive(Clone)]
pub(crate) struct Screen {
    output: Output,
    all: MultiProgress,
    total: Option<ProgressBar>,
    is_drawn: bool,
    is_alone: bool,
}

/// The line of one video.
pub(crate) struct Line {
    screen: Screen,
    name: String,
    bar: ProgressBar,
}

impl Screen {
    /// `videos` is `None` where more may come.
    pub(crate) fn new(output: &Output, videos: Option<usize>) -> Self {
        let is_drawn = output.draws();
        let target = if is_drawn { ProgressDrawTarget::stderr_with_hz(12) } else { ProgressDrawTarget::hidden() };
        let all = MultiProgress::with_draw_target(target);
        crate::verbose::go_above(&all);
        let total = (is_drawn && videos != Some(1)).then(|| {
            let bar = match videos {
                Some(count) => ProgressBar::new(count as u64).with_style(style("{pos} of {len} videos done, {elapsed}{msg}")),
                None => ProgressBar::no_length().with_style(style("{pos} videos done, {elapsed}{msg}; Ctrl-C ends it")),
            };
            let bar = all.add(bar);
            bar.enable_steady_tick(Duration::from_millis(500));
            bar
        });
        Self { output: output.clone(), all, total, is_drawn, is_alone: videos == Some(1) }
    }

    /// Says something above the lines.
    pub(crate) fn say(&self, text: &str) {
        if self.is_drawn {
            // A terminal that is gone needs no news.
            let _ = self.all.println(clean(text));
        } else {
            self.output.say(text);
        }
    }

    /// Says of a video what a drawn line shows anyway.
    pub(crate) fn unless_drawn(&self, name: &str, what: &str) {
        if !self.is_drawn {
            self.of(name, what);
        }
    }

    /// Says something of a video.
    pub(crate) fn of(&self, name: &str, what: &str) {
        self.say(&format!("{}: {what}", clean_line(name)));
    }

    /// Says why nothing comes of a video, also where it shall be quiet.
    pub(crate) fn failed(&self, name: &str, what: &str) {
        if self.is_drawn {
            self.of(name, what);
        } else {
            self.output.tell(&format!("{}: {what}", clean_line(name)));
        }
    }

    /// The line of a video that is begun.
    pub(crate) fn line(&self, name: &str) -> Line {
        let bar = ProgressBar::new_spinner();
        let bar = match &self.total {
            Some(total) => self.all.insert_before(total, bar),
            None => self.all.add(bar),
        };
        let line = Line { screen: self.clone(), name: clean_line(name), bar };
        line.bar.set_prefix(fitted(&line.name));
        line.wait("looking");
        line.bar.enable_steady_tick(Duration::from_millis(120));
        line
    }

    /// One more video is over, well or not.
    pub(crate) fn one_over(&self) {
        if let Some(total) = &self.total {
            total.inc(1);
        }
    }

    /// Takes everything away.
    pub(crate) fn clear(&self) {
        if let Some(total) = &self.total {
            total.finish_and_clear();
        }
        let _ = self.all.clear();
    }
}

impl Line {
    /// Something without a measure.
    pub(crate) fn wait(&self, what: &str) {
        self.bar.set_style(style("{prefix} {spinner} {msg}"));
        self.bar.set_message(clean(what));
    }

    /// Says it where nothing is drawn, too.
    pub(crate) fn tell(&self, what: &str) {
        if self.screen.is_drawn {
            self.wait(what);
        } else {
            self.screen.say(&format!("{}: {what}", self.name));
        }
    }

    pub(crate) fn upload(&self, progress: &UploadProgress) {
        let what = match progress.phase {
            UploadPhase::Opening => return,
            UploadPhase::Starting => "asks for an upload",
            UploadPhase::Hashing => "reads again what is uploaded",
            UploadPhase::Asking => "asks what has arrived",
            UploadPhase::Verifying => "compares checksums",
            UploadPhase::Pausing => {
                let trouble = progress.trouble.as_deref().unwrap_or("trouble");
                return self.wait(&format!("pauses and goes on: {trouble}"));
            }
            _ => "uploads",
        };
        self.bar.set_style(style("{prefix} {spinner} {msg} [{wide_bar}] {bytes}/{total_bytes} {binary_bytes_per_sec} {left}"));
        self.bar.set_length(progress.total);
        self.bar.set_position(progress.sent.max(progress.persisted));
        self.bar.set_message(what.to_owned());
    }

    /// Where the work on the project is.
    pub(crate) fn stage(&self, stage: &ProjectStage) {
        let known = STAGES.iter().position(|(value, _)| *value == stage.as_str());
        let Some(now) = known else { return self.tell(&stage.as_str().to_lowercase()) };
        if !self.screen.is_drawn {
            return self.screen.say(&format!("{}: {}", self.name, STAGES[now].1));
        }
        self.bar.set_style(style("{prefix} {spinner} {msg}  {elapsed}"));
        if width() < WIDE {
            return self.bar.set_message(format!("▶ {}, step {} of {}", STAGES[now].1, now + 1, STAGES.len()));
        }
        let steps = STAGES.iter().enumerate().map(|(index, (_, name))| match index.cmp(&now) {
            std::cmp::Ordering::Less => format!("✓ {name}"),
            std::cmp::Ordering::Equal => format!("▶ {name}"),
            std::cmp::Ordering::Greater => format!("· {name}"),
        });
        let steps = steps.collect::<Vec<_>>().join("  ");
        self.bar.set_message(steps);
    }

    /// Files that are fetched.
    pub(crate) fn download(&self, done: usize, clips: usize, bytes: u64, size: u64) {
        self.bar.set_style(style("{prefix} {spinner} {msg} [{wide_bar}] {bytes}/{total_bytes} {binary_bytes_per_sec}"));
        self.bar.set_length(size);
        self.bar.set_position(bytes);
        self.bar.set_message(format!("downloads {done}/{clips}"));
    }

    /// The end of it, where the last word of the program is another one.
    pub(crate) fn fail(self, why: &str) {
        if self.screen.is_alone {
            self.bar.finish_and_clear();
        } else {
            self.bar.finish_and_clear();
            self.screen.failed(&self.name, &format!("failed: {why}"));
            self.screen.one_over();
        }
    }

    /// The end of it.
    pub(crate) fn finish(self, what: &str) {
        self.bar.finish_and_clear();
        self.screen.say(&format!("{}: {what}", self.name));
        self.screen.one_over();
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
    style.progress_chars("━╸─").with_key("left", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        if state.len().is_some_and(|len| state.pos() < len) && state.per_sec() > 0.0 {
            // What cannot be written to a string cannot be mended here.
            let _ = write!(out, "{:#} left", indicatif::HumanDuration(state.eta()));
        }
    })
}

/// Of the terminal, in columns.
fn width() -> usize {
    terminal_size::terminal_size_of(std::io::stderr()).map_or(usize::MAX, |(Width(width), _)| usize::from(width))
}

/// A name in the room that it has: of a long one the end, which tells videos apart.
fn fitted(name: &str) -> String {
    let short = name.rsplit(['/', '\\']).next().filter(|short| !short.is_empty()).unwrap_or(name);
    let length = short.chars().count();
    let room = NAME.min(width() / 4);
    if length <= room {
        return format!("{short:room$}");
    }
    let end: String = short.chars().skip(length + 1 - room).collect();
    format!("…{end}")
}
