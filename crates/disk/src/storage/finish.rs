//! The last touches to complete content.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::io::Errno;
use stdx::FileIndex;

use super::Storage;
use crate::Error;

impl Storage {
    /// When the selection is complete: creates wanted files of length zero and links, cuts files
    /// that are longer than they should be, and sets executable attributes (BEP 47).
    ///
    /// # Errors
    /// When one cannot be made.
    pub fn finish(&self) -> Result<(), Error> {
        for (index, entry) in self.content.files().iter().enumerate() {
            let file = FileIndex(index as u32);
            if !self.is_wanted(file) {
                continue;
            }
            match &entry.symlink {
                Some(target) => self.link(file, target)?,
                None => self.finish_file(file, entry.length, entry.executable)?,
            }
        }
        self.sync_folders()
    }

    fn finish_file(&self, file: FileIndex, length: u64, executable: bool) -> Result<(), Error> {
        let path = self.file_path(file);
        let stat = self.stat_file(file);
        if stat.is_none_or(|stat| stat.size > length) {
            let handle = self.open_to_write(file)?;
            handle.set_len(length).map_err(|error| Error::io("cut", &path, error))?;
        }
        if executable {
            let handle = self.open_to_read(file)?;
            let meta = handle.metadata().map_err(|error| Error::io("look at", &path, error))?;
            let mode = meta.permissions().mode();
            // Whoever may read it may run it.
            let mode = mode | (mode & 0o444) >> 2;
            handle
                .set_permissions(Permissions::from_mode(mode))
                .map_err(|error| Error::io("make executable", &path, error))?;
        }
        Ok(())
    }

    fn link(&self, file: FileIndex, target: &Path) -> Result<(), Error> {
        let path = self.file_path(file);
        let (folder, name) = self.folder_of(file, true)?;
        match rustix::fs::symlinkat(target, &folder, &name) {
            Ok(()) => {
                let (_, relative) = self.place(file);
                self.note_new_entry(relative.parent().unwrap_or(Path::new("")));
                Ok(())
            }
            Err(Errno::EXIST) if path.read_link().is_ok_and(|found| found == target) => Ok(()),
            Err(Errno::EXIST) => Err(Error::NotAFile { path }),
            Err(error) => Err(Error::io("make the link", &path, error)),
        }
    }
}
