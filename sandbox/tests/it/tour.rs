use std::collections::BTreeSet;
use std::time::Duration;

use opusclip::operation::OPERATIONS;
use opusclip::types::{
    CensorJobStatus, ConclusionAction, CurationPreferences, CurationRange, DurationRange, GenerativeJobStatus, PostCustom, PostDetail,
    ProjectStage, SocialCopyJobStatus, SocialPlatform, Timestamp, UploadUsecase, UploadVideo, Visibility, VisibilitySetting,
};
use opusclip::{ClipSource, CollectionFilter, ContentRange, UploadStatus};

use crate::support::{WORK, once, still};

/// Every operation through the typed client, and every answer against the spec in a closed world.
#[tokio::test]
async fn a_tour_of_all_operations_keeps_to_the_spec() {
    let sandbox = still().with_collection_limit(1).start().await.unwrap();
    let client = once(&sandbox);

    let link = client.create_upload_link().with_video(UploadVideo::new(UploadUsecase::LocalUpload)).await.unwrap();
    let given_up = client.start_upload_session(&link.url).await.unwrap();
    client.cancel_upload_session(&given_up).await.unwrap();
    assert!(client.query_upload_offset(&given_up, None).await.unwrap_err().is_not_found());
    let session = client.start_upload_session(&link.url).await.unwrap();
    let file = vec![42; 300_000];
    let part = ContentRange::new(0, 262_144).of(300_000);
    let sent = client.send_upload_bytes(&session, file[..262_144].to_vec(), Some(part)).await.unwrap();
    assert!(matches!(sent, UploadStatus::Incomplete { persisted: 262_144, .. }), "{sent:?}");
    assert_eq!(client.query_upload_offset(&session, Some(300_000)).await.unwrap(), sent);
    let rest = ContentRange::new(262_144, 300_000 - 262_144).of(300_000);
    let done = client.send_upload_bytes(&session, file[262_144..].to_vec(), Some(rest)).await.unwrap();
    assert!(matches!(done, UploadStatus::Complete { .. }), "{done:?}");
    let image =
        client.create_upload_link().with_usecase(UploadUsecase::FreeToolMedia).with_type_("Upload").with_extension("png").await.unwrap();
    assert!(image.cdn_url.is_some());

    let preferences = CurationPreferences::new()
        .with_clip_durations([DurationRange::new(30, 60)])
        .with_range(CurationRange::new().with_start_sec(0.0).with_end_sec(120.0));
    let project = client
        .create_project(link.upload_id.as_str())
        .with_curation_pref(preferences)
        .with_conclusion_actions([ConclusionAction::new("EMAIL").with_email("user@example.com")])
        .with_brand_template_id("preset-fancy-Karaoke")
        .await
        .unwrap();
    assert_eq!((project.stage, project.source_platform), (Some(ProjectStage::Queued), Some("UPLOADED".into())));
    assert_eq!(project.storage_size, Some(300_000));
    assert_eq!(client.get_transcript(&project.id).await.unwrap().data, Some(vec![None]));
    sandbox.advance(WORK);
    assert_eq!(client.get_project(&project.id).await.unwrap().stage, Some(ProjectStage::Complete));
    let public = client.update_project_visibility(&project.id, VisibilitySetting::Public).await.unwrap();
    assert_eq!(public.visibility, Some(Visibility::Public));
    let transcript = client.get_transcript(&project.id).await.unwrap().data.unwrap();
    assert!(transcript[0].as_ref().is_some_and(|paragraphs| paragraphs.len() == 4), "what is in the range of 120 s");

    let clips = client.list_clips(ClipSource::Project(project.id.clone())).await.unwrap();
    let clip = &clips[1];
    let bare = clip.curation_id.clone().unwrap();

    let collection = client.create_collection("Best of").await.unwrap();
    let second = client.create_collection("One too many").await.unwrap_err();
    assert_eq!((second.status(), second.code()), (Some(402), Some("QuotaExceed")));
    client.create_collection_content(&collection.collection_id, &clip.id).await.unwrap();
    let mine = client.list_collections(CollectionFilter::Mine).await.unwrap();
    assert_eq!((mine.len(), mine.total()), (1, Some(1)));
    assert_eq!(client.list_collections(CollectionFilter::Containing(clip.id.clone())).await.unwrap().len(), 1);
    assert_eq!(client.list_clips(ClipSource::Collection(collection.collection_id.clone())).await.unwrap()[0].id, clip.id);
    let exported = client.export_collection(&collection.collection_id).await.unwrap().content_list.unwrap();
    assert_eq!((exported.len(), &exported[0].content_id), (1, &clip.id));
    client.delete_collection_content(&collection.collection_id, &clip.id).await.unwrap();
    assert!(client.delete_collection_content(&collection.collection_id, &clip.id).await.unwrap_err().is_not_found());
    client.delete_collection(&collection.collection_id).await.unwrap();
    assert!(client.delete_collection(&collection.collection_id).await.unwrap_err().is_not_found());
    assert!(client.list_collections(CollectionFilter::Mine).await.unwrap().is_empty());

    let job = client.create_censor_job(&project.id, &bare).await.unwrap().job_id.unwrap();
    assert_eq!(client.get_censor_job(&job).await.unwrap().status, CensorJobStatus::Queued);
    assert_eq!(client.create_censor_job(&project.id, &bare).await.unwrap().job_id, None, "there is nothing left to censor");
    let thumbnail = client.create_generative_job("https://www.youtube.com/watch?v=LXvv6CbGg8A").await.unwrap().job_id;
    assert_eq!(client.get_generative_job(&thumbnail).await.unwrap().status, GenerativeJobStatus::Queued);
    let accounts = client.list_social_accounts().await.unwrap();
    assert!(accounts.iter().any(|row| row.sub_account_id.is_none()) && accounts.iter().any(|row| row.sub_account_id.is_some()));
    let account = |platform: SocialPlatform| accounts.iter().find(|row| row.platform == Some(SocialPlatform::clone(&platform))).unwrap();
    let youtube = &account(SocialPlatform::Youtube).post_account_id;
    let copy = client.create_social_copy_job(&project.id, &bare, youtube).await.unwrap().job_id;
    assert_eq!(client.get_social_copy_job(&copy).await.unwrap().status, SocialCopyJobStatus::Running);
    sandbox.advance(Duration::from_secs(60));
    assert_eq!(client.get_censor_job(&job).await.unwrap().status, CensorJobStatus::Concluded);
    let thumbnails = client.get_generative_job(&thumbnail).await.unwrap();
    assert_eq!(thumbnails.result.unwrap().generated_thumbnail_uris.unwrap().len(), 4);
    let texts = client.get_social_copy_job(&copy).await.unwrap();
    assert_eq!((texts.status, texts.cached), (SocialCopyJobStatus::Completed, Some(false)));
    let again = client.create_social_copy_job(&project.id, &bare, youtube).await.unwrap().job_id;
    assert_eq!(client.get_social_copy_job(&again).await.unwrap().cached, Some(true));

    let detail = PostDetail::new("A clip").with_media_type("video").with_custom(PostCustom::new().with_privacy("public"));
    sandbox.advance(Duration::from_secs(2));
    let post = client.create_post_task(&project.id, &bare, youtube, detail.clone()).await.unwrap();
    assert!(post.post_id.as_str().ends_with("-YOUTUBE"), "{}", post.post_id);
    let at = Timestamp::from(sandbox.now() + Duration::from_secs(300));
    sandbox.advance(Duration::from_secs(2));
    let schedule = client.create_publish_schedule(&project.id, &bare, youtube, detail.clone(), at.clone()).await.unwrap();
    assert_eq!((schedule.has_conflict, schedule.publish_at), (Some(false), Some(at.clone())));
    sandbox.advance(Duration::from_secs(2));
    assert_eq!(client.create_publish_schedule(&project.id, &bare, youtube, detail.clone(), at).await.unwrap().has_conflict, Some(true));
    sandbox.advance(Duration::from_secs(2));
    client.cancel_publish_schedule(&schedule.schedule_id).await.unwrap();
    sandbox.advance(Duration::from_secs(2));
    let second = client.cancel_publish_schedule(&schedule.schedule_id).await.unwrap_err();
    assert_eq!((second.status(), second.message()), (Some(400), Some("Schedule task not found")));
    sandbox.advance(Duration::from_secs(2));
    // Past for the sandbox, whose time has been moved on, and not for the client.
    let past = Timestamp::from(sandbox.now() - Duration::from_secs(1));
    assert_eq!(client.create_publish_schedule(&project.id, &bare, youtube, detail.clone(), past).await.unwrap_err().status(), Some(400));
    sandbox.advance(Duration::from_secs(2));
    let page = &account(SocialPlatform::FacebookPage).post_account_id;
    let no_sub = client.create_post_task(&project.id, &bare, page, detail).await.unwrap_err();
    assert!(no_sub.message().unwrap().contains("subAccountId"), "{no_sub}");
    assert_eq!(client.list_brand_templates().await.unwrap().len(), 2);
    assert_eq!(client.list_projects().await.unwrap()[0].id, project.id);
    assert!(client.get_project("P00000000000").await.unwrap_err().is_not_found());
    assert!(client.list_clips(ClipSource::Project("P00000000000".into())).await.unwrap().is_empty());
    assert_eq!(client.create_project("https://example.com/a.mp4").await.unwrap_err().status(), Some(422));

    let journal = sandbox.journal();
    let seen: BTreeSet<&str> = journal.iter().map(|entry| entry.operation.as_str()).collect();
    let missing: Vec<&str> = OPERATIONS.iter().map(|operation| operation.id).filter(|id| !seen.contains(id)).collect();
    assert!(missing.is_empty(), "the tour leaves out {missing:?}");
    let departures: Vec<_> = journal.iter().filter(|entry| !entry.violations.is_empty()).collect();
    assert!(departures.is_empty(), "{departures:#?}");
}
