//! What the service says: whether it is there, takes key and organisation, and what time it has.

use std::time::{Duration, SystemTime};

use opusclip::RawReply;

use super::Finding;
use crate::auth::{Key, Secret, probe};
use crate::failure::{Code, Failure};
use crate::settings::{Origin, Settings};

/// How old a webhook may be, and with it how wrong a clock.
const TOLERANCE: Duration = Duration::from_secs(300);

/// From here on it is worth a word.
const NOTABLE: Duration = Duration::from_secs(30);

pub(super) async fn check(settings: &Settings, key: Option<Key>) -> Vec<Finding> {
    let has_key = key.is_some();
    // Any answer shows that the address is there; without a key it is a refusal.
    let secret = key.map_or_else(|| Secret::new("sk-not-a-key"), |key| key.secret);
    let account = settings.account_with(&secret);
    let asked = account.clock().system_time();
    let reply = match probe::ask(&account).await {
        Ok(reply) => reply,
        Err(error) => return unreachable(settings, &error),
    };
    let answered = account.clock().system_time();
    let mut findings = vec![address(settings, &reply)];
    let is_the_api = findings.iter().all(|finding| finding.state == super::State::Ok);
    if !has_key || !is_the_api {
        let why = if has_key { "not known: the address comes first" } else { "not known: there is no key to ask with" };
        findings.extend(["key accepted", "organisation"].map(|check| Finding::skipped(check, why)));
    } else {
        findings.extend(account_of(settings, &secret, &reply).await);
    }
    findings.push(clock(settings, &reply, asked, answered));
    findings
}

fn unreachable(settings: &Settings, error: &opusclip::Error) -> Vec<Finding> {
    let url = &settings.base_url.value;
    let failure = Failure::from(error);
    let failure = if error.is_invalid_input() {
        failure
    } else {
        let why = probe::cause(error).unwrap_or_else(|| error.to_string());
        let next = match settings.base_url.from {
            Origin::Default => "look at the network, a proxy, a firewall".to_owned(),
            ref from => format!("look at the network, a proxy, a firewall, and the address, which comes from {from}"),
        };
        Failure::new(Code::Upstream, format!("{url} does not answer: {why}")).with_next(next)
    };
    let skipped = ["key accepted", "organisation", "clock"].map(|check| Finding::skipped(check, "not known: the address comes first"));
    std::iter::once(Finding::fault("address", &failure)).chain(skipped).collect()
}

fn address(settings: &Settings, reply: &RawReply) -> Finding {
    let url = &settings.base_url.value;
    match probe::judge(reply) {
        Err(failure) if failure.code == Code::Upstream => {
            let next = failure.next().unwrap_or_default().to_owned();
            Finding::fault("address", &Failure::new(Code::Upstream, format!("{url}: {failure}")).with_next(next))
        }
        _ if settings.base_url.from == Origin::Default => Finding::ok("address", format!("{url} answers")),
        _ => Finding::ok("address", format!("{url} answers (from {})", settings.base_url.from)),
    }
}

/// Whether key and organisation are taken. Only where they are not is it worth a second call to tell which one it is.
async fn account_of(settings: &Settings, secret: &Secret, reply: &RawReply) -> [Finding; 2] {
    const KEY: &str = "key accepted";
    const ORG: &str = "organisation";
    let Err(refusal) = probe::judge(reply) else {
        let org = settings.org.as_ref().map_or_else(
            || "none is chosen, which is that of the key".to_owned(),
            |org| format!("{} is accepted (from {})", org.value, org.from),
        );
        return [Finding::ok(KEY, format!("the service takes it ({})", reply.status())), Finding::ok(ORG, org)];
    };
    if refusal.code == Code::RateLimited {
        let next = "run it again in a minute: another program uses the same key";
        return [
            Finding::warning(KEY, format!("not known: {refusal}"), next),
            Finding::skipped(ORG, "not known: the service does not answer in full"),
        ];
    }
    let Some(org) = &settings.org else {
        return [Finding::fault(KEY, &refusal), Finding::skipped(ORG, "none is chosen")];
    };
    let mut alone = settings.clone();
    alone.org = None;
    match probe::check(&alone.account_with(secret)).await {
        Ok(()) => {
            let failure = Failure::new(refusal.code, format!("{} is refused, without it the key is taken: {refusal}", org.value));
            let next = format!("look at the id, which comes from {}; the key may be of another organisation", org.from);
            [Finding::ok(KEY, "the service takes it"), Finding::fault(ORG, &failure.with_next(next))]
        }
        Err(failure) => [Finding::fault(KEY, &failure), Finding::skipped(ORG, "not known: the key comes first")],
    }
}

/// This machine's time against that of the service, which tells whole seconds.
fn clock(settings: &Settings, reply: &RawReply, asked: SystemTime, answered: SystemTime) -> Finding {
    const CHECK: &str = "clock";
    if let Some(speed) = &settings.speed {
        return Finding::skipped(CHECK, format!("time goes {} times as fast (from {})", speed.value, speed.from));
    }
    let Some(theirs) = reply.header("date").and_then(|date| httpdate::parse_http_date(date).ok()) else {
        return Finding::skipped(CHECK, "not known: the service tells no time");
    };
    let Some((skew, is_ahead)) = skew(theirs, asked, answered) else { return Finding::ok(CHECK, "as the service's") };
    let text = format!(
        "{} {} of the service's",
        humantime::format_duration(Duration::from_secs(skew.as_secs())),
        if is_ahead { "ahead" } else { "behind" }
    );
    let next = "set the clock, best by NTP";
    if skew >= TOLERANCE {
        let why = "webhooks would be refused as too old, and links taken for expired";
        Finding::fault(CHECK, &Failure::new(Code::General, format!("{text}: {why}")).with_next(next))
    } else if skew >= NOTABLE {
        Finding::warning(CHECK, format!("{text}; from {} on webhooks are refused", humantime::format_duration(TOLERANCE)), next)
    } else {
        Finding::ok(CHECK, text)
    }
}

/// How far this clock is off at the least, and whether it is ahead; nothing where it may be right.
fn skew(theirs: SystemTime, asked: SystemTime, answered: SystemTime) -> Option<(Duration, bool)> {
    let is_off = |skew: &Duration| *skew >= Duration::from_secs(1);
    let behind = theirs.duration_since(answered).ok().filter(is_off).map(|skew| (skew, false));
    // The second that they tell may be over.
    behind.or_else(|| asked.duration_since(theirs + Duration::from_secs(1)).ok().filter(is_off).map(|skew| (skew, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_only_where_no_delay_explains_it() {
        let at = |seconds: f64| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds);
        assert_eq!(skew(at(100.0), at(99.0), at(101.0)), None);
        assert_eq!(skew(at(100.0), at(100.9), at(101.9)), None, "within their second");
        assert_eq!(skew(at(100.0), at(50.0), at(130.0)), None, "an answer that took long");
        assert_eq!(skew(at(100.0), at(39.0), at(40.0)), Some((Duration::from_secs(60), false)));
        assert_eq!(skew(at(100.0), at(401.0), at(402.0)), Some((Duration::from_secs(300), true)));
    }
}
