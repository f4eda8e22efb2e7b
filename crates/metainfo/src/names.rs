//! Makes the names in a torrent safe and unique on the file system at hand.

use std::collections::BTreeMap;
use std::path::PathBuf;

use unicode_normalization::UnicodeNormalization as _;

use crate::limits::MAX_NAME_LENGTH;

/// What the file system at hand cannot keep apart or hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Names that differ in case or Unicode composition alone are the same file.
    pub(crate) fold: bool,
    /// Reserved characters and device names, no dot or space at the end.
    pub(crate) windows: bool,
}

impl Rules {
    /// Those of the platform this is built for.
    pub(crate) const NATIVE: Self = Self {
        fold: cfg!(any(windows, target_os = "macos", target_os = "ios")),
        windows: cfg!(windows),
    };
}

/// Makes one component safe. Empty when nothing is left of it, or when it means "here".
pub(crate) fn component(raw: &[u8], rules: Rules) -> String {
    let text = String::from_utf8_lossy(raw);
    if matches!(&*text, "" | ".") {
        return String::new();
    }
    let mut name: String =
        text.chars().map(|c| if is_unsafe(c, rules) { '_' } else { c }).collect();
    if rules.windows {
        name.truncate(name.trim_end_matches(['.', ' ']).len());
        if is_device(&name) {
            name.insert(0, '_');
        }
        if name.is_empty() {
            name.push('_');
        }
    }
    if name == ".." {
        "__".clone_into(&mut name);
    }
    shorten(&name, "")
}

/// Separators, controls, and the marks that make a name read as another (`gpj.exe`).
fn is_unsafe(c: char, rules: Rules) -> bool {
    let reorders = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let reserved = rules.windows && matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*');
    matches!(c, '/' | '\\' | '\u{2028}' | '\u{2029}') || c.is_control() || reorders || reserved
}

/// The names that Windows keeps for devices, with any extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    let numbered = |prefix| {
        let number = stem.strip_prefix(prefix);
        number.is_some_and(|n| matches!(n.chars().next(), Some('1'..='9' | '¹' | '²' | '³')))
            && stem.chars().count() == 4
    };
    let plain = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&&*stem);
    plain || numbered("COM") || numbered("LPT")
}

/// `name` with `suffix` before its extension, cut so that all of it fits a file system's name.
fn shorten(name: &str, suffix: &str) -> String {
    let room = MAX_NAME_LENGTH - suffix.len();
    if suffix.is_empty() && name.len() <= room {
        return name.to_owned();
    }
    // A dot far from the end is part of the text rather than the start of an extension.
    let dot = name.rfind('.').filter(|&at| at > 0 && name.len() - at <= 17);
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    let mut end = stem.len().min(room - extension.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{suffix}{extension}", &stem[..end])
}

/// What the file system compares.
fn folded(name: &str, rules: Rules) -> String {
    if !rules.fold {
        return name.to_owned();
    }
    let lower: String = name.nfc().flat_map(char::to_lowercase).collect();
    lower.nfc().collect()
}

/// The paths given out so far, so that no file takes another's place and none lies under a file.
#[derive(Debug)]
pub(crate) struct Paths {
    rules: Rules,
    taken: BTreeMap<(u32, String), Taken>,
    folders: u32,
}

#[derive(Debug)]
struct Taken {
    /// As it is written.
    name: String,
    /// Its number, if it is a folder.
    folder: Option<u32>,
    /// Where to go on looking for a free suffix: without it many duplicates would cost a square.
    next_suffix: u32,
    /// The folder that stands in for this name, which is a file's.
    stand_in: Option<(String, u32)>,
}

impl Paths {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules, taken: BTreeMap::new(), folders: 1 }
    }

    /// Takes a path for a file or link. The components must be safe already, at least one.
    pub(crate) fn take(&mut self, components: &[String]) -> PathBuf {
        let (file, folders) = components.split_last().expect("a path has components");
        let mut path = PathBuf::new();
        let mut parent = 0;
        for name in folders {
            let (name, number) = self.folder(parent, name);
            path.push(name);
            parent = number;
        }
        path.push(self.file(parent, file));
        path
    }

    fn folder(&mut self, parent: u32, name: &str) -> (String, u32) {
        let key = (parent, folded(name, self.rules));
        match self.taken.get(&key) {
            None => self.claim(key, name, true),
            Some(Taken { name, folder: Some(number), .. }) => (name.clone(), *number),
            Some(Taken { stand_in: Some(folder), .. }) => folder.clone(),
            Some(_) => {
                let folder = self.suffixed(&key, name, true);
                if let Some(taken) = self.taken.get_mut(&key) {
                    taken.stand_in = Some(folder.clone());
                }
                folder
            }
        }
    }

    fn file(&mut self, parent: u32, name: &str) -> String {
        let key = (parent, folded(name, self.rules));
        let free = !self.taken.contains_key(&key);
        let taken =
            if free { self.claim(key, name, false) } else { self.suffixed(&key, name, false) };
        taken.0
    }

    /// Claims the first free name made of `name` and a number.
    fn suffixed(&mut self, key: &(u32, String), name: &str, folder: bool) -> (String, u32) {
        loop {
            let taken = self.taken.get_mut(key).expect("only a taken name needs a suffix");
            taken.next_suffix += 1;
            let candidate = shorten(name, &format!(" ({})", taken.next_suffix));
            let free = (key.0, folded(&candidate, self.rules));
            if !self.taken.contains_key(&free) {
                return self.claim(free, &candidate, folder);
            }
        }
    }

    fn claim(&mut self, key: (u32, String), name: &str, folder: bool) -> (String, u32) {
        let number = self.folders;
        self.folders += u32::from(folder);
        let folder = folder.then_some(number);
        let name = name.to_owned();
        let taken = Taken { name: name.clone(), folder, next_suffix: 1, stand_in: None };
        self.taken.insert(key, taken);
        (name, number)
    }
}

#[cfg(test)]
mod tests;
