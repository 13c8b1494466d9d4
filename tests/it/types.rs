use std::time::{Duration, SystemTime};

use opusclip::types::{
    BrandTemplate, Clip, ClipId, Collection, FullClipId, GenerativeProgress, Hashtags, List, Project, ProjectId, ProjectStage, TimeRange,
    Timestamp,
};
use serde_json::{Value, json};

#[test]
fn an_id_is_split_at_the_first_dot() {
    let id = FullClipId::parse("P0000000demo.CU1.2_bonus").unwrap();
    assert_eq!((id.project(), id.clip()), (Some(ProjectId::from("P0000000demo")), ClipId::from("CU1.2_bonus")));
    assert_eq!(ClipId::from(&id), ClipId::from("CU1.2_bonus"));
    let bare: FullClipId = serde_json::from_value(json!("CU67da38")).unwrap();
    assert_eq!((bare.project(), bare.clip()), (None, ClipId::from("CU67da38")));
}

#[test]
fn an_enum_keeps_what_nobody_listed() {
    let project: Project = serde_json::from_value(json!({"id": "P1", "stage": "TELEPORT"})).unwrap();
    assert_eq!(project.stage, Some(ProjectStage::Other("TELEPORT".to_owned())));
    assert_eq!(serde_json::to_value(&project).unwrap(), json!({"id": "P1", "stage": "TELEPORT"}));
    assert_eq!(ProjectStage::from("COMPLETE"), ProjectStage::Complete);
    assert_eq!(ProjectStage::from("COMPLETE".to_owned()), ProjectStage::Complete);
    assert!(ProjectStage::KNOWN.contains(&"STALLED"));
}

#[test]
fn null_and_absent_are_the_same_and_floats_can_be_whole() {
    let clip: Clip = serde_json::from_value(
        json!({"id": "P1.CU1", "durationMs": 19478.0, "storageUsed": null, "keywords": null, "renderPref": null, "brandNew": {}}),
    )
    .unwrap();
    assert_eq!((clip.duration_ms, clip.storage_used, &clip.keywords), (Some(19478), None, &None));
    assert_eq!(clip, serde_json::from_value(json!({"id": "P1.CU1", "durationMs": 19478})).unwrap());
    assert!(serde_json::from_value::<Clip>(json!({"id": "P1.CU1", "durationMs": 0.5})).is_err());
    assert!(serde_json::from_value::<Clip>(json!({"id": "P1.CU1", "durationMs": 1e300})).is_err());
    assert!(serde_json::from_value::<Clip>(json!({"id": "P1.CU1", "durationMs": u64::MAX})).is_err());
    assert!(serde_json::from_value::<Clip>(json!({})).is_err(), "an id is required");
}

#[test]
fn a_list_comes_out_of_every_envelope_and_goes_back_into_it() {
    let items = json!([{"collectionId": "c1"}, {"collectionId": "c2"}]);
    let envelopes = [
        items.clone(),
        json!({"data": items}),
        json!({"data": {"list": items, "total": 12, "next": "abc", "limit": 2}}),
        json!({"list": items, "total": 12}),
        json!({"total": 12, "data": items}),
    ];
    for envelope in envelopes {
        let list: List<Collection> = serde_json::from_value(envelope.clone()).unwrap();
        assert_eq!(list.len(), 2, "{envelope}");
        assert_eq!(serde_json::to_value(&list).unwrap(), envelope);
    }
    let list: List<Collection> = serde_json::from_value(json!({"data": {"list": [], "total": 12.0, "next": 7, "limit": null}})).unwrap();
    assert_eq!((list.total(), list.next(), list.limit()), (Some(12), Some("7".to_owned()), None));
}

#[test]
fn values_in_odd_forms_are_read_and_kept() {
    let clip: Clip =
        serde_json::from_value(json!({"clip_id": "P1.CU1", "project_id": "P1", "preview_url": "https://x.example/a.mp4"})).unwrap();
    assert_eq!(
        (clip.id.as_str(), clip.project_id, clip.uri_for_preview.as_deref()),
        ("P1.CU1", Some(ProjectId::from("P1")), Some("https://x.example/a.mp4"))
    );
    // Its own name counts, whichever comes first.
    for both in [r#"{"id": "P1.CU1", "clip_id": "x"}"#, r#"{"clip_id": "x", "id": "P1.CU1"}"#] {
        assert_eq!(serde_json::from_str::<Clip>(both).unwrap().id.as_str(), "P1.CU1", "{both}");
    }
    let template: BrandTemplate = serde_json::from_str(r#"{"id": "row 7", "brandTemplateId": "cm32", "name": "Karaoke"}"#).unwrap();
    assert_eq!((template.template_id.as_str(), template.name.as_deref()), ("cm32", Some("Karaoke")));
    assert!(serde_json::from_str::<Clip>(r#"{"id": "a", "id": "b"}"#).unwrap_err().to_string().contains("duplicate"));
    let tags: Hashtags = serde_json::from_value(json!(["#a", "#b"])).unwrap();
    assert_eq!((tags.to_string().as_str(), serde_json::to_value(&tags).unwrap()), ("#a #b", json!(["#a", "#b"])));
    assert_eq!(Hashtags::from("#a  #b").iter().collect::<Vec<_>>(), ["#a", "#b"]);
    assert!(serde_json::from_value::<Hashtags>(json!(7)).unwrap_err().to_string().contains("hashtags"));
    let number: GenerativeProgress = serde_json::from_value(json!(40)).unwrap();
    assert_eq!((number.fraction(), number.number()), (None, Some(40.0)));
    let object: GenerativeProgress = serde_json::from_value(json!({"status": "PROCESSING", "progress": 100})).unwrap();
    assert_eq!((object.status().map(|status| status.to_string()), object.number()), (Some("PROCESSING".to_owned()), Some(100.0)));
    assert!(serde_json::from_value::<GenerativeProgress>(json!("half")).is_err());
    let range: TimeRange = serde_json::from_value(json!([192_170, -1])).unwrap();
    assert_eq!((range.start(), range.end(), range.end_ms()), (Duration::from_millis(192_170), Duration::ZERO, -1.0));
}

#[test]
fn a_timestamp_is_read_leniently_and_never_breaks() {
    let at = |text: &str| Timestamp::from(text).to_system_time();
    let expected = SystemTime::UNIX_EPOCH + Duration::from_millis(1_732_004_262_832);
    assert_eq!(at("2024-11-19T08:17:42.832Z"), Some(expected));
    assert_eq!(at("2024-11-19 08:17:42.832"), Some(expected));
    assert_eq!((at(""), at("soon"), at("2024-11-19T08:17:42+02:00")), (None, None, None));
    assert_eq!(Timestamp::from(expected).as_str(), "2024-11-19T08:17:42.832Z");
    let project: Project = serde_json::from_value(json!({"id": "P1", "createdAt": "yesterday"})).unwrap();
    assert_eq!(serde_json::to_value(project).unwrap()["createdAt"], Value::from("yesterday"));
}
