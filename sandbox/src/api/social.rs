//! Connected accounts, social copy, posts now and later.

use std::time::{Duration, SystemTime};

use opusclip::types::{
    CreatePostTask, CreatePublishSchedule, CreateSocialCopyJob, PostTask, PublishSchedule, SocialAccount, SocialCopyJob,
    SocialCopyJobStarted, SocialCopyJobStatus, SocialPlatform, Timestamp,
};

use super::jobs::age;
use super::{Answer, Call, charge, clips, invalid};
use crate::reply::Reply;
use crate::world::{self, World};

/// Account, sub account, platform, name. LinkedIn has two rows with one account, as has been seen.
const ACCOUNTS: [(&str, Option<&str>, SocialPlatform, &str); 7] = [
    ("postAccountId_youtube", None, SocialPlatform::Youtube, "Sandbox Channel"),
    ("postAccountId_tiktok", None, SocialPlatform::TiktokBusiness, "sandbox"),
    ("postAccountId_facebook", Some("subAccountId_page1"), SocialPlatform::FacebookPage, "Sandbox Page"),
    ("postAccountId_instagram", Some("subAccountId_insta1"), SocialPlatform::InstagramBusiness, "sandbox.insta"),
    ("postAccountId_linkedin", Some("urn:li:person:1"), SocialPlatform::Linkedin, "Sandbox Person"),
    ("postAccountId_linkedin", Some("urn:li:organization:2"), SocialPlatform::Linkedin, "Sandbox Company"),
    ("postAccountId_x", None, SocialPlatform::Twitter, "sandbox_x"),
];

const COPY_TIME: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Two schedules closer than this are reported as a conflict.
const CONFLICT: Duration = Duration::from_secs(300);

pub(super) fn list_accounts(_: &mut World, call: &Call<'_>) -> Answer {
    call.needed("q")?;
    let accounts: Vec<SocialAccount> = ACCOUNTS
        .iter()
        .map(|(account, sub, platform, name)| {
            let row = SocialAccount::new(*account)
                .with_platform(platform.clone())
                .with_ext_user_id(format!("ext-{account}"))
                .with_ext_user_name(*name)
                .with_ext_user_profile_link(format!("https://example.com/{name}"));
            match sub {
                Some(sub) => row.with_sub_account_id(*sub),
                None => row,
            }
        })
        .collect();
    Ok(Reply::data(200, &accounts))
}

/// The platform of an account; the sub account has to fit where the platform needs one.
fn platform(account: &str, sub: Option<&str>) -> Result<SocialPlatform, Reply> {
    let mut rows = ACCOUNTS.iter().filter(|(id, ..)| *id == account).peekable();
    let Some((_, needed, platform, _)) = rows.peek() else {
        return Err(Reply::service(400, "BadRequestError", format!("Post account {account} not found")));
    };
    match (needed, sub) {
        (Some(_), None) => Err(invalid(format!("subAccountId is required for {platform}"))),
        (Some(_), Some(sub)) if !rows.clone().any(|(_, known, ..)| *known == Some(sub)) => {
            Err(Reply::service(400, "BadRequestError", format!("Sub account {sub} not found")))
        }
        _ => Ok(platform.clone()),
    }
}

/// The bare id is wanted: a full one has been answered as a missing clip (C28).
fn clip<'w>(world: &'w World, call: &Call<'_>, project: &str, clip: &str) -> Option<(&'w world::Project, &'w world::Clip)> {
    world.clip(&format!("{project}.{clip}"), call.now)
}

pub(super) fn create_copy(world: &mut World, call: &Call<'_>) -> Answer {
    let request: CreateSocialCopyJob = call.body()?;
    let (project, bare) = (request.project_id.as_str(), request.clip_id.as_str());
    clip(world, call, project, bare).ok_or_else(|| Reply::not_found("Clip", bare))?;
    if !ACCOUNTS.iter().any(|(id, ..)| *id == request.post_account_id.as_str()) {
        return Err(Reply::not_found("Post account", request.post_account_id.as_str()));
    }
    let full = format!("{project}.{bare}");
    let known = world.copy_jobs.values().any(|job| job.clip == full && age(job.created, call.now) >= COPY_TIME);
    let cached = known && request.force_regenerate != Some(true);
    let id = world.uuid();
    world.copy_jobs.insert(id.clone(), world::CopyJob { created: call.now, clip: full, cached });
    Ok(Reply::data(201, &SocialCopyJobStarted::new(id)))
}

pub(super) fn get_copy(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.path("jobId");
    let job = world.copy_jobs.get(id).ok_or_else(|| Reply::not_found("Job", id))?;
    let is_done = job.cached || age(job.created, call.now) >= COPY_TIME;
    let represented = match is_done {
        false => SocialCopyJob::new(id, SocialCopyJobStatus::Running),
        true => SocialCopyJob::new(id, SocialCopyJobStatus::Completed)
            .with_cached(job.cached)
            .with_title(format!("Clip {}", job.clip))
            .with_description(clips::text())
            .with_hashtags(clips::hashtags()),
    };
    Ok(Reply::data(200, &represented))
}

pub(super) fn create_post(world: &mut World, call: &Call<'_>) -> Answer {
    let request: CreatePostTask = call.body()?;
    let (project, bare) = (request.project_id.as_str(), request.clip_id.as_str());
    let platform = platform(request.post_account_id.as_str(), request.sub_account_id.as_ref().map(AsRef::as_ref))?;
    let (project, clip) = clip(world, call, project, bare).ok_or_else(|| Reply::service(404, "NotFound", "Clip not found"))?;
    if !project.is_exportable(clip, call.settings, call.now) {
        return Err(Reply::service(400, "_ExportNotReadyError", "The clip is being prepared; try again in a couple of minutes"));
    }
    post(world, call, &platform)?;
    Ok(Reply::data(201, &PostTask::new(post_id(world, call, &platform))))
}

/// Counts a post against the limits of the day, and what it costs against the month.
fn post(world: &mut World, call: &Call<'_>, platform: &SocialPlatform) -> Result<(), Reply> {
    let limits = &call.settings.limits;
    let today = world.posts.iter().filter(|post| age(post.at, call.now) < DAY);
    let on_tiktok = today.clone().filter(|post| post.platform == SocialPlatform::TiktokBusiness.as_str()).count();
    if *platform == SocialPlatform::TiktokBusiness && on_tiktok >= limits.tiktok {
        return Err(Reply::service(400, "QuotaExceed", format!("No more than {} TikTok posts in 24 hours", limits.tiktok)));
    }
    if today.count() >= limits.posts {
        return Err(Reply::daily_cap("publish", limits.posts));
    }
    if *platform == SocialPlatform::Twitter {
        charge(world, call, 1)?;
    }
    world.posts.push(world::Post { platform: platform.to_string(), at: call.now });
    Ok(())
}

/// Milliseconds, four characters and the platform.
fn post_id(world: &mut World, call: &Call<'_>, platform: &SocialPlatform) -> String {
    let ms = call.now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis();
    format!("{ms}{}-{platform}", world.letters(4))
}

pub(super) fn create_schedule(world: &mut World, call: &Call<'_>) -> Answer {
    let request: CreatePublishSchedule = call.body()?;
    let bad = |message: String| Reply::service(400, "BadRequestError", message);
    let platform = platform(request.post_account_id.as_str(), request.sub_account_id.as_ref().map(AsRef::as_ref))?;
    clip(world, call, request.project_id.as_str(), request.clip_id.as_str()).ok_or_else(|| bad("Clip not found".to_owned()))?;
    let publish_at = request.publish_at.to_system_time().ok_or_else(|| bad(format!("publishAt {} is no date", request.publish_at)))?;
    if publish_at <= call.now {
        return Err(bad("publishAt must be in the future".to_owned()));
    }
    post(world, call, &platform)?;
    let near = |other: &SystemTime| {
        let apart = other.duration_since(publish_at).or_else(|_| publish_at.duration_since(*other));
        apart.is_ok_and(|apart| apart < CONFLICT)
    };
    let has_conflict = world.schedules.values().any(near);
    let (id, post) = (post_id(world, call, &platform), post_id(world, call, &platform));
    world.schedules.insert(id.clone(), publish_at);
    let represented =
        PublishSchedule::new(id).with_post_id(post).with_has_conflict(has_conflict).with_publish_at(Timestamp::from(publish_at));
    Ok(Reply::data(201, &represented))
}

pub(super) fn cancel_schedule(world: &mut World, call: &Call<'_>) -> Answer {
    let id = call.path("scheduleId");
    match world.schedules.get(id) {
        // What is published is no schedule any more.
        Some(publish_at) if *publish_at > call.now => {
            world.schedules.remove(id);
            Ok(Reply::data(200, &serde_json::json!({})))
        }
        // 400 and not 404, as observed (C31).
        _ => Err(Reply::service(400, "BadRequestError", "Schedule task not found")),
    }
}
