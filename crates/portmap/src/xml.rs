use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::Event;

/// A longer document is not read.
pub(crate) const DOCUMENT_MAX: usize = 256 << 10;
/// Elements within elements.
const DEPTH_MAX: usize = 32;
/// A longer text is none of use here.
const TEXT_MAX: usize = 1_024;

/// What a document is made of, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// The text of an element, by the element's local name.
    Text(&'a str, &'a str),
    /// The end of an element.
    End(&'a str),
}

/// Goes through a document, as far as it is one: `hear` gets every text, trimmed, and every end.
/// Entities that the document defines itself mean nothing.
pub(crate) fn walk(document: &[u8], hear: &mut dyn FnMut(Step<'_>)) {
    if document.len() > DOCUMENT_MAX {
        return;
    }
    let mut reader = Reader::from_reader(document);
    let mut names: Vec<String> = Vec::new();
    let mut text = String::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) => {
                if names.len() >= DEPTH_MAX {
                    return;
                }
                text.clear();
                names.push(String::from_utf8_lossy(start.local_name().as_ref()).into_owned());
            }
            Ok(Event::Text(part)) => {
                if let Ok(part) = part.decode() {
                    push(&mut text, &part);
                }
            }
            Ok(Event::CData(part)) => {
                if let Ok(part) = part.decode() {
                    push(&mut text, &part);
                }
            }
            Ok(Event::GeneralRef(entity)) => {
                if let Ok(Some(char)) = entity.resolve_char_ref() {
                    push(&mut text, char.encode_utf8(&mut [0; 4]));
                } else if let Ok(name) = entity.decode()
                    && let Some(meant) = resolve_predefined_entity(&name)
                {
                    push(&mut text, meant);
                }
            }
            Ok(Event::End(_)) => {
                let Some(name) = names.pop() else { return };
                if !text.trim().is_empty() {
                    hear(Step::Text(&name, text.trim()));
                }
                text.clear();
                hear(Step::End(&name));
            }
            Ok(Event::Eof) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

fn push(text: &mut String, part: &str) {
    if text.len() + part.len() <= TEXT_MAX {
        text.push_str(part);
    }
}

/// The text of the first element of this name.
pub(crate) fn text_of(document: &[u8], wanted: &str) -> Option<String> {
    let mut found = None;
    walk(document, &mut |step| {
        if let Step::Text(name, text) = step
            && name == wanted
            && found.is_none()
        {
            found = Some(text.to_owned());
        }
    });
    found
}
