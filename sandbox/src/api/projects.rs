//! Projects and the links to upload for them.

use std::time::{Duration, SystemTime};

use opusclip::types::{
    CreateProject, CreateUploadLink, CurationModel, ListedProject, Project, ProjectStage, RenderPreferences, SourceInfo, SourcePlatform,
    Timestamp, UpdateProjectVisibility, UploadLink, UploadUsecase, Visibility,
};

use serde_json::json;

use super::{Answer, Call, charge, invalid};
use crate::reply::Reply;
use crate::world::{self, Progress, World};

pub(super) const ORG: &str = "org_Sandbox00000001";
pub(crate) const USER: &str = "google-oauth2|100000000000000000001";

/// The allowance that a documented answer shows, in bytes.
const STORAGE: i64 = 107_974_182_498;

/// Hosts that are documented, with the platform that a project from there reports. Those without a value of their own are
/// taken for what a plain link is.
const HOSTS: [(&str, SourcePlatform); 20] = [
    ("youtube.com", SourcePlatform::Youtube),
    ("youtu.be", SourcePlatform::Youtube),
    ("drive.google.com", SourcePlatform::Gdrive),
    ("vimeo.com", SourcePlatform::YtdlpLink),
    ("zoom.us", SourcePlatform::Zoom),
    ("rumble.com", SourcePlatform::YtdlpLink),
    ("twitch.tv", SourcePlatform::YtdlpLink),
    ("facebook.com", SourcePlatform::YtdlpLink),
    ("fb.watch", SourcePlatform::YtdlpLink),
    ("linkedin.com", SourcePlatform::YtdlpLink),
    ("x.com", SourcePlatform::YtdlpLink),
    ("twitter.com", SourcePlatform::YtdlpLink),
    ("dropbox.com", SourcePlatform::YtdlpLink),
    ("riverside.fm", SourcePlatform::YtdlpLink),
    ("riverside.com", SourcePlatform::YtdlpLink),
    ("loom.com", SourcePlatform::YtdlpLink),
    ("frame.io", SourcePlatform::YtdlpLink),
    ("streamyard.com", SourcePlatform::StreamYard),
    ("amazonaws.com", SourcePlatform::YtdlpLink),
    ("opus.pro", SourcePlatform::YtdlpLink),
];

pub(super) fn create(world: &mut World, call: &Call<'_>) -> Answer {
    let request: CreateProject = call.body()?;
    let settings = call.settings;
    if !settings.proxy_allowed {
        return Err(Reply::service(403, "ProxyNotAllowedError", "Requests from a data centre need an active subscription"));
    }
    let (platform, bytes) = source(call, &request.video_url)?;
    for action in request.conclusion_actions.iter().flatten() {
        let (missing, name) = match action.type_.as_str() {
            "EMAIL" => (action.email.is_none(), "email"),
            "WEBHOOK" => (action.url.is_none(), "url"),
            _ => (false, ""),
        };
        if missing {
            return Err(Reply::framework(400, vec![format!("conclusionActions.{name} must be a string")]));
        }
    }
    let (start, length) = range(&request, settings.source)?;
    if world.in_work(call.now) >= settings.limits.concurrent {
        return Err(Reply::concurrent(settings.limits.concurrent));
    }
    let minutes = length.as_secs().div_ceil(60);
    if settings.limits.minutes.is_some_and(|limit| world.minutes + minutes > limit) {
        return Err(Reply::service(402, "InsufficientCreditError", "No minutes left"));
    }
    // A credit is a minute, and a project costs ten at least.
    charge(world, call, minutes.max(10))?;
    world.minutes += minutes;

    let id = format!("P{}", world.letters(11));
    let url = &request.video_url;
    let clips = if url.contains("sandbox-no-clips") { 0 } else { settings.clips };
    let stall_at = if url.contains("sandbox-stall") { Some(ProjectStage::Curate) } else { settings.stall_at.clone() };
    let clips = (0..clips).map(|index| clip(world, index, clips, start, length)).collect();
    world.projects.push(world::Project {
        id: id.clone(),
        org: call.org().to_owned(),
        request,
        platform,
        created: call.now,
        visibility: Visibility::Default,
        bytes,
        clips,
        stages: settings.stages.clone(),
        stall_at,
        stalled: None,
        life: settings.project_life,
        concluded: false,
    });
    Ok(Reply::of(201, &find(world, call, &id)?))
}

/// Ids in all the forms that have been met: with `CU` and without, and with a suffix for extras.
fn clip(world: &mut World, index: usize, count: usize, start: Duration, length: Duration) -> world::Clip {
    let is_bonus = index % 5 == 2;
    let id = match index % 5 {
        1 => world.letters(10),
        2 => format!("CU{}_bonus", world.hex(6)),
        _ => format!("CU{}", world.hex(6)),
    };
    // One after the other over the part that is worked on.
    let (number, count) = (u32::try_from(index).unwrap_or(u32::MAX), u32::try_from(count).unwrap_or(u32::MAX).max(1));
    let room = length / count;
    let ms = |duration: Duration| u32::try_from(duration.as_millis()).unwrap_or(u32::MAX / 2);
    let duration = room.min(Duration::from_millis(19_460 + 1_500 * u64::from(number % 20)));
    world::Clip {
        id,
        title: title(index),
        is_bonus,
        start_ms: ms(start + room * number),
        duration_ms: ms(duration),
        exported: None,
        censored: false,
    }
}

/// What clips are called, so that names and tables look as they will.
const TITLES: [&str; 10] = [
    "The habit nobody talks about",
    "Why most plans fail on day three",
    "What I would tell my younger self",
    "The question that changed the room",
    "Ten seconds that decide everything",
    "How to say no and mean it",
    "The mistake everyone makes once",
    "A better way to start the day",
    "What the numbers really say",
    "The story behind the first sale",
];

fn title(index: usize) -> String {
    match index / TITLES.len() {
        0 => TITLES[index].to_owned(),
        round => format!("{}, part {}", TITLES[index % TITLES.len()], round + 1),
    }
}

/// The part of the video that is worked on: where it begins and how long it is.
fn range(request: &CreateProject, source: Duration) -> Result<(Duration, Duration), Reply> {
    let Some(range) = request.curation_pref.as_ref().and_then(|preferences| preferences.range.as_ref()) else {
        return Ok((Duration::ZERO, source));
    };
    let whole = source.as_secs_f64();
    let (start, end) = (range.start_sec.unwrap_or(0.0), range.end_sec.unwrap_or(whole));
    if !(start >= 0.0 && end > start) {
        return Err(invalid("curationPref.range must begin at 0 or later and end after it begins"));
    }
    let start = start.min(whole);
    Ok((Duration::from_secs_f64(start), Duration::from_secs_f64((end.min(whole) - start).max(0.0))))
}

/// Where the video comes from and how large it is, or why the service would not take it (422).
fn source(call: &Call<'_>, video: &str) -> Result<(SourcePlatform, u64), Reply> {
    if let Some(size) = call.storage.finished(video) {
        return Ok((SourcePlatform::Uploaded, size));
    }
    let unsupported = |reason: String| Reply::service(422, "UnsupportedVideoLinkError", format!("Unsupported video link: {reason}"));
    if call.storage.knows(video) {
        return Err(unsupported(format!("the upload {video} is not complete")));
    }
    let Some((scheme, rest)) = video.split_once("://") else {
        return Err(unsupported("it is neither a link nor the id of a finished upload".to_owned()));
    };
    if !["http", "https"].contains(&scheme) {
        return Err(unsupported(format!("the scheme {scheme} is not supported")));
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default().split(':').next().unwrap_or_default().to_ascii_lowercase();
    let is_at = |name: &str| host.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    HOSTS
        .iter()
        .find(|(name, _)| is_at(name))
        .map(|(_, platform)| (platform.clone(), 0))
        .ok_or_else(|| unsupported(format!("the host `{host}` is not on the list")))
}

/// The newest first; nothing is known of the service's order.
pub(super) fn list(world: &mut World, call: &Call<'_>) -> Answer {
    call.needed("q")?;
    let number = |name: &str, default: usize| {
        call.query(name).map_or(Ok(default), |text| text.parse().map_err(|_| invalid(format!("{name} must be a whole number from 0"))))
    };
    let (page, size) = (number("page", 0)?, number("pageSize", 20)?);
    let own = world.projects.iter().rev().filter(|project| project.org == call.org() && !project.is_purged(call.now));
    let list: Vec<ListedProject> = own.skip(page.saturating_mul(size)).take(size).map(|project| listed(project, call.now)).collect();
    Ok(Reply::data(200, &json!({"list": list})))
}

fn listed(project: &world::Project, now: SystemTime) -> ListedProject {
    let whole = represent(project, now);
    let mut row = ListedProject::new(whole.id);
    (row.stage, row.created_at) = (whole.stage, whole.created_at);
    (row.source_id, row.source_uri, row.source_info) = (whole.source_id, whole.source_uri, whole.source_info);
    row
}

pub(super) fn get(world: &mut World, call: &Call<'_>) -> Answer {
    Ok(Reply::of(200, &find(world, call, call.path("projectId"))?))
}

pub(super) fn update_visibility(world: &mut World, call: &Call<'_>) -> Answer {
    let request: UpdateProjectVisibility = call.body()?;
    let id = call.path("projectId");
    let project = world.project_mut(id, call.now).ok_or_else(|| Reply::not_found("Project", id))?;
    project.visibility = request.visibility.as_str().into();
    Ok(Reply::of(200, &find(world, call, id)?))
}

fn find(world: &World, call: &Call<'_>, id: &str) -> Result<Project, Reply> {
    let project = world.project(id, call.now).ok_or_else(|| Reply::not_found("Project", id))?;
    Ok(represent(project, call.now))
}

fn represent(project: &world::Project, now: SystemTime) -> Project {
    let request = &project.request;
    let progress = project.progress(now);
    let updated = match &progress {
        Progress::Working(_) => now,
        Progress::Complete { since } | Progress::Stalled { since } => *since,
    };
    let model = request.curation_pref.as_ref().and_then(|preferences| preferences.model.clone());
    let uploaded = project.platform == SourcePlatform::Uploaded;
    let mut represented = Project::new(project.id.as_str())
        .with_project_id(project.id.as_str())
        .with_user_id(USER)
        .with_org_id(project.org.as_str())
        .with_is_deleted(false)
        .with_is_purged(false)
        .with_source_platform(project.platform.clone())
        .with_source_id(format!("SB_{}", project.id))
        .with_labels(Vec::<String>::new())
        .with_product_tier("PRO")
        .with_stage(progress.stage())
        .with_model(model.unwrap_or(CurationModel::ClipBasic))
        .with_curation_pref(request.curation_pref.clone().unwrap_or_default())
        .with_storage_size(i64::try_from(project.bytes).unwrap_or(i64::MAX))
        .with_storage_status("TEMPORARY")
        .with_storage_expire_at(Timestamp::from(project.expires()))
        .with_render_pref(render_preferences(project))
        .with_created_at(Timestamp::from(project.created))
        .with_updated_at(Timestamp::from(updated))
        .with_cluster_job_id(format!("FP.{}:1.FP", project.id))
        .with_cluster("sandbox")
        .with_import_pref(request.import_pref.clone().or_else(|| request.import_preference.clone()).unwrap_or_default())
        .with_visibility(project.visibility.clone())
        .with_permissions(["PROJECT_SHARE", "PROJECT_EDIT", "PROJECT_VIEW"])
        .with_prompt_recommendations(Vec::<String>::new());
    if !uploaded {
        represented = represented.with_source_uri(request.video_url.as_str());
    }
    if let Some(title) = request.uploaded_video_attr.as_ref().and_then(|attributes| attributes.title.as_deref()) {
        represented = represented.with_source_info(SourceInfo::new().with_title(title));
    }
    if let Progress::Stalled { .. } = progress {
        represented = represented.with_error("The project has stalled").with_stall_count(1);
    }
    represented
}

pub(super) fn render_preferences(project: &world::Project) -> RenderPreferences {
    let asked = project.request.render_pref.clone().unwrap_or_default();
    let ratio = asked.layout_aspect_ratio.unwrap_or_else(|| "portrait".into());
    RenderPreferences::new()
        .with_layout_aspect_ratio(ratio)
        .with_enable_caption(asked.enable_caption.unwrap_or(true))
        .with_enable_broll(asked.enable_broll.unwrap_or(false))
        .with_enable_auto_layout(true)
        .with_enable_watermark(false)
        .with_skip_reframe(false)
}

pub(super) fn create_upload_link(world: &mut World, call: &Call<'_>) -> Answer {
    let request: CreateUploadLink = call.body()?;
    let usecase = request.video.map(|video| video.usecase).or(request.usecase);
    let Some(usecase) = usecase else {
        return Err(invalid("video.usecase is required"));
    };
    if usecase != UploadUsecase::LocalUpload && usecase != UploadUsecase::FreeToolMedia {
        return Err(invalid(format!("the usecase {usecase} is not supported")));
    }
    let mut upload = format!("UPL_{}", world.letters(16));
    while call.storage.is_kept(&upload) {
        upload = format!("UPL_{}", world.letters(16));
    }
    let signature = world.hex(64);
    let org = call.org();
    let path = call.storage.link(&upload, org, &signature, call.now + call.settings.upload_link_life);
    let link = UploadLink::new(upload.as_str(), format!("{}{path}", call.base));
    let used = i64::try_from(call.storage.used()).unwrap_or(STORAGE);
    Ok(Reply::of(
        200,
        &match usecase {
            UploadUsecase::FreeToolMedia => link
                .with_cdn_url(format!("{}/ext.cdn.opus.pro/uploads/{upload}", call.base))
                .with_gs_url(format!("gs://ext.gcs.opus.pro/upload/{org}/{upload}")),
            _ => link.with_dns_url(call.base).with_use_amount(used).with_total_amount(STORAGE),
        },
    ))
}
