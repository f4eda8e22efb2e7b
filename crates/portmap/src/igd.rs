//! What UPnP routers describe and are told (Internet Gateway Device 1 and 2).

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use crate::mapping::Mapping;
use crate::ssdp::{self, Location};
use crate::xml::{self, Step};

/// Services of one device that are tried.
const SERVICES_MAX: usize = 8;

/// What the router shows its owner.
const DESCRIPTION: &str = "Fluvial";

/// An HTTP request to a device: a POST where there is a body, otherwise a GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// To be named with the answer.
    pub id: u64,
    /// The device.
    pub to: SocketAddr,
    /// What is asked there, from its first `/` on.
    pub path: String,
    /// The value of the header `SOAPAction`, and the body, `text/xml; charset="utf-8"`.
    pub soap: Option<(String, String)>,
}

/// The answer to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// HTTP's status.
    pub status: u16,
    /// Of what came no more than [`Answer::BODY_MAX`].
    pub body: Vec<u8>,
}

impl Answer {
    /// A longer body is of no use.
    pub const BODY_MAX: usize = xml::DOCUMENT_MAX;
}

/// A service that maps ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Service {
    pub(crate) kind: Kind,
    pub(crate) control: Location,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Ip2,
    Ip1,
    Ppp1,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Ip2, Self::Ip1, Self::Ppp1];

    fn urn(self) -> &'static str {
        match self {
            Self::Ip2 => "urn:schemas-upnp-org:service:WANIPConnection:2",
            Self::Ip1 => "urn:schemas-upnp-org:service:WANIPConnection:1",
            Self::Ppp1 => "urn:schemas-upnp-org:service:WANPPPConnection:1",
        }
    }
}

/// Reads a device's description: the services that map ports, the best first. What is controlled at
/// another address than that of the device is left out.
pub(crate) fn services(description: &[u8], at: &Location) -> Vec<Service> {
    let base = xml::text_of(description, "URLBase").and_then(|url| ssdp::parse_url(&url));
    let base = base.filter(|base| base.address.ip() == at.address.ip());
    let base = base.as_ref().unwrap_or(at);
    let (mut found, mut kind, mut control) = (Vec::new(), None, None);
    xml::walk(description, &mut |step| match step {
        Step::Text("serviceType", text) => {
            kind = Kind::ALL.into_iter().find(|kind| kind.urn() == text);
        }
        Step::Text("controlURL", text) => control = resolve(text, base),
        Step::End("service") => {
            if let (Some(kind), Some(control)) = (kind.take(), control.take())
                && found.len() < SERVICES_MAX
            {
                found.push(Service { kind, control });
            }
        }
        _ => {}
    });
    found.sort_by_key(|service| service.kind);
    found
}

fn resolve(url: &str, base: &Location) -> Option<Location> {
    if url.contains("://") {
        return ssdp::parse_url(url).filter(|it| it.address.ip() == base.address.ip());
    }
    let path = if url.starts_with('/') {
        url.to_owned()
    } else {
        let folder = base.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{url}")
    };
    ssdp::is_path(&path).then_some(Location { address: base.address, path })
}

/// What a service is asked to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    ExternalAddress,
    /// Lease in seconds, 0 for ever; `any` leaves the port outside to the router (version 2).
    Add {
        mapping: Mapping,
        external: u16,
        client: Ipv4Addr,
        lease: u32,
        any: bool,
    },
    Delete {
        mapping: Mapping,
        external: u16,
    },
}

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::ExternalAddress => "GetExternalIPAddress",
            Self::Add { any: true, .. } => "AddAnyPortMapping",
            Self::Add { any: false, .. } => "AddPortMapping",
            Self::Delete { .. } => "DeletePortMapping",
        }
    }

    /// The header's value and the body that ask a service for this (UPnP Device Architecture 1.1
    /// §3.2).
    pub(crate) fn to_soap(self, kind: Kind) -> (String, String) {
        let (name, urn) = (self.name(), kind.urn());
        let mut body = format!(
            "<?xml version=\"1.0\"?>\r\n\
             <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>\
             <u:{name} xmlns:u=\"{urn}\">"
        );
        let mut put = |name: &str, value: &dyn std::fmt::Display| {
            write!(body, "<{name}>{value}</{name}>").expect("strings take everything");
        };
        let head = match self {
            Self::ExternalAddress => None,
            Self::Add { mapping, external, .. } | Self::Delete { mapping, external } => {
                Some((mapping, external))
            }
        };
        if let Some((mapping, external)) = head {
            put("NewRemoteHost", &"");
            put("NewExternalPort", &external);
            put("NewProtocol", &mapping.transport);
        }
        if let Self::Add { mapping, client, lease, .. } = self {
            put("NewInternalPort", &mapping.port);
            put("NewInternalClient", &client);
            put("NewEnabled", &1);
            put("NewPortMappingDescription", &DESCRIPTION);
            put("NewLeaseDuration", &lease);
        }
        write!(body, "</u:{name}></s:Body></s:Envelope>\r\n").expect("strings take everything");
        (format!("\"{urn}#{name}\""), body)
    }
}

/// What became of an action: what it returned, or UPnP's number of the error.
pub(crate) fn outcome(answer: &Answer, value: &str) -> Result<Option<String>, u16> {
    if answer.status == 200 {
        return Ok(xml::text_of(&answer.body, value));
    }
    let code = xml::text_of(&answer.body, "errorCode").and_then(|code| code.parse().ok());
    Err(code.unwrap_or(answer.status))
}
