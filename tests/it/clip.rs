use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use opusclip::{Client, ClipEvent, ClipToken, Clipped, Clipping, Error, ResumeStore, WaitOutcome};
use opusclip_sandbox::{Sandbox, SandboxBuilder};

use crate::support::together;

const SIZE: usize = (600 << 10) + 1;

fn sandbox() -> SandboxBuilder {
    Sandbox::builder().without_rate_limits()
}

struct Desk {
    sandbox: Arc<Sandbox>,
    client: Client,
    folder: tempfile::TempDir,
}

impl Desk {
    async fn new() -> Self {
        let (sandbox, client) = together(sandbox()).await;
        let desk = Self { sandbox, client, folder: tempfile::tempdir().unwrap() };
        std::fs::write(desk.video(), vec![7; SIZE]).unwrap();
        desk
    }

    fn video(&self) -> PathBuf {
        self.folder.path().join("Talk of May.mp4")
    }

    fn store(&self) -> ResumeStore {
        ResumeStore::open(self.folder.path().join("store")).unwrap()
    }

    fn clip(&self) -> Clipping {
        self.client.clip(self.video()).with_store(&self.store())
    }

    fn projects(&self) -> u64 {
        self.sandbox.journal().iter().filter(|entry| entry.operation == "create_project" && entry.effect).count() as u64
    }
}

/// The events up to the end or an error, by name.
async fn events(clipping: &mut Clipping) -> (Vec<&'static str>, Result<Clipped, Error>) {
    let mut names = Vec::new();
    loop {
        names.push(match clipping.next().await {
            Ok(Some(ClipEvent::Token(_))) => "token",
            Ok(Some(ClipEvent::Uploaded(_))) => "uploaded",
            Ok(Some(ClipEvent::Created(_))) => "created",
            Ok(Some(ClipEvent::Creating)) => "creating",
            Ok(Some(ClipEvent::Waiting(_))) => continue,
            Ok(Some(ClipEvent::Ended(clipped))) => return (names, Ok(clipped)),
            Ok(other) => panic!("{other:?}"),
            Err(error) => return (names, Err(error)),
        });
    }
}

#[tokio::test]
async fn a_video_becomes_clips_and_is_billed_once() {
    let desk = Desk::new().await;
    let (names, done) = events(&mut desk.clip()).await;
    assert!(names.ends_with(&["uploaded", "creating", "token", "created"]), "{names:?}");
    let done = done.unwrap();
    assert!(matches!(&done.outcome, WaitOutcome::Ready { clips, .. } if clips.len() == 3), "{done:?}");
    let journal = desk.sandbox.journal();
    let body = journal.iter().find(|entry| entry.operation == "create_project").unwrap().body.clone().unwrap();
    assert_eq!(body["videoUrl"], done.uploaded.as_ref().unwrap().upload_id.as_str());
    let title = body["uploadedVideoAttr"]["title"].as_str().unwrap();
    assert!(title.starts_with("Talk of May [oc-"), "{title}");
    // The same again is the same project; after `forget` it is another one.
    let (names, same) = events(&mut desk.clip()).await;
    assert_eq!((names, same.unwrap().project), (vec!["created"], done.project.clone()));
    assert_eq!(desk.projects(), 1);
    let error = desk.clip().with_project(|call| call.with_brand_template_id("bt_1")).await.unwrap_err();
    assert!(error.is_invalid_input() && error.to_string().contains("other options"), "{error}");
    // A 404 may be that of a gateway.
    desk.sandbox.fault("get_project=status:404:html").unwrap();
    for _ in 0..2 {
        assert_eq!(desk.clip().await.unwrap().outcome, WaitOutcome::Gone);
    }
    desk.sandbox.clear_faults();
    desk.sandbox.fault("get_project#1=status:404:html").unwrap();
    assert!(matches!(desk.clip().await.unwrap().outcome, WaitOutcome::Ready { .. }), "one is not believed");
    assert_eq!((desk.clip().await.unwrap().project, desk.projects()), (done.project.clone(), 1));
    desk.clip().forget().await.unwrap();
    assert_ne!(desk.clip().await.unwrap().project, done.project);
    assert_eq!(desk.projects(), 2);
}

/// Begins again from the store alone after a process that died, and makes sure that there is one project in the end.
async fn goes_on(desk: &Desk, before: u64, place: &str) {
    let (again, result) = loop {
        let mut again = desk.clip();
        match events(&mut again).await {
            // Unlike one that was killed, a task that was dropped ends what it has begun to write; and time here only passes in sleep.
            (_, Err(error)) if error.is_in_use() => {}
            (_, result) => break (again, result),
        }
    };
    if let Err(error) = result {
        assert!(error.is_outcome_unknown() && error.attempted().is_some(), "{place}: {error:#?}");
        let token = again.token().unwrap().clone();
        drop(again);
        // A third time: it does not ask on its own.
        assert!(desk.clip().await.unwrap_err().is_outcome_unknown(), "{place}");
        // Somebody looks, and knows.
        if desk.projects() == before {
            desk.clip().with_token(token.not_found().unwrap()).await.unwrap();
        }
    }
    assert_eq!(desk.projects(), before + 1, "{place}");
    // Only so many projects may be in work at once.
    desk.sandbox.advance(Duration::from_secs(3600));
}

/// Stops after so many polls, in the middle of whatever it is at.
#[tokio::test]
async fn interrupted_anywhere_it_goes_on_and_is_billed_once() {
    let desk = Desk::new().await;
    let mut stops = 0;
    loop {
        std::fs::write(desk.video(), vec![u8::try_from(stops).unwrap(); SIZE]).unwrap();
        desk.sandbox.clear_faults();
        desk.sandbox.fault("send_upload_bytes#1=reset-at:300000").unwrap();
        // The list that nobody documents is not to be relied on.
        desk.sandbox.fault("list_projects=status:404").unwrap();
        let before = desk.projects();
        let mut clipping = desk.clip();
        let is_done = {
            let mut work = std::pin::pin!(events(&mut clipping));
            let mut polls = 0;
            std::future::poll_fn(|context| {
                polls += 1;
                if polls > stops { Poll::Ready(false) } else { work.as_mut().poll(context).map(|_| true) }
            })
            .await
        };
        if is_done {
            break;
        }
        let place = format!("{stops}: {clipping:?}");
        drop(clipping);
        goes_on(&desk, before, &place).await;
        stops += 3;
    }
    assert!(stops > 12, "it was only stopped {stops} times");
}

/// The same around the one call that bills, where it matters most.
#[tokio::test]
async fn interrupted_while_the_project_is_created_it_is_not_created_again() {
    let desk = Desk::new().await;
    let mut sent = 0;
    for polls in 0..12 {
        std::fs::write(desk.video(), vec![polls; SIZE]).unwrap();
        desk.sandbox.fault("list_projects=status:404").unwrap();
        let before = desk.projects();
        let mut clipping = desk.clip();
        loop {
            if let Some(ClipEvent::Token(token)) = clipping.next().await.unwrap()
                && token.attempted().is_some()
            {
                break;
            }
        }
        {
            let mut asking = std::pin::pin!(clipping.next());
            for _ in 0..polls {
                if futures_util::poll!(asking.as_mut()).is_ready() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let place = format!("{polls} polls: {clipping:?}");
        drop(clipping);
        // What is on its way arrives.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        sent += desk.projects() - before;
        goes_on(&desk, before, &place).await;
    }
    assert!((1..12).contains(&sent), "{sent} of 12 calls had arrived when they were given up");
}

#[tokio::test]
async fn a_lost_reply_is_looked_for_and_never_asked_for_again() {
    let desk = Desk::new().await;
    desk.sandbox.fault("create_project#1=lost").unwrap();
    let mut clipping = desk.clip();
    let (_, result) = events(&mut clipping).await;
    let error = result.unwrap_err();
    assert!(error.is_outcome_unknown() && error.attempted().unwrap().reference().is_some(), "{error}");
    assert!(clipping.next().await.unwrap().is_none(), "it is over");
    let token = clipping.token().unwrap().clone();
    drop(clipping);
    // Where it cannot be looked for, nobody knows.
    desk.sandbox.fault("list_projects#1=status:500").unwrap();
    let error = desk.clip().await.unwrap_err();
    assert!(error.is_outcome_unknown() && error.to_string().contains("500"), "{error}");
    // The reference in its title tells it.
    let done = desk.clip().await.unwrap();
    assert_eq!(desk.projects(), 1);
    assert!(matches!(done.outcome, WaitOutcome::Ready { .. }));
    // Or somebody has found it.
    let text = serde_json::to_string(&token).unwrap();
    let token: ClipToken = serde_json::from_str(&text).unwrap();
    assert_eq!(desk.clip().with_token(token.found(done.project.clone()).unwrap()).await.unwrap().project, done.project);
    let error = desk.token_of_an_upload().await.found("P1").unwrap_err();
    assert!(error.is_invalid_input(), "{error}");
    let gone = desk.token_of_an_upload().await;
    assert!(gone.uploaded().is_some() && gone.project().is_none() && gone.attempted().is_none());
    assert_eq!(desk.projects(), 1);
}

impl Desk {
    async fn token_of_an_upload(&self) -> ClipToken {
        let mut clipping = self.client.clip(vec![1_u8; 99]);
        loop {
            if let Some(ClipEvent::Uploaded(_)) = clipping.next().await.unwrap() {
                return clipping.token().unwrap().clone();
            }
        }
    }
}

#[tokio::test]
async fn what_is_refused_is_not_done_and_may_be_asked_again() {
    let desk = Desk::new().await;
    desk.sandbox.fault("create_project#1=status:402").unwrap();
    let error = desk.clip().await.unwrap_err();
    assert!(error.is_quota_exhausted() && !error.is_outcome_unknown(), "{error}");
    let uploads = desk.sandbox.count("start_upload_session");
    desk.clip().await.unwrap();
    assert_eq!((desk.projects(), desk.sandbox.count("start_upload_session")), (1, uploads), "the upload is not made again");
}

#[tokio::test]
async fn nothing_is_billed_for_what_is_not_known_to_be_whole() {
    let desk = Desk::new().await;
    desk.sandbox.fault("send_upload_bytes=no-header:x-goog-hash").unwrap();
    let error = desk.clip().await.unwrap_err();
    assert!(error.to_string().contains("with_unverified_uploads"), "{error}");
    assert_eq!(desk.projects(), 0);
    desk.clip().with_unverified_uploads().await.unwrap();
    assert_eq!(desk.projects(), 1);
    desk.sandbox.clear_faults();
    desk.sandbox.fault("send_upload_bytes=header:x-goog-hash:crc32c=AAAAAA==").unwrap();
    assert!(desk.client.clip(vec![1_u8; 99]).await.unwrap_err().is_corrupt());
    desk.sandbox.clear_faults();
    let error = desk.client.clip(Vec::new()).await.unwrap_err();
    assert!(error.is_invalid_input() && error.to_string().contains("empty"), "{error}");
    assert_eq!(desk.projects(), 1);
}

#[tokio::test]
async fn wrong_options_are_told_before_the_upload() {
    let desk = Desk::new().await;
    let wrong = desk.clip().with_project(|call| {
        let actions = vec![opusclip::types::ConclusionAction::new("WEBHOOK")];
        call.with_conclusion_actions(actions)
    });
    let error = wrong.await.unwrap_err();
    assert!(error.is_invalid_input(), "{error}");
    assert!(desk.sandbox.journal().is_empty());
}

/// Every future of `next` is dropped after one poll: nothing of the upload and its end is lost with it.
#[tokio::test]
async fn futures_that_are_dropped_lose_no_event() {
    let desk = Desk::new().await;
    let mut clipping = desk.clip();
    let mut names = Vec::new();
    let ended = loop {
        let event = match futures_util::poll!(std::pin::pin!(clipping.next())) {
            Poll::Pending => {
                tokio::task::yield_now().await;
                continue;
            }
            Poll::Ready(event) => event.unwrap(),
        };
        match event {
            Some(ClipEvent::Uploaded(_)) => names.push("uploaded"),
            Some(ClipEvent::Created(_)) => names.push("created"),
            Some(ClipEvent::Token(token)) if token.attempted().is_some() => {
                names.push("token");
                // The one call that is not to be given up.
                let Some(ClipEvent::Created(_)) = clipping.next().await.unwrap() else { panic!("a project") };
                names.push("created");
            }
            Some(ClipEvent::Ended(clipped)) => break clipped,
            None => panic!("the end without its event after {names:?}"),
            _ => {}
        }
    };
    assert_eq!(names, ["uploaded", "token", "created"]);
    assert!(matches!(ended.outcome, WaitOutcome::Ready { .. }));
}

/// A token that cannot be of this source does not take the place of what the store knows.
#[tokio::test]
async fn a_wrong_token_does_not_overwrite_what_is_kept() {
    let desk = Desk::new().await;
    let done = desk.clip().await.unwrap();
    let mut other = desk.client.clip(vec![9; SIZE]);
    desk.sandbox.fault("send_upload_bytes=status:403").unwrap();
    other.next().await.unwrap();
    while other.next().await.is_ok() {}
    desk.sandbox.clear_faults();
    let uploading = other.token().unwrap().clone();
    let uploaded = desk.token_of_an_upload().await;
    let later = serde_json::to_string(&uploaded).unwrap().replacen("\"version\":1", "\"version\":2", 1);
    for wrong in [uploading, uploaded, serde_json::from_str(&later).unwrap()] {
        let error = desk.clip().with_token(wrong).await.unwrap_err();
        assert!(error.is_source_changed() || error.is_invalid_input(), "{error}");
        assert_eq!(desk.clip().await.unwrap().project, done.project);
    }
    assert_eq!(desk.projects(), 1);
}

/// What is asked while it is still looking at the store is done as well.
#[tokio::test]
async fn it_is_forgotten_also_while_it_begins() {
    let desk = Desk::new().await;
    let done = desk.clip().await.unwrap();
    let mut clipping = desk.clip();
    // How far it comes in one turn depends on the threads that read.
    let _ = futures_util::poll!(std::pin::pin!(clipping.next()));
    clipping.forget().await.unwrap();
    assert_ne!(desk.clip().await.unwrap().project, done.project);
}

/// Sources without a name and a time are told apart by all of their bytes.
#[tokio::test]
async fn two_sources_that_look_alike_are_not_one() {
    let desk = Desk::new().await;
    let one = vec![7; SIZE];
    let mut two = one.clone();
    two[SIZE / 2] = 8;
    let one = desk.client.clip(one).with_store(&desk.store()).await.unwrap();
    let two = desk.client.clip(two).with_store(&desk.store()).await.unwrap();
    assert_ne!(one.project, two.project);
    assert_ne!(one.uploaded.unwrap().crc32c, two.uploaded.unwrap().crc32c);
}

const URL: &str = "https://www.youtube.com/watch?v=LXvv6CbGg8A";

#[tokio::test]
async fn a_video_with_an_address_is_billed_once_and_uploaded_never() {
    let desk = Desk::new().await;
    let clip = |url: &str| desk.client.clip_url(url).with_store(&desk.store());
    let (names, done) = events(&mut clip(URL)).await;
    let done = done.unwrap();
    assert_eq!((names, &done.uploaded, done.outcome.clips().len()), (vec!["creating", "token", "created"], &None, 3));
    let (names, same) = events(&mut clip(URL)).await;
    assert_eq!((names, same.unwrap().project), (vec!["created"], done.project.clone()));
    assert_ne!(clip("https://www.youtube.com/watch?v=another0001").await.unwrap().project, done.project);
    assert_eq!((desk.projects(), desk.sandbox.count("create_upload_link")), (2, 0));
    let error = clip("ftp://example.com/video.mp4").await.unwrap_err();
    assert!(error.is_invalid_input(), "{error}");
    clip(URL).forget().await.unwrap();
    assert_ne!(clip(URL).await.unwrap().project, done.project);
}

#[tokio::test]
async fn a_lost_reply_to_an_address_is_not_asked_for_again() {
    let desk = Desk::new().await;
    desk.sandbox.fault("create_project#1=lost").unwrap();
    desk.sandbox.fault("list_projects=status:404").unwrap();
    let clip = || desk.client.clip_url(URL).with_store(&desk.store());
    let mut first = clip();
    let (_, error) = events(&mut first).await;
    assert!(error.unwrap_err().is_outcome_unknown());
    let token = first.token().unwrap().clone();
    drop(first);
    assert!(clip().await.unwrap_err().is_outcome_unknown());
    assert_eq!(desk.sandbox.count("create_project"), 1);
    // With the list it is found, since it carries its reference or its address.
    desk.sandbox.clear_faults();
    let (names, done) = events(&mut clip()).await;
    assert_eq!((names, done.unwrap().outcome.clips().len()), (vec!["created"], 3));
    let error = desk.client.clip(desk.video()).with_token(token.clone()).await.unwrap_err();
    assert!(error.is_invalid_input() && error.to_string().contains("one of an address"), "{error}");
    let again = clip().with_token(token.not_found().unwrap()).await.unwrap();
    assert_eq!((again.outcome.clips().len(), desk.projects()), (3, 2));
    let uploading = desk.token_of_an_upload().await;
    let error = clip().with_token(uploading).await.unwrap_err();
    assert!(error.is_invalid_input() && error.to_string().contains("one of an upload"), "{error}");
}
