//! Finds text that looks like a secret or like personal data, with as few false alarms as a fixture can stand.

use std::collections::BTreeSet;

/// From this length on, a text without visible structure is looked at for its randomness.
const RANDOM_LENGTH: usize = 40;
/// Bits per character above which such a text counts as random: words and ids stay below, keys lie above.
const RANDOM_BITS: f64 = 4.5;
/// Query parameters that carry the signature of a signed URL.
const SIGNATURES: [&str; 6] = ["x-goog-signature=", "x-amz-signature=", "x-amz-security-token=", "x-oss-signature=", "signature=", "sig="];
/// Words that mark a value as made up.
const MADE_UP: [&str; 8] = ["test", "example", "dummy", "fake", "placeholder", "sample", "redacted", "xxxx"];

/// What is allowed to look like a secret.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    domains: BTreeSet<String>,
}

impl Allowed {
    /// Allows e-mail addresses at the hosts of these URLs and at the domains that they belong to.
    #[must_use]
    pub fn for_servers<'a>(urls: impl IntoIterator<Item = &'a str>) -> Self {
        let hosts = urls.into_iter().filter_map(|url| url.split_once("://")).map(|(_, rest)| {
            let host = rest.split(['/', ':', '?']).next().unwrap_or_default();
            let labels: Vec<&str> = host.rsplitn(3, '.').take(2).collect();
            labels.into_iter().rev().collect::<Vec<_>>().join(".")
        });
        Self { domains: hosts.filter(|domain| domain.contains('.')).collect() }
    }

    fn domain(&self, domain: &str) -> bool {
        let within = |parent: &str| domain.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let reserved = ["example.com", "example.org", "example.net", "example", "test", "invalid", "localhost"];
        reserved.into_iter().any(within) || self.domains.iter().any(|parent| within(parent))
    }
}

/// What a text gives away, or `None`. The answer never repeats the secret.
///
/// ```
/// use opusclip_conformance::secrets::{Allowed, scan};
///
/// let allowed = Allowed::default();
/// assert_eq!(scan("write to jo@example.com", &allowed), None);
/// assert_eq!(scan("write to jo@corp.io", &allowed).as_deref(), Some("an e-mail address at corp.io"));
/// ```
#[must_use]
pub fn scan(text: &str, allowed: &Allowed) -> Option<String> {
    bearer(text).or_else(|| signed_url(text)).or_else(|| words(text).find_map(token)).or_else(|| email(text, allowed))
}

/// Splits at everything that cannot be part of a key, a token or an encoded value.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+')))
        .map(|word| word.trim_matches('.'))
        .filter(|word| !word.is_empty())
}

fn is_made_up(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    MADE_UP.iter().any(|word| lower.contains(word))
}

fn bearer(text: &str) -> Option<String> {
    let at = text.to_ascii_lowercase().find("bearer ")?;
    let value = text.get(at + "bearer ".len()..)?.split_whitespace().next()?;
    let is_token = value.len() >= 12 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
    (is_token && !is_made_up(value)).then(|| "a bearer token".to_owned())
}

fn signed_url(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    SIGNATURES.into_iter().find_map(|name| {
        let at = lower.find(name)?;
        let is_parameter = at == 0 || lower.get(..at).is_some_and(|before| before.ends_with(['?', '&']));
        let value = lower.get(at + name.len()..)?.split('&').next()?;
        let is_real = value.len() >= 20 && !is_made_up(value) && entropy(value) > 2.5;
        (is_parameter && is_real).then(|| format!("a signed URL ({})", name.trim_end_matches('=')))
    })
}

fn token(word: &str) -> Option<String> {
    if word.starts_with("eyJ") && word.split('.').count() == 3 && word.len() >= 40 {
        return Some("a JSON web token".to_owned());
    }
    if is_made_up(word) {
        return None;
    }
    let key = ["sk-", "sk_", "ghp_", "github_pat_", "xoxb-", "xoxp-", "AIza", "AKIA"]
        .into_iter()
        .find(|prefix| word.strip_prefix(prefix).is_some_and(|rest| rest.len() >= 16 && entropy(rest) > 2.5));
    if let Some(prefix) = key {
        return Some(format!("a key that begins with {prefix}"));
    }
    is_random(word).then(|| "a long random text".to_owned())
}

/// Whether a word looks drawn at random: long, of all three classes, without the shape of an id or of words.
fn is_random(word: &str) -> bool {
    let longest = word.split(['-', '_', '.']).map(str::len).max().unwrap_or_default();
    let classes = [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit];
    let mixed = classes.iter().all(|class| word.bytes().filter(class).count() >= 3);
    // Base64 of something readable is no secret by itself; words run together change case seldom.
    longest >= RANDOM_LENGTH && mixed && entropy(word) > RANDOM_BITS
}

/// Shannon entropy in bits per byte.
#[allow(clippy::cast_precision_loss, reason = "texts are far shorter than 2^52 bytes")]
fn entropy(text: &str) -> f64 {
    let mut counts = [0_usize; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length = text.len() as f64;
    let share = |count: &usize| *count as f64 / length;
    -counts.iter().filter(|count| **count > 0).map(|count| share(count) * share(count).log2()).sum::<f64>()
}

fn email(text: &str, allowed: &Allowed) -> Option<String> {
    let is_local = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-');
    let is_domain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    text.match_indices('@').find_map(|(at, _)| {
        let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
        let local = before.chars().next_back().is_some_and(is_local);
        let end = after.find(|c| !is_domain(c)).unwrap_or(after.len());
        let domain = after.get(..end)?.trim_end_matches('.').to_ascii_lowercase();
        let (host, top) = domain.rsplit_once('.')?;
        let is_host = !host.is_empty() && top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic());
        (local && is_host && !allowed.domain(&domain)).then(|| format!("an e-mail address at {domain}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finds(text: &str) -> Option<String> {
        scan(text, &Allowed::for_servers(["https://api.books.shop/v1"]))
    }

    #[test]
    fn speaks_about_secrets() {
        // Put together here, so that no scanner takes this file for a leak.
        let body = "9fK2mQ7xLpZ4";
        for (text, what) in [
            (format!("Bearer {body}{body}"), "bearer"),
            (format!("key sk-{body}{body} in text"), "sk-"),
            (format!("eyJhbGciOi{body}.eyJzdWIi{body}.{body}"), "web token"),
            (format!("https://s.example/o?X-Goog-Signature={body}{body}&a=1"), "signed URL"),
            ("jo.doe@gmail.com".to_owned(), "gmail.com"),
            (format!("{body}aB3dE5gH7jK9{}wX1yZ0cV8bN6", "tRqP5s"), "random"),
        ] {
            let found = finds(&text).unwrap_or_default();
            assert!(found.contains(what), "{text}: {found}");
            assert!(!found.contains(body), "the finding repeats the secret");
        }
    }

    #[test]
    fn is_silent_about_everything_that_fixtures_hold() {
        for text in [
            "Bearer sk-test-0123456789abcdef0123456789",
            "Bearer <token>",
            "sk-test-key",
            "a task-oriented-programming-language-manual",
            "3f2b8c1e-9d4a-4c6b-8e7f-0a1b2c3d4e5f",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709aabbccddeeff001122334455",
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ&signature=off",
            "https://storage.example.com/b/upload/org_a/video.mp4?X-Goog-Signature=example-signature-0001",
            "https://storage.example.com/o?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Date=20260101T000000Z",
            "jo@example.com, help@books.shop, help@mail.books.shop, @jo, a @ b.com, user@localhost",
            "2026-11-20T10:02:11.123Z",
            "TheQuickBrownFoxJumpsOverTheLazyDogAndThenSomeMoreWords",
            "SGVsbG8sIHdvcmxkIQ==",
        ] {
            assert_eq!(finds(text), None, "{text}");
        }
    }

    /// On both sides of each limit.
    #[test]
    fn a_text_counts_from_a_length_and_in_a_form() {
        // Put together here, so that no scanner takes this file for a leak.
        let twelve = "9fK2mQ7xLpZ4";
        let sixteen = format!("{twelve}aB3d");
        let twenty = format!("{sixteen}E5gH");
        let long = format!("{twenty}7jK9tRqP5sW2yZ0cV8bN");
        for (text, is_found) in [
            (format!("Bearer {twelve}"), true),
            (format!("bearer {}", &twelve[1..]), false),
            (format!("bearer {twelve}!"), false),
            (format!("a bEARER {twelve} b"), true),
            (format!("bearer\u{e4}{twelve}"), false),
            (format!("bearer {}", "-._~+/=aaaaa"), true),
            ("bearer".to_owned(), false),
            (format!("bearer test{twelve}"), false),
            (format!("sig={twenty}"), true),
            (format!("sig={}", &twenty[1..]), false),
            (format!("?sig={twenty}&x=1"), true),
            (format!("&SIG={twenty}"), true),
            (format!("a?xsig={twenty}"), false),
            (format!("?sig={}&{twenty}", &twelve), false),
            (format!("?sig={}", "aabb".repeat(8)), false),
            (format!("?sig=fake{twenty}"), false),
            (format!("sk-{sixteen}"), true),
            (format!("sk-{}", &sixteen[1..]), false),
            (format!("AKIA{}", "abcd".repeat(4)), false),
            (format!("xsk-{sixteen}"), false),
            (format!("(ghp_{sixteen})"), true),
            (format!("sk-{sixteen}."), true),
            (format!("sk-example{sixteen}"), false),
            (format!("eyJ{twelve}.{twelve}.{twelve}"), true),
            (format!("eyJ{}.{twelve}.{}", &twelve[2..], &twelve[2..]), false),
            (format!("eyJ{twelve}{twelve}.{twelve}"), false),
            (format!("eyx{twelve}.{twelve}.{twelve}"), false),
            (long.clone(), true),
            (long[1..].to_owned(), false),
            (long.to_ascii_lowercase(), false),
            (format!("{}-{}", &long[..20], &long[20..]), false),
            ("aB1".repeat(20), false),
        ] {
            assert_eq!(finds(&text).is_some(), is_found, "{text}: {:?}", finds(&text));
        }
    }

    #[test]
    fn entropy_is_in_bits_per_byte() {
        for (text, bits) in [("a", 0.0), ("ab", 1.0), ("aabb", 1.0), ("abcd", 2.0), ("aaab", 0.811_278_124_459_132_9), ("abcdefgh", 3.0)] {
            assert!((entropy(text) - bits).abs() < 1e-9, "{text}: {}", entropy(text));
        }
    }

    #[test]
    fn an_address_has_a_name_and_a_domain_that_is_not_reserved_or_ours() {
        for (text, domain) in [
            ("jo@corp.io", "corp.io"),
            ("jo@Corp.IO.", "corp.io"),
            ("<jo.doe+x%y_z-1@a-b.corp.io>", "a-b.corp.io"),
            ("@jo a@b.cd", "b.cd"),
            ("jo@notexample.com", "notexample.com"),
            ("jo@books.shop.io", "books.shop.io"),
            ("jo@ebooks.shop", "ebooks.shop"),
            ("jo@corp.example.io", "corp.example.io"),
        ] {
            assert_eq!(finds(text), Some(format!("an e-mail address at {domain}")), "{text}");
        }
        for text in
            ["@corp.io", "jo@corp", "jo@corp.i", "jo@corp.i0", "jo@.io", " @corp.io", "jo@", "jo@example", "jo@a.test", "jo@books.shop"]
        {
            assert_eq!(finds(text), None, "{text}");
        }
    }

    #[test]
    fn a_server_stands_for_the_domain_that_it_belongs_to() {
        for (url, domain, is_ours) in [
            ("https://api.books.shop", "books.shop", true),
            ("https://api.books.shop:8080/v1", "api.books.shop", true),
            ("https://books.shop?x", "mail.books.shop", true),
            ("https://eu.api.books.shop", "books.shop", true),
            ("https://api.books.shop", "shop", false),
            ("https://books", "books", false),
            ("api.books.shop", "books.shop", false),
        ] {
            assert_eq!(Allowed::for_servers([url]).domain(domain), is_ours, "{url} {domain}");
        }
    }
}
