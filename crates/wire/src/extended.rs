use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bencode::{Dict, Limits, Mode};

use crate::WireError;

/// The longest client name kept, in bytes.
const CLIENT_MAX: usize = 64;

/// The extensions known here (BEP 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    /// `ut_metadata` (BEP 9).
    Metadata,
    /// `ut_pex` (BEP 11).
    Pex,
    /// `lt_donthave` (BEP 54).
    DontHave,
    /// `upload_only`: a change of the state of BEP 21, one byte.
    UploadOnly,
    /// `ut_holepunch` (BEP 55).
    Holepunch,
}

impl Extension {
    /// All of them, in the byte order of their names.
    pub const ALL: [Self; 5] =
        [Self::DontHave, Self::UploadOnly, Self::Holepunch, Self::Metadata, Self::Pex];

    /// The key in the handshake's dictionary `m`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metadata => "ut_metadata",
            Self::Pex => "ut_pex",
            Self::DontHave => "lt_donthave",
            Self::UploadOnly => "upload_only",
            Self::Holepunch => "ut_holepunch",
        }
    }
}

/// The numbers under which one side wants to receive each extension; 0 is off (BEP 10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct ExtensionIds([u8; 5]);

impl ExtensionIds {
    /// The numbers that Fluvial receives under.
    pub const OURS: Self = Self([1, 2, 3, 4, 5]);

    /// The same without an extension.
    pub const fn without(mut self, extension: Extension) -> Self {
        self.0[extension as usize] = 0;
        self
    }

    /// The number to send `extension` under; `None` when the receiver does not take it.
    pub fn id(self, extension: Extension) -> Option<u8> {
        Some(self.0[extension as usize]).filter(|&id| id != 0)
    }

    /// Which extension arrived under `id`.
    pub fn extension(self, id: u8) -> Option<Extension> {
        Extension::ALL.into_iter().find(|&extension| self.id(extension) == Some(id))
    }

    /// Sets the number of `extension`; 0 switches it off.
    pub fn set(&mut self, extension: Extension, id: u8) {
        self.0[extension as usize] = id;
    }
}

/// The handshake of the extension protocol (BEP 10). It may be sent again later; what a later
/// one leaves out stays as it was.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct ExtendedHandshake {
    /// `m`: extension by extension the new number, 0 for off, `None` where it is not mentioned.
    pub ids: [Option<u8>; 5],
    /// `v`: the client's name and version.
    pub client: Option<String>,
    /// `p`: the port where the sender listens.
    pub port: Option<u16>,
    /// `reqq`: how many requests the sender keeps in its queue.
    pub reqq: Option<u32>,
    /// `metadata_size` in bytes (BEP 9).
    pub metadata_size: Option<u64>,
    /// `yourip`: the receiver's address as the sender sees it.
    pub your_ip: Option<IpAddr>,
    /// `ipv4`: an address of the sender.
    pub ipv4: Option<Ipv4Addr>,
    /// `ipv6`: an address of the sender.
    pub ipv6: Option<Ipv6Addr>,
    /// `upload_only` (BEP 21).
    pub upload_only: Option<bool>,
    /// `fluvial_uplink`: what the sender can upload at, in bytes per second. Fluvial's own key,
    /// from which the efficiency of a transfer is reckoned.
    pub uplink: Option<u64>,
}

impl ExtendedHandshake {
    /// States every number of `ids`.
    pub fn with_ids(mut self, ids: ExtensionIds) -> Self {
        self.ids = ids.0.map(Some);
        self
    }

    /// Applies what this handshake says to the numbers known so far.
    pub fn update(&self, ids: &mut ExtensionIds) {
        for (at, id) in self.ids.iter().enumerate() {
            if let Some(id) = id {
                ids.0[at] = *id;
            }
        }
    }

    /// Reads the payload of the extended message 0. A key of the wrong type or out of range counts
    /// as absent, since clients differ here.
    ///
    /// # Errors
    /// When it is not a dictionary.
    pub fn decode(payload: &[u8]) -> Result<Self, WireError> {
        let malformed = WireError::Malformed { what: "extension handshake" };
        // Some clients append bytes to the dictionary.
        let decoded = bencode::decode_prefix(payload, Mode::Lenient, Limits::MESSAGE);
        let (value, _) = decoded.map_err(|_| malformed)?;
        let dict = value.as_dict().ok_or(malformed)?;
        let narrow = |key: &str| dict.uint(key);
        Ok(Self {
            ids: dict.dict("m").map(extension_ids).unwrap_or_default(),
            client: dict.bytes("v").map(client_name),
            port: narrow("p").and_then(|port| port.try_into().ok()).filter(|&port: &u16| port != 0),
            reqq: narrow("reqq").map(|reqq| u32::try_from(reqq).unwrap_or(u32::MAX)),
            metadata_size: narrow("metadata_size").filter(|&size| size != 0),
            your_ip: dict.bytes("yourip").and_then(ip),
            ipv4: dict.bytes("ipv4").and_then(|ip| <[u8; 4]>::try_from(ip).ok()).map(Into::into),
            ipv6: dict.bytes("ipv6").and_then(|ip| <[u8; 16]>::try_from(ip).ok()).map(Into::into),
            upload_only: dict.int("upload_only").map(|flag| flag != 0),
            uplink: narrow("fluvial_uplink").filter(|&rate| rate != 0),
        })
    }

    /// Appends the payload of the extended message 0.
    pub fn encode(&self, out: &mut Vec<u8>) {
        bencode::Encoder::new(out).dict(|dict| {
            if let Some(uplink) = self.uplink {
                dict.int("fluvial_uplink", uplink);
            }
            if let Some(ip) = self.ipv4 {
                dict.bytes("ipv4", ip.octets());
            }
            if let Some(ip) = self.ipv6 {
                dict.bytes("ipv6", ip.octets());
            }
            dict.dict("m", |m| {
                for extension in Extension::ALL {
                    if let Some(id) = self.ids[extension as usize] {
                        m.int(extension.name(), id);
                    }
                }
            });
            if let Some(size) = self.metadata_size {
                dict.int("metadata_size", size);
            }
            if let Some(port) = self.port {
                dict.int("p", port);
            }
            if let Some(reqq) = self.reqq {
                dict.int("reqq", reqq);
            }
            if let Some(upload_only) = self.upload_only {
                dict.int("upload_only", u8::from(upload_only));
            }
            if let Some(client) = &self.client {
                dict.bytes("v", client);
            }
            match self.your_ip {
                Some(IpAddr::V4(ip)) => dict.bytes("yourip", ip.octets()),
                Some(IpAddr::V6(ip)) => dict.bytes("yourip", ip.octets()),
                None => {}
            }
        });
    }
}

fn extension_ids(m: Dict<'_>) -> [Option<u8>; 5] {
    let mut ids = [None; 5];
    for extension in Extension::ALL {
        ids[extension as usize] = m.uint(extension.name()).and_then(|id| id.try_into().ok());
    }
    ids
}

/// A name fit for a terminal: valid text without control characters, cut to a bound.
fn client_name(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(CLIENT_MAX)];
    String::from_utf8_lossy(bytes).chars().filter(|char| !char.is_control()).collect()
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from),
        16 => <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from),
        _ => None,
    }
}
