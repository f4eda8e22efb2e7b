use std::error::Error as _;
use std::io;
use std::sync::{Arc, OnceLock};

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::{
    AlertDescription, CertificateError, ClientConfig, Error, RootCertStore,
};

use super::causes;

/// Names of a certificate that are told.
const NAMES_TOLD: usize = 3;

/// Speaks TLS with whom the system trusts. That is what `SSL_CERT_FILE` and `SSL_CERT_DIR` say, or
/// else what is installed; where nothing is, the authorities that Mozilla trusts.
pub(crate) fn tls_connector() -> TlsConnector {
    static CONFIG: OnceLock<Arc<ClientConfig>> = OnceLock::new();
    let config = CONFIG.get_or_init(|| {
        let config = ClientConfig::builder().with_root_certificates(roots()).with_no_client_auth();
        Arc::new(config)
    });
    TlsConnector::from(Arc::clone(config))
}

fn roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!("trusted certificates: {error}");
    }
    let mut roots = RootCertStore::empty();
    let (added, ignored) = roots.add_parsable_certificates(found.certs);
    tracing::debug!(added, ignored, "trusted certificates of the system");
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    roots
}

/// Whether it will be no better the next time: going by the certificate, or the lack of one.
pub(crate) fn is_lasting(error: &io::Error) -> bool {
    matches!(
        rustls_error(error),
        Some(Error::InvalidCertificate(_) | Error::InvalidMessage(_) | Error::PeerIncompatible(_))
    )
}

fn rustls_error(error: &io::Error) -> Option<&Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<Error>())
}

/// Why no secure connection came about, for people.
pub(crate) fn why_insecure(error: &io::Error) -> String {
    let inner = rustls_error(error);
    let text = match inner {
        Some(Error::InvalidCertificate(error)) => certificate(error),
        Some(Error::InvalidMessage(_)) => Some("it does not speak TLS on this port".to_owned()),
        Some(Error::AlertReceived(AlertDescription::UnrecognisedName)) => {
            Some("it has no certificate for this name".to_owned())
        }
        Some(Error::PeerIncompatible(_) | Error::AlertReceived(_)) => {
            let raw = inner.map(ToString::to_string).unwrap_or_default();
            Some(format!("it cannot agree with us on how ({raw})"))
        }
        _ if error.kind() == io::ErrorKind::UnexpectedEof => {
            Some("it hangs up before there is one".to_owned())
        }
        _ => None,
    };
    text.unwrap_or_else(|| causes(error.source().unwrap_or(error)))
}

fn certificate(error: &CertificateError) -> Option<String> {
    Some(match error {
        CertificateError::UnknownIssuer => {
            "nobody trusted vouches for its certificate; if you trust who issued it, name a file \
             with the issuer's certificate in `SSL_CERT_FILE`"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired, going by this machine's clock".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet, going by this machine's clock".to_owned()
        }
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            let told: Vec<&str> =
                presented.iter().take(NAMES_TOLD).map(|name| bare(name)).collect();
            format!("its certificate is for other names: {}", told.join(", "))
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name".to_owned()
        }
        CertificateError::Revoked => "its certificate has been revoked".to_owned(),
        CertificateError::BadSignature | CertificateError::BadEncoding => {
            "its certificate is damaged or forged".to_owned()
        }
        CertificateError::Other(error) if error.to_string().contains("CaUsedAsEndEntity") => {
            "its certificate is that of an authority, which speaks for no server itself; let it \
             have another one (`basicConstraints=CA:FALSE`), and name a file with the issuer's in \
             `SSL_CERT_FILE`"
                .to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not one for servers".to_owned()
        }
        _ => return None,
    })
}

/// The name in `DnsName("mirror.example")`.
fn bare(name: &str) -> &str {
    name.split('"').nth(1).unwrap_or(name)
}

#[cfg(test)]
mod tests;
