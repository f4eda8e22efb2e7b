use std::collections::BTreeMap;
use std::path::PathBuf;

use caseless::Caseless as _;
use unicode_normalization::UnicodeNormalization as _;

use super::{Rules, shorten};
use crate::limits::MAX_NAME_LENGTH;

/// Two names of one folder that cannot both stand: why the later one changes.
const TWICE: &str = "is an earlier file's name too";
const BOTH: &str = "is a file and a folder at once";
const ALIKE: &str = "differs from an earlier name in case, accents or invisible marks alone";

/// The paths given out so far, so that no file takes another's place and none lies under a file.
#[derive(Debug)]
pub(crate) struct Paths {
    rules: Rules,
    taken: BTreeMap<(u32, String), Taken>,
    folders: u32,
    /// Where the path before this one led: most files lie beside their predecessor.
    last: Folder,
}

/// A folder that some components lead to.
#[derive(Debug, Default)]
struct Folder {
    wanted: Vec<String>,
    path: PathBuf,
    number: u32,
    why: Option<&'static str>,
}

/// A path given out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) path: PathBuf,
    /// Why it is not the one wanted, to follow that in a sentence.
    pub(crate) why: Option<&'static str>,
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
        Self { rules, taken: BTreeMap::new(), folders: 1, last: Folder::default() }
    }

    /// Takes a path for a file or link. The components must be safe already, at least one.
    pub(crate) fn take(&mut self, components: &[String]) -> Given {
        let (file, folders) = components.split_last().expect("a path has components");
        if self.last.wanted != *folders {
            self.last = self.descend(folders);
        }
        let renamed = self.file(self.last.number, file);
        let name = renamed.as_ref().map_or(file, |(name, _)| name);
        let why = self.last.why.or(renamed.as_ref().map(|(_, why)| *why));
        Given { path: self.last.path.join(name), why }
    }

    fn descend(&mut self, wanted: &[String]) -> Folder {
        let mut folder = Folder { wanted: wanted.to_vec(), ..Folder::default() };
        for wanted in wanted {
            let (name, number, why) = self.folder(folder.number, wanted);
            folder.path.push(name);
            folder.why = folder.why.or(why);
            folder.number = number;
        }
        folder
    }

    fn folder(&mut self, parent: u32, name: &str) -> (String, u32, Option<&'static str>) {
        let key = (parent, self.folded(name));
        let (folder, number) = match self.taken.get(&key) {
            None => (name.to_owned(), self.claim(key, name, true)),
            Some(Taken { name, folder: Some(number), .. }) => (name.clone(), *number),
            Some(Taken { stand_in: Some(folder), .. }) => folder.clone(),
            Some(_) => {
                let folder = self.suffixed(&key, name, true);
                if let Some(taken) = self.taken.get_mut(&key) {
                    taken.stand_in = Some(folder.clone());
                }
                folder
            }
        };
        let why = match () {
            () if folder == name => None,
            () if self.folded(&folder) == self.folded(name) => Some(ALIKE),
            () => Some(BOTH),
        };
        (folder, number, why)
    }

    /// Another name and the reason for it, when it cannot have its own.
    fn file(&mut self, parent: u32, name: &str) -> Option<(String, &'static str)> {
        let key = (parent, self.folded(name));
        let Some(other) = self.taken.get(&key) else {
            self.claim(key, name, false);
            return None;
        };
        let why = match other {
            Taken { name: other, .. } if other != name => ALIKE,
            Taken { folder: Some(_), .. } => BOTH,
            Taken { folder: None, .. } => TWICE,
        };
        Some((self.suffixed(&key, name, false).0, why))
    }

    /// Claims the first free name made of `name` and a number.
    fn suffixed(&mut self, key: &(u32, String), name: &str, folder: bool) -> (String, u32) {
        loop {
            let taken = self.taken.get_mut(key).expect("only a taken name needs a suffix");
            taken.next_suffix += 1;
            let suffix = format!(" ({})", taken.next_suffix);
            let candidate = shorten(name, &suffix, MAX_NAME_LENGTH);
            let free = (key.0, self.folded(&candidate));
            if !self.taken.contains_key(&free) {
                let number = self.claim(free, &candidate, folder);
                return (candidate, number);
            }
        }
    }

    /// The number that it has if it is a folder.
    fn claim(&mut self, key: (u32, String), name: &str, folder: bool) -> u32 {
        let number = self.folders;
        self.folders += u32::from(folder);
        let folder = folder.then_some(number);
        let taken = Taken { name: name.to_owned(), folder, next_suffix: 1, stand_in: None };
        self.taken.insert(key, taken);
        number
    }

    /// What a file system may compare: the canonical caseless form (Unicode, D145), without what
    /// some systems ignore.
    fn folded(&self, name: &str) -> String {
        if !self.rules.portable {
            return name.to_owned();
        }
        if name.is_ascii() {
            return name.to_ascii_lowercase();
        }
        let seen = name.chars().filter(|&c| !is_ignored(c));
        seen.nfd().default_case_fold().nfd().default_case_fold().nfd().collect()
    }
}

/// Characters without a look of their own that may stay in a name, but that file systems with case
/// folding ignore (`Default_Ignorable_Code_Point`): joiners, variation selectors, tags.
fn is_ignored(c: char) -> bool {
    matches!(c, '\u{34f}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}')
        || matches!(c, '\u{fff0}'..='\u{fff8}' | '\u{1d173}'..='\u{1d17a}')
        || matches!(c, '\u{e0000}'..='\u{e0fff}')
}
