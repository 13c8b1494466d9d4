//! File names: from what a clip is called to a name that every file system takes, and that no other clip has.

use std::collections::HashSet;

use icu_normalizer::ComposingNormalizerBorrowed;

/// The ending of every clip: what the links of the service lead to is MP4.
pub(super) const ENDING: &str = ".mp4";

/// The ending of a file that is not whole yet, after [`ENDING`].
pub(super) const PART: &str = ".part";

/// What file systems take for a name, in bytes, less the endings.
const LONGEST: usize = 255 - ENDING.len() - PART.len();

/// A name for a file or a folder that every file system and every shell takes, made of any text, as downloads name their files.
///
/// ```
/// assert_eq!(opusclip::portable_name("../AC/DC: live?").as_deref(), Some("_AC_DC_ live_"));
/// assert_eq!(opusclip::portable_name(".."), None);
/// ```
///
/// One component of at most 246 bytes, without separators, without control or invisible characters, and with nothing at its ends
/// that would be dropped, hidden or taken for an option. `None` where nothing is left.
#[must_use]
pub fn portable_name(text: &str) -> Option<String> {
    let name = clean(cut(&clean(text), LONGEST));
    (!name.is_empty()).then_some(name)
}

/// What a name is made from.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    /// With the least number of digits.
    Number(usize),
    Title,
    Id,
}

impl Template {
    /// The error says what is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("the template {text:?} {what}; there are {{number}}, {{number:02}}, {{title}} and {{id}}");
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or_else(|| wrong("has a `{` without its `}`"))?;
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(match name {
                "number" => Piece::Number(1),
                "title" => Piece::Title,
                "id" => Piece::Id,
                _ => match name.strip_prefix("number:0").and_then(|width| width.parse().ok()) {
                    Some(width @ 1..=9) => Piece::Number(width),
                    _ => return Err(wrong(&format!("has `{{{name}}}`"))),
                },
            });
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self(pieces))
    }

    /// A portable stem of a name; never empty.
    pub(super) fn stem(&self, number: usize, title: &str, id: &str) -> String {
        let (title, id) = (clean(title), clean(id));
        let title = if title.is_empty() { &id } else { &title };
        let render = |title: &str| -> String {
            let piece = |piece: &Piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Number(width) => format!("{number:0width$}"),
                Piece::Title => title.to_owned(),
                Piece::Id => id.clone(),
            };
            self.0.iter().map(piece).collect()
        };
        // It is the title that gives way, so that what tells the clips apart stays.
        let titles = self.0.iter().filter(|piece| **piece == Piece::Title).count().max(1);
        let room = LONGEST.saturating_sub(render("").len()) / titles;
        let stem = clean(cut(&clean(&render(cut(title, room))), LONGEST));
        if stem.is_empty() { "clip".to_owned() } else { stem }
    }
}

/// Whether a name is one that could have come from here: a single portable component.
pub(super) fn is_safe(name: &str) -> bool {
    name.strip_suffix(ENDING).is_some_and(|stem| !stem.is_empty() && stem.len() <= LONGEST && clean(stem) == stem)
}

/// The names that are given away, as a file system sees them that knows neither case nor ways to write an accent.
#[derive(Debug, Default)]
pub(super) struct Taken(HashSet<String>);

impl Taken {
    /// Takes a name as it is; `false` if it is not free.
    pub(super) fn take(&mut self, name: &str) -> bool {
        self.0.insert(fold(name))
    }

    /// A free name for this stem, with the ending, which is then taken.
    pub(super) fn claim(&mut self, stem: &str) -> String {
        let mut name = format!("{stem}{ENDING}");
        let mut count = 1_u64;
        while !self.take(&name) {
            count += 1;
            let suffix = format!("-{count}");
            name = format!("{}{suffix}{ENDING}", cut(stem, LONGEST - suffix.len()));
        }
        name
    }
}

/// The start of a text, at most so many bytes of it.
fn cut(text: &str, longest: usize) -> &str {
    let mut end = longest.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Leaves what every file system and every shell takes: no separators, no control or invisible characters, nothing at the ends
/// that would be dropped, hidden or taken for an option, and no device of Windows.
fn clean(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            _ if c.is_whitespace() => {
                if !name.ends_with(' ') {
                    name.push(' ');
                }
            }
            _ if c.is_control() || is_invisible(c) => {}
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => name.push('_'),
            _ => name.push(c),
        }
    }
    let name = name.trim_start_matches(['.', ' ', '-']).trim_end_matches(['.', ' ']);
    if is_device(name) { format!("_{name}") } else { name.to_owned() }
}

/// Characters that can make a name look like another one.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// To Windows these are devices, with any ending.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let port = |prefix: &str| {
        let mut number = stem.strip_prefix(prefix).unwrap_or_default().chars();
        matches!((number.next(), number.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    };
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"].contains(&stem.as_str()) || port("COM") || port("LPT")
}

/// Two names with the same fold may be the same file somewhere.
fn fold(name: &str) -> String {
    const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    let folded = NFKC.normalize(name).to_uppercase().to_lowercase();
    NFKC.normalize(&folded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(template: &str, title: &str) -> String {
        Template::parse(template).unwrap().stem(7, title, "CU1")
    }

    #[test]
    fn a_template_says_how_names_are_made() {
        assert_eq!(named("{number:02}-{title}", "How to win"), "07-How to win");
        assert_eq!(named("{number} {id} {title}{title}", "x"), "7 CU1 xx");
        assert_eq!(named("{title}", ""), "CU1");
        assert_eq!(named("", "x"), "clip");
        assert_eq!(named("{id}-{title}-{number:03}", &"é".repeat(400)).len(), LONGEST, "the title gives way");
        assert!(named("{title}-{number:03}", &"é".repeat(400)).ends_with("é-007"));
        for wrong in ["{", "{name}", "{number:2}", "{number:00}", "{number:010}", "{}", "{number:0x}"] {
            assert!(Template::parse(wrong).unwrap_err().contains("{number:02}"), "{wrong}");
        }
    }

    #[test]
    fn titles_become_names_that_every_system_takes() {
        for (title, name) in [
            ("../../etc/passwd", "_.._etc_passwd"),
            ("..", "CU1"),
            ("C:\\Windows\\x", "C__Windows_x"),
            ("a\tb\n  c", "a b c"),
            ("what?*<>|\":", "what_______"),
            ("-rf", "rf"),
            (".hidden...", "hidden"),
            ("NUL", "_NUL"),
            ("con.tar", "_con.tar"),
            ("Lpt¹", "_Lpt¹"),
            ("COM10", "COM10"),
            ("a\u{202e}4pm\u{0}", "a4pm"),
            ("日本語 🎬", "日本語 🎬"),
            ("\u{200b} .", "CU1"),
        ] {
            assert_eq!(named("{title}", title), name, "{title:?}");
        }
        for unsafe_name in ["../x.mp4", "x", ".mp4", "a/b.mp4", "NUL.mp4", "x .mp4", "C:x.mp4", "manifest.json", "/x.mp4"] {
            assert!(!is_safe(unsafe_name), "{unsafe_name}");
        }
    }

    #[test]
    fn names_that_some_system_takes_for_one_are_told_apart() {
        let mut taken = Taken::default();
        let claimed: Vec<String> =
            ["Straße", "STRASSE", "strasse", "\u{e9}", "e\u{301}", "É", "x-2", "x", "X"].map(|stem| taken.claim(stem)).into();
        assert_eq!(
            claimed,
            ["Straße.mp4", "STRASSE-2.mp4", "strasse-3.mp4", "\u{e9}.mp4", "e\u{301}-2.mp4", "É-3.mp4", "x-2.mp4", "x.mp4", "X-3.mp4"]
        );
    }

    /// Whatever the titles are: single components, portable, short enough, and no two of a folder the same.
    #[test]
    fn any_title_gives_a_safe_name_of_its_own() {
        const NASTY: [&str; 24] = [
            "/", "\\", "..", ".", " ", "\0", "\n", "CON", "nul", "COM1", ":", "é", "e\u{301}", "ß", "SS", "🎬", "\u{202e}", "\u{200d}",
            "-", "~", "K", "\u{212a}", "İ", "a",
        ];
        let mut random = fastrand::Rng::with_seed(7);
        let templates =
            ["{title}", "{number:02}-{title}", "{title}.{id}", "../{title}", "{title}{title}"].map(|text| Template::parse(text).unwrap());
        for _ in 0..10_000 {
            let mut taken = Taken::default();
            for number in 1..=10 {
                let mut title: String = (0..random.usize(..6)).map(|_| NASTY[random.usize(..NASTY.len())]).collect();
                if random.u8(..20) == 0 {
                    title = title.repeat(random.usize(1..100));
                }
                let name = taken.claim(&templates[random.usize(..templates.len())].stem(number, &title, &title));
                let whole = format!("{name}{PART}");
                assert!(is_safe(&name) && whole.len() <= 255, "{title:?} became {name:?}");
                let mut components = std::path::Path::new(&whole).components();
                assert!(matches!((components.next(), components.next()), (Some(std::path::Component::Normal(_)), None)), "{name:?}");
            }
            assert_eq!(taken.0.len(), 10);
        }
    }
}
