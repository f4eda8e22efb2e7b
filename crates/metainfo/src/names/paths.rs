use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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
    /// What each folder holds, by folded name; the first is the one above all.
    folders: Vec<BTreeMap<String, Taken>>,
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

/// A name that is taken, by its key. There is one for each file.
#[derive(Debug)]
struct Taken {
    /// As it is written, where that is not the key.
    name: Option<Box<str>>,
    /// Where to go on looking for a free suffix: without it many duplicates would cost a square.
    next_suffix: u32,
    /// Its number, if it is a folder.
    folder: Option<u32>,
    /// The folder that stands in for this name, which is a file's.
    stand_in: Option<Box<(String, u32)>>,
}

impl Taken {
    fn new(key: &str, name: &str, folder: Option<u32>) -> Self {
        let name = (key != name).then(|| name.into());
        Self { name, next_suffix: 1, folder, stand_in: None }
    }

    fn name<'a>(&'a self, key: &'a str) -> &'a str {
        self.name.as_deref().unwrap_or(key)
    }
}

impl Paths {
    pub(crate) fn new(rules: Rules) -> Self {
        Self { rules, folders: vec![BTreeMap::new()], last: Folder::default() }
    }

    /// Takes a path for a file or link. The components must be safe already, at least one.
    pub(crate) fn take(&mut self, components: &[Cow<'_, str>]) -> Given {
        let (file, folders) = components.split_last().expect("a path has components");
        if self.last.wanted != *folders {
            self.last = self.descend(folders);
        }
        let renamed = self.file(self.last.number, file);
        let name = renamed.as_ref().map_or(&**file, |(name, _)| name);
        let why = self.last.why.or(renamed.as_ref().map(|(_, why)| *why));
        Given { path: self.last.path.join(name), why }
    }

    fn descend(&mut self, wanted: &[Cow<'_, str>]) -> Folder {
        let wanted: Vec<String> = wanted.iter().map(|part| part.clone().into_owned()).collect();
        let mut folder = Folder::default();
        for wanted in &wanted {
            let (name, number, why) = self.folder(folder.number, wanted);
            folder.path.push(name);
            folder.why = folder.why.or(why);
            folder.number = number;
        }
        Folder { wanted, ..folder }
    }

    fn folder(&mut self, parent: u32, name: &str) -> (String, u32, Option<&'static str>) {
        let key = self.folded(name);
        let (folder, number) = match self.folders[parent as usize].get(&*key) {
            None => (name.to_owned(), self.claim(parent, key.into_owned(), name, true)),
            Some(taken @ Taken { folder: Some(number), .. }) => {
                (taken.name(&key).to_owned(), *number)
            }
            Some(Taken { stand_in: Some(folder), .. }) => (**folder).clone(),
            Some(_) => {
                let folder = self.suffixed(parent, &key, name, true);
                if let Some(taken) = self.folders[parent as usize].get_mut(&*key) {
                    taken.stand_in = Some(Box::new(folder.clone()));
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
        let key = self.folded(name).into_owned();
        let other = match self.folders[parent as usize].entry(key) {
            Entry::Vacant(place) => {
                let taken = Taken::new(place.key(), name, None);
                place.insert(taken);
                return None;
            }
            Entry::Occupied(other) => other,
        };
        let key = other.key().clone();
        let why = match other.get() {
            other if other.name(&key) != name => ALIKE,
            Taken { folder: Some(_), .. } => BOTH,
            Taken { folder: None, .. } => TWICE,
        };
        Some((self.suffixed(parent, &key, name, false).0, why))
    }

    /// Claims the first free name made of `name` and a number.
    fn suffixed(&mut self, parent: u32, key: &str, name: &str, folder: bool) -> (String, u32) {
        loop {
            let names = &mut self.folders[parent as usize];
            let taken = names.get_mut(key).expect("only a taken name needs a suffix");
            taken.next_suffix += 1;
            let suffix = format!(" ({})", taken.next_suffix);
            let candidate = shorten(name, &suffix, MAX_NAME_LENGTH);
            let free = self.folded(&candidate).into_owned();
            if !self.folders[parent as usize].contains_key(&free) {
                let number = self.claim(parent, free, &candidate, folder);
                return (candidate, number);
            }
        }
    }

    /// The number that it has if it is a folder.
    fn claim(&mut self, parent: u32, key: String, name: &str, folder: bool) -> u32 {
        let number = self.folders.len() as u32;
        let taken = Taken::new(&key, name, folder.then_some(number));
        self.folders[parent as usize].insert(key, taken);
        if folder {
            self.folders.push(BTreeMap::new());
        }
        number
    }

    /// What a file system may compare: the canonical caseless form (Unicode, D145), without what
    /// some systems ignore.
    fn folded<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if !self.rules.portable {
            return name.into();
        }
        if name.is_ascii() {
            return name.to_ascii_lowercase().into();
        }
        let seen = name.chars().filter(|&c| !is_ignored(c));
        let folded = seen.nfd().default_case_fold().nfd().default_case_fold().nfd();
        folded.collect::<String>().into()
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
