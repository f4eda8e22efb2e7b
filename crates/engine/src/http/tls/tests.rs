use std::net::Ipv4Addr;

use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{InvalidMessage, PeerIncompatible};

use super::*;

#[test]
fn what_is_wrong_with_a_certificate_is_said_in_words() {
    let expected = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
    let presented = vec!["DnsName(\"a.example\")".to_owned(), "DnsName(\"b.example\")".to_owned()];
    let other = CertificateError::NotValidForNameContext { expected, presented };
    let rows = [
        (Error::InvalidCertificate(CertificateError::UnknownIssuer), "`SSL_CERT_FILE`"),
        (Error::InvalidCertificate(CertificateError::Expired), "has expired"),
        (Error::InvalidCertificate(CertificateError::NotValidYet), "not valid yet"),
        (Error::InvalidCertificate(other), "for other names: a.example, b.example"),
        (Error::InvalidCertificate(CertificateError::BadSignature), "forged"),
        (Error::InvalidMessage(InvalidMessage::InvalidContentType), "does not speak TLS"),
        (Error::AlertReceived(AlertDescription::UnrecognisedName), "no certificate for this name"),
        (Error::AlertReceived(AlertDescription::ProtocolVersion), "ProtocolVersion"),
        (Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered), "Tls12NotOffered"),
        (Error::General("so it goes".into()), "so it goes"),
    ];
    for (error, says) in rows {
        let lasts = !matches!(error, Error::AlertReceived(_) | Error::General(_));
        let error = io::Error::new(io::ErrorKind::InvalidData, error);
        let text = why_insecure(&error);
        assert!(text.contains(says), "{says}: {text}");
        assert_eq!(is_lasting(&error), lasts, "{text}");
    }
    let gone = io::Error::new(io::ErrorKind::UnexpectedEof, "tls handshake eof");
    assert!(why_insecure(&gone).contains("hangs up"));
    let broken = io::Error::from(io::ErrorKind::ConnectionReset);
    assert!(why_insecure(&broken).contains("reset"));
    assert!(!is_lasting(&gone) && !is_lasting(&broken), "it may be over the next time");
}
