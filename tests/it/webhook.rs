use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use opusclip::types::{ProjectId, ProjectStage};
use opusclip::webhook::{Event, MemoryGuard, Reason, Rejection, TOLERANCE, sign, verify};

const KEY: &str = "sk-test_0123456789abcdef";
const SALT: &str = "0f1e2d3c4b5a6978";
const BODY: &str = r#"{"projectId":"P0000000demo","stage":"COMPLETE"}"#;
const SIGNATURE: &str = "6074f658049387e58138b07d6a976008764927d9560330ce01acc4b61594ec35";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_780_000_000)
}

fn headers<'a>(signature: &'a str, salt: &'a str, timestamp: &'a str) -> Vec<(&'static str, &'a str)> {
    vec![("X-Opus-Signature", signature), ("X-Opus-Salt", salt), ("x-opus-timestamp", timestamp)]
}

fn check(signature: &str, body: &str) -> Result<Event, Rejection> {
    verify(&headers(signature, SALT, "1780000000")[..], body.as_bytes(), KEY, now(), &())
}

fn reason(outcome: Result<Event, Rejection>) -> Option<Reason> {
    outcome.err().map(|rejection| rejection.reason())
}

/// `shared/api/webhook-vectors.json`: made here, not published by the vendor.
#[test]
fn the_vectors_verify_and_the_mistakes_do_not() {
    let genuine = [
        (BODY, SIGNATURE),
        (r#"{"projectId": "P0000000demo", "stage": "COMPLETE"}"#, "349db9c4ef413e85f4554296c861811597f3e95d04ac9f59cff4b0bc753cd3e0"),
        (r#"{"title":"Café ☕"}"#, "8d16470dba29bcfbed5a4e72e4353ac0423dc7b86dbfc95f4f11e8e445ea4b24"),
        ("", "cdfb803e89b22d5e254561b5531dcc43561ddf8ca022b1ee1c671be36447f847"),
    ];
    for (body, signature) in genuine {
        assert_eq!(sign(KEY, SALT, body.as_bytes()), signature, "{body}");
        assert_eq!(check(signature, body).unwrap().bytes(), body.as_bytes());
        assert!(check(&signature.to_uppercase(), body).is_ok(), "either case is taken");
    }
    let mistakes = [
        ("salt first", "0bedf60f213a11c82230e3acb9c91e5241b66e68119d93ec91a381071db8cfff"),
        ("salt as bytes", "8b06fbe7001a17c1682d8611c91c9a0fe0be820a00a28826f01f9524af51059c"),
        ("timestamp appended", "439db9034b1512d9ef33cfcb8e6d3e1783e08e1eeec01a3f3394b7e9229c72d1"),
        ("key without sk-", "182780e9523288d4e134d58457fae6b32c4ead04269caf8bc6e6397c480db0c1"),
        ("another key", "6d1508180815508fe00e1dd32be12a1b04684a980905cc5f3ff6fe91a857466c"),
        ("another body", "349db9c4ef413e85f4554296c861811597f3e95d04ac9f59cff4b0bc753cd3e0"),
    ];
    for (mistake, signature) in mistakes {
        assert_eq!(reason(check(signature, BODY)), Some(Reason::Signature), "{mistake}");
    }
    for text in ["YHT2WASTh+WBOLB9apdgCHZJJ9lWAzDOAazEthWU7DU=", &SIGNATURE[1..], &format!("{SIGNATURE}0"), &SIGNATURE.replace('6', "é")] {
        assert_eq!(reason(check(text, BODY)), Some(Reason::Header), "{text}");
    }
}

#[test]
fn headers_come_from_a_header_map_too_and_none_may_be_there_twice() {
    let mut map = HeaderMap::new();
    for (name, value) in headers(SIGNATURE, SALT, "1780000000") {
        let outcome = verify(&map, BODY.as_bytes(), KEY, now(), &());
        assert_eq!(reason(outcome), Some(Reason::Header), "before {name}");
        map.insert(http::HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    assert!(verify(&map, BODY.as_bytes(), KEY, now(), &()).is_ok());
    map.append("x-opus-salt", "ffff".parse().unwrap());
    let twice = verify(&map, BODY.as_bytes(), KEY, now(), &()).unwrap_err();
    assert!(twice.reason() == Reason::Header && twice.to_string().contains("x-opus-salt"), "{twice}");
    let mut pairs = headers(SIGNATURE, SALT, "1780000000");
    pairs.push(("x-OPUS-salt", SALT));
    assert_eq!(reason(verify(&pairs[..], BODY.as_bytes(), KEY, now(), &())), Some(Reason::Header));
}

#[test]
fn a_message_is_fresh_within_five_minutes_in_seconds_or_milliseconds() {
    let at = |timestamp: &str| reason(verify(&headers(SIGNATURE, SALT, timestamp)[..], BODY.as_bytes(), KEY, now(), &()));
    for fresh in ["1780000000", "1779999700", "1780000300", "1780000000123", " 1780000000 "] {
        assert_eq!(at(fresh), None, "{fresh}");
    }
    for stale in ["1779999699", "1780000301", "0", "17800000000", "1780000400000"] {
        assert_eq!(at(stale), Some(Reason::Stale), "{stale}");
    }
    for wrong in ["", "soon", "-1780000000", "1.78e9", "99999999999999999999"] {
        assert_eq!(at(wrong), Some(Reason::Header), "{wrong}");
    }
    assert_eq!(TOLERANCE, Duration::from_secs(300));
}

#[test]
fn a_message_is_taken_once_also_with_a_new_timestamp() {
    let guard = MemoryGuard::with_capacity(2);
    let salt = |number: u64| format!("{number:016x}");
    let receive = |salt: &str, timestamp: &str| {
        let signature = sign(KEY, salt, BODY.as_bytes());
        reason(verify(&headers(&signature, salt, timestamp)[..], BODY.as_bytes(), KEY, now(), &guard))
    };
    let forged = verify(&headers(&"0".repeat(64), &salt(1), "1780000000")[..], BODY.as_bytes(), KEY, now(), &guard);
    assert_eq!(reason(forged), Some(Reason::Signature));
    assert_eq!(receive(&salt(1), "1780000000"), None, "what was refused is not remembered");
    assert_eq!(receive(&salt(1), "1780000001"), Some(Reason::Replay));
    assert_eq!((receive(&salt(2), "1780000000"), receive(&salt(3), "1780000000")), (None, None));
    assert_eq!(receive(&salt(3), "1780000000"), Some(Reason::Replay));
    assert_eq!(receive(&salt(1), "1780000000"), None, "the capacity is the limit of memory");
}

#[test]
fn an_event_shows_what_may_be_there_and_never_guesses() {
    let event = |body: &str| check(&sign(KEY, SALT, body.as_bytes()), body).unwrap();
    let known = [
        (BODY, Some("P0000000demo"), Some("COMPLETE")),
        (r#"{"id":"P1","status":"DONE"}"#, Some("P1"), Some("DONE")),
        (r#"{"project":{"id":"P1","stage":"STALLED"}}"#, Some("P1"), Some("STALLED")),
        (r#"{"data":{"projectId":"P1"}}"#, Some("P1"), None),
        (r#"{"projectId":7,"stage":null}"#, None, None),
        (r#"["P1"]"#, None, None),
        (r#"{"projectId":""}"#, None, None),
        ("not JSON", None, None),
        ("", None, None),
    ];
    for (body, id, stage) in known {
        let event = event(body);
        assert_eq!((event.project_id(), event.stage()), (id.map(ProjectId::from), stage.map(ProjectStage::from)), "{body}");
        assert_eq!((event.bytes(), event.salt(), event.sent_at()), (body.as_bytes(), SALT, now()));
    }
    let stalled = event(r#"{"projectId":"P1","stage":"STALLED","error":"no sound"}"#);
    assert_eq!(stalled.error(), Some("no sound"));
    let members: std::collections::BTreeMap<String, String> = stalled.json().unwrap();
    assert_eq!(members["error"], "no sound");
    assert!(stalled.json::<Vec<u8>>().unwrap_err().is_invalid_input());
}

#[test]
fn no_secret_and_no_signature_is_told_to_anybody() {
    for secret in ["", "  "] {
        let signature = sign("", SALT, BODY.as_bytes());
        let outcome = verify(&headers(&signature, SALT, "1780000000")[..], BODY.as_bytes(), secret, now(), &());
        assert_eq!(reason(outcome), Some(Reason::NoSecret), "anybody can sign with an empty key");
    }
    let wrong = check(&"0".repeat(64), BODY).unwrap_err();
    let told = format!("{wrong} {wrong:?}");
    assert!(!told.contains(KEY) && !told.contains(SIGNATURE) && !told.contains("P0000000demo"), "{told}");
}

/// Whatever arrives, nothing panics, and nothing is taken that was not signed.
#[test]
fn no_made_up_message_is_taken() {
    let mut random = fastrand::Rng::with_seed(7);
    let alphabet: Vec<char> = "0123456789abcdefABCDEF-+ e.\u{0}é\u{1f600}".chars().collect();
    for _ in 0..100_000 {
        let mut text = |length: usize| (0..random.usize(..=length)).map(|_| alphabet[random.usize(..alphabet.len())]).collect::<String>();
        let (signature, salt, timestamp, body) = (text(70), text(20), text(14), text(40));
        let near = random.bool();
        let signature = if near { sign(KEY, &salt, body.as_bytes()) } else { signature };
        let timestamp = if near { "1780000000".to_owned() } else { timestamp };
        let mut changed = body.clone().into_bytes();
        changed.push(random.u8(..));
        let outcome = verify(&headers(&signature, &salt, &timestamp)[..], &changed, KEY, now(), &());
        assert!(outcome.is_err(), "{signature} {salt} {timestamp} {changed:?}");
    }
}

/// Body and salt are signed without anything between them, so bytes could wander from one to the other.
#[test]
fn no_byte_moves_between_body_and_salt() {
    let guard = MemoryGuard::new();
    let whole = format!("{BODY}{SALT}");
    for cut in 0..=whole.len() {
        let (body, salt) = whole.split_at(cut);
        let taken = verify(&headers(SIGNATURE, salt, "1780000000")[..], body.as_bytes(), KEY, now(), &guard).is_ok();
        assert_eq!(taken, body == BODY, "{body} {salt}");
    }
}
