//! The servers of a document, and the mock server that stands for all of them.

use std::cmp::Reverse;
use std::net::SocketAddr;

use crate::spec::Spec;

/// URLs of the API, and what stands for them on the mock server: `<base>/~N/…` for server N.
pub(crate) struct Servers {
    urls: Vec<String>,
    address: SocketAddr,
}

impl Servers {
    pub(crate) fn new(spec: &Spec, address: SocketAddr) -> Self {
        let mut urls = spec.servers();
        // The longest comes first, so that a URL is never cut at a server that is the beginning of another.
        urls.sort_by_key(|server| Reverse(server.len()));
        Self { urls, address }
    }

    /// A text that begins with the URL of a server, turned to the mock server; any other as it is.
    pub(crate) fn turned(&self, text: &str, base: &str) -> String {
        let turned = self.urls.iter().enumerate().find_map(|(index, server)| {
            let rest = text.strip_prefix(server.as_str())?;
            (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then(|| format!("{base}/~{index}{rest}"))
        });
        turned.unwrap_or_else(|| text.to_owned())
    }

    /// The text with every address of the mock server turned back into what it stands for.
    pub(crate) fn neutral(&self, text: &str, base: &str) -> String {
        let mut text = text.to_owned();
        for (index, server) in self.urls.iter().enumerate() {
            text = text.replace(&format!("{base}/~{index}"), server);
        }
        text.replace(base, "<base>").replace(&self.address.to_string(), "<server>")
    }
}

/// The path without the number that says which server's URL it was.
pub(crate) fn without_marker(path: &str) -> &str {
    let Some(rest) = path.strip_prefix("/~") else { return path };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    match rest.split_at_checked(digits) {
        Some((number, rest)) if !number.is_empty() && (rest.is_empty() || rest.starts_with('/')) => rest,
        _ => path,
    }
}
