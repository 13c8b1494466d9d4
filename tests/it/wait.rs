use std::time::Duration;

use opusclip::types::{ProjectId, ProjectStage};
use opusclip::{Client, WaitEvent, WaitOutcome};
use opusclip_sandbox::{ExportLinks, Sandbox};

use crate::support::together;

const VIDEO: &str = "https://www.youtube.com/watch?v=LXvv6CbGg8A";

async fn project(client: &Client, video: &str) -> ProjectId {
    client.create_project(video).await.unwrap().id
}

#[tokio::test]
async fn a_project_is_waited_for_through_its_stages() {
    let (sandbox, client) = together(Sandbox::builder()).await;
    let id = project(&client, VIDEO).await;
    let mut wait = client.wait(&id);
    let mut stages = Vec::new();
    let outcome = loop {
        match wait.next().await.unwrap().unwrap() {
            WaitEvent::Stage(stage) => stages.push(stage.to_string()),
            WaitEvent::Ended(outcome) => break outcome,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(stages, ["QUEUED", "IMPORT", "CURATE", "REFINE", "RENDER", "UPLOAD", "COMPLETE"]);
    let WaitOutcome::Ready { project, clips } = &outcome else { panic!("{outcome:?}") };
    assert_eq!((&project.id, clips.len(), outcome.clips().len()), (&id, 3, 3));
    assert!(wait.next().await.unwrap().is_none(), "the end comes once");
    let looks = sandbox.count("get_project");
    assert!((20..=22).contains(&looks), "every 30 s for ten minutes: {looks}");
}

#[tokio::test]
async fn all_pages_of_clips_are_read() {
    let (_, client) = together(Sandbox::builder().with_clips(120)).await;
    let id = project(&client, VIDEO).await;
    assert_eq!(client.wait(&id).await.unwrap().clips().len(), 120);
}

#[tokio::test]
async fn each_end_is_told_apart() {
    let (sandbox, client) = together(Sandbox::builder().with_export_links(ExportLinks::Never)).await;
    let previews = client.wait(&project(&client, VIDEO).await).with_interval(Duration::from_secs(60)).await.unwrap();
    assert!(matches!(&previews, WaitOutcome::PreviewsOnly { clips, .. } if clips.len() == 3), "{previews:?}");
    let none = client.wait(&project(&client, "https://youtu.be/sandbox-no-clips").await).await.unwrap();
    assert!(matches!(none, WaitOutcome::NoClips { .. }), "{none:?}");
    let stalled = client.wait(&project(&client, "https://youtu.be/sandbox-stall").await).await.unwrap();
    assert!(matches!(&stalled, WaitOutcome::Stalled { project } if project.stall_count == Some(1)), "{stalled:?}");
    assert_eq!(client.wait("P00000000000").await.unwrap(), WaitOutcome::Gone);
    let id = project(&client, VIDEO).await;
    let before = sandbox.now();
    let early = client.wait(&id).with_deadline(Duration::from_secs(100)).await.unwrap();
    assert_eq!(early, WaitOutcome::Deadline { stage: Some(ProjectStage::Curate) });
    assert_eq!(sandbox.now().duration_since(before).unwrap(), Duration::from_secs(100), "the last pause is cut to the deadline");
}

#[tokio::test]
async fn links_that_come_late_are_waited_for() {
    let late = ExportLinks::After(Duration::from_secs(200));
    let (_, client) = together(Sandbox::builder().with_export_links(late)).await;
    let id = project(&client, VIDEO).await;
    let mut settling = 0;
    let mut wait = client.wait(&id);
    loop {
        match wait.next().await.unwrap().unwrap() {
            WaitEvent::Settling { exportable, .. } => settling += exportable,
            WaitEvent::Ended(outcome) => {
                assert!(matches!(outcome, WaitOutcome::Ready { .. }), "{outcome:?}");
                break;
            }
            _ => {}
        }
    }
    assert_eq!(settling, 3);
}

#[tokio::test]
async fn trouble_is_told_and_waited_out_but_a_wrong_key_is_an_error() {
    let (sandbox, client) = together(Sandbox::builder()).await;
    let id = project(&client, VIDEO).await;
    sandbox.fault("get_project#1-2=status:503").unwrap();
    sandbox.fault("get_project#3=reset").unwrap();
    sandbox.fault("get_project#4=unknown-enum").unwrap();
    sandbox.fault("list_clips#1=status:502:html").unwrap();
    sandbox.fault("list_clips#2=empty").unwrap();
    let (mut troubles, mut odd) = (Vec::new(), false);
    let mut wait = client.wait(&id);
    let outcome = loop {
        match wait.next().await.unwrap().unwrap() {
            WaitEvent::Trouble(error) => troubles.push(error.status()),
            WaitEvent::Stage(ProjectStage::Other(_)) => odd = true,
            WaitEvent::Ended(outcome) => break outcome,
            _ => {}
        }
    };
    assert!(matches!(outcome, WaitOutcome::Ready { .. }), "{outcome:?}");
    assert_eq!(troubles, [Some(503), Some(503), None, Some(502), Some(200)]);
    assert!(odd, "an unknown stage is progress");
    sandbox.fault("get_project=status:401").unwrap();
    assert!(client.wait(&id).await.unwrap_err().is_unauthorized());
}

#[tokio::test]
async fn a_nudge_ends_the_pause() {
    let sandbox = Sandbox::builder().with_speed(0.0).start().await.unwrap();
    let client = sandbox.client();
    let id = project(&client, VIDEO).await;
    let mut wait = client.wait(&id).with_interval(Duration::from_secs(3600));
    let nudger = wait.nudger();
    assert!(matches!(wait.next().await.unwrap(), Some(WaitEvent::Stage(ProjectStage::Queued))));
    // Nobody waits for an hour here: the pause is in real time, and the nudge ends it.
    sandbox.advance(Duration::from_secs(600));
    nudger.nudge();
    assert!(matches!(wait.next().await.unwrap(), Some(WaitEvent::Stage(ProjectStage::Complete))));
}

#[tokio::test]
async fn a_caller_that_does_other_things_between_misses_nothing() {
    let sandbox = Sandbox::builder().with_speed(0.0).start().await.unwrap();
    let client = sandbox.client();
    let id = project(&client, VIDEO).await;
    let mut wait = client.wait(&id).with_interval(Duration::from_secs(1));
    wait.next().await.unwrap();
    sandbox.advance(Duration::from_secs(600));
    let mut ticks = 0;
    loop {
        // A tick is far shorter than the pause, which goes on where it was.
        match tokio::time::timeout(Duration::from_millis(5), wait.next()).await {
            Ok(event) => break assert!(matches!(event.unwrap(), Some(WaitEvent::Stage(ProjectStage::Complete)))),
            Err(_) => ticks += 1,
        }
        assert!(ticks < 1000, "no look in five times the pause");
    }
}

#[tokio::test]
async fn before_a_verdict_there_is_a_last_look() {
    let late = ExportLinks::After(Duration::from_secs(20));
    let (_, client) = together(Sandbox::builder().with_export_links(late)).await;
    let id = project(&client, VIDEO).await;
    let outcome = client.wait(&id).with_settling(Duration::from_secs(1)).await.unwrap();
    assert!(matches!(outcome, WaitOutcome::Ready { .. }), "the links came during the pause: {outcome:?}");
    let (sandbox, client) = together(Sandbox::builder()).await;
    let id = project(&client, "https://youtu.be/sandbox-stall").await;
    sandbox.advance(Duration::from_secs(600));
    client.wait(&id).with_stall_patience(Duration::from_secs(1)).await.unwrap();
    assert_eq!(sandbox.count("get_project"), 2);
}

#[tokio::test]
async fn the_deadline_holds_while_a_look_hangs() {
    let sandbox = Sandbox::builder().with_speed(0.0).start().await.unwrap();
    let client = sandbox.client();
    let id = project(&client, VIDEO).await;
    sandbox.fault("get_project=delay:1h").unwrap();
    let outcome = client.wait(&id).with_deadline(Duration::ZERO).await.unwrap();
    assert_eq!(outcome, WaitOutcome::Deadline { stage: None });
}
