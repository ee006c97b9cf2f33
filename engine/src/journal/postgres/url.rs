//! A database's URL, which holds a password, and the certificates that its server is known by.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::JournalError;

/// The certificates that a Secret may hold beside the URL.
const CA_FILE: &str = "ca.crt";
const CONNECT: Duration = Duration::from_secs(5);
/// A network that carries nothing any more is noticed after this long; a server that is only
/// slow still acknowledges.
const SILENT_NETWORK: Duration = Duration::from_secs(10);

/// Where a database is, and how to get in. Never shown.
#[derive(Clone)]
pub struct DatabaseUrl {
    config: Box<Config>,
    reads: bool,
    tls: Option<Arc<ClientConfig>>,
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

impl DatabaseUrl {
    /// From `postgres://USER:PASSWORD@HOST:5432/DATABASE`. With `sslmode=require`, or where the
    /// server offers TLS, the server's certificate is verified against `roots` (PEM), or else
    /// against the system's.
    ///
    /// # Errors
    /// [`JournalError::Url`], which doesn't repeat the URL.
    pub fn new(url: &str, roots: Option<&[u8]>) -> Result<Self, JournalError> {
        let wrong = |why: String| JournalError::Url { why };
        let mut config: Config = url.trim().parse().map_err(|error: postgres::Error| {
            // The source names the option at fault; neither repeats the password.
            let source = std::error::Error::source(&error).map(ToString::to_string);
            wrong(source.unwrap_or_else(|| "it can't be read".into()))
        })?;
        if config.get_hosts().is_empty() {
            return Err(wrong("it names no host".into()));
        }
        config
            .connect_timeout(CONNECT)
            .tcp_user_timeout(SILENT_NETWORK)
            .keepalives_idle(SILENT_NETWORK)
            .keepalives_interval(SILENT_NETWORK / 5)
            .keepalives_retries(3);
        if config.get_application_name().is_none() {
            config.application_name("trunkline-engine");
        }
        // A socket of this machine has neither a network to listen on nor a name to certify.
        let here = |host: &Host| matches!(host, Host::Unix(_));
        let tls = match config.get_ssl_mode() {
            _ if config.get_hosts().iter().all(here) => None,
            SslMode::Disable => None,
            mode => trust(roots, mode == SslMode::Require).map_err(wrong)?,
        };
        if tls.is_none() {
            config.ssl_mode(SslMode::Disable);
        }
        Ok(Self {
            config: Box::new(config),
            reads: false,
            tls,
        })
    }

    /// The same, but the server lets nothing be written by it.
    pub(in crate::journal) fn read_only(mut self) -> Self {
        let given = self.config.get_options().unwrap_or_default();
        let options = format!("{given} -c default_transaction_read_only=on");
        self.config.options(options.trim());
        self.reads = true;
        self
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.reads
    }

    /// From a file; `ca.crt` beside it are the roots.
    ///
    /// # Errors
    /// [`JournalError::Open`], [`JournalError::Url`].
    pub fn read(file: &Path) -> Result<Self, JournalError> {
        let unread = |path: &Path, source| JournalError::Open {
            path: path.display().to_string(),
            source,
        };
        let url = std::fs::read_to_string(file).map_err(|source| unread(file, source))?;
        let beside = file.with_file_name(CA_FILE);
        let roots = match std::fs::read(&beside) {
            Ok(pem) => Some(pem),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(unread(&beside, source)),
        };
        Self::new(&url, roots.as_deref())
    }

    pub(super) fn connect(&self) -> Result<Client, postgres::Error> {
        match &self.tls {
            None => self.config.connect(NoTls),
            Some(tls) => {
                let tls = ClientConfig::clone(tls);
                self.config.connect(MakeRustlsConnect::new(tls))
            }
        }
    }
}

/// What servers are verified against; `None` where there is nothing to verify against and TLS is
/// not asked for.
fn trust(roots: Option<&[u8]>, required: bool) -> Result<Option<Arc<ClientConfig>>, String> {
    let mut store = RootCertStore::empty();
    match roots {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| format!("{CA_FILE}: {error}"))?;
                store
                    .add(certificate)
                    .map_err(|error| format!("{CA_FILE}: {error}"))?;
            }
        }
        None => {
            let system = rustls_native_certs::load_native_certs();
            store.add_parsable_certificates(system.certs);
        }
    }
    if store.is_empty() {
        return if required || roots.is_some() {
            Err(format!(
                "sslmode=require, and there is no certificate to know the server by: put its CA's under `{CA_FILE}` beside the URL"
            ))
        } else {
            Ok(None)
        };
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(store)
        .with_no_client_auth();
    Ok(Some(Arc::new(config)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_debug_nor_an_error_shows_the_password() {
        let url = DatabaseUrl::new("postgres://nw:hunter2@10.0.0.1/nw?sslmode=disable", None);
        assert!(!format!("{url:?}").contains("hunter2"));
        for bad in [
            "postgres://nw:hunter2@10.0.0.1:port/nw",
            "postgres://nw:hunter2@10.0.0.1/nw?ssl=hunter2",
            "mysql://nw:hunter2@10.0.0.1/nw",
            "postgres:///nw?user=hunter2",
            "hunter2",
        ] {
            let error = DatabaseUrl::new(bad, None).unwrap_err();
            let told = format!("{:#}", anyhow::Error::from(error));
            assert!(!told.contains("hunter2"), "{bad}: {told}");
            assert!(told.contains("want postgres://"), "{told}");
        }
    }

    #[test]
    fn tls_that_is_required_needs_something_to_know_the_server_by() {
        let error = DatabaseUrl::new("postgres://nw@db/nw?sslmode=require", Some(b"")).unwrap_err();
        assert!(error.to_string().contains("ca.crt"), "{error}");
    }
}
