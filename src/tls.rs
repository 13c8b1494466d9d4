//! Which TLS the client's connections use.

/// A builder whose connections work without the application installing anything.
#[cfg(all(feature = "rustls-ring", not(feature = "rustls")))]
pub(crate) fn client() -> reqwest::ClientBuilder {
    use rustls_platform_verifier::BuilderVerifierExt;

    // A provider named here, and not the process-wide default: that one belongs to the application.
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map(rustls::ConfigBuilder::<rustls::ClientConfig, _>::with_no_client_auth);
    match config {
        Ok(config) => reqwest::Client::builder().tls_backend_preconfigured(config),
        // reqwest reports the same trouble with the system's certificates when it builds the client.
        Err(_) => reqwest::Client::builder(),
    }
}

/// A builder with the TLS that reqwest was built with.
#[cfg(not(all(feature = "rustls-ring", not(feature = "rustls"))))]
pub(crate) fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
}
