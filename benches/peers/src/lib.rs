//! What the senders share: `PROGRAM URL WHAT [OPTION]…`.

use anyhow::{Context, Result};

/// The arguments of a sender.
pub struct Arguments {
    pub url: String,
    /// The file to send, or the folder to fetch to.
    pub path: String,
    options: Vec<String>,
}

impl Arguments {
    pub fn read() -> Result<Self> {
        let mut words = std::env::args().skip(1);
        let url = words.next().context("the first argument is the URL")?;
        let path = words.next().context("the second argument is a path")?;
        Ok(Self { url, path, options: words.collect() })
    }

    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|word| word == option)
    }

    pub fn value(&self, option: &str) -> Option<&str> {
        let at = self.options.iter().position(|word| word == option)?;
        self.options.get(at + 1).map(String::as_str)
    }

    pub fn number(&self, option: &str, default: usize) -> Result<usize> {
        self.value(option).map_or(Ok(default), |text| text.parse().with_context(|| format!("{option} {text}")))
    }

    /// A client set up as the library sets up its own; it trusts only the certificate that is named by `--cacert`, as curl does.
    pub fn http(&self) -> Result<reqwest::Client> {
        let builder = reqwest::Client::builder().http1_only().redirect(reqwest::redirect::Policy::none());
        let builder = match self.value("--cacert") {
            Some(path) => builder.tls_certs_only([reqwest::Certificate::from_pem(&std::fs::read(path)?)?]),
            None => builder,
        };
        Ok(builder.build()?)
    }
}
