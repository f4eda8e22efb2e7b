use std::path::PathBuf;

use super::*;

fn files(paths: &[&str]) -> Vec<FileEntry> {
    let entry = |path: &&str| FileEntry { path: PathBuf::from(path), ..FileEntry::default() };
    paths.iter().map(entry).collect()
}

#[test]
fn files_of_a_folder_come_before_its_folders() {
    let files = files(&["t/b/z", "t/a/b/c", "t/z", "t/a.b", "t/b/a/a", "t/a/z", "t/a"]);
    let listing = Listing::new(&files);
    let (range, order) = listing.on_page(1);
    let order: Vec<_> = order.iter().map(|file| files[file.get()].path.to_str().unwrap()).collect();
    assert_eq!(order, ["t/a", "t/a.b", "t/z", "t/a/z", "t/a/b/c", "t/b/z", "t/b/a/a"]);
    assert_eq!(range, 0..7);
}

#[test]
fn every_file_is_found_and_listed_once() {
    let mut rng = stdx::Rng::new(5);
    let mut paths: Vec<String> = (0..3_000)
        .map(|n| {
            let folders = ["", "0/", "1/0/", "1/1/", "1/1/0/"];
            format!("t/{}{n}", folders[rng.index(folders.len())])
        })
        .collect();
    paths.sort_by_key(String::len);
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let files = files(&paths);
    let listing = Listing::new(&files);
    for (index, path) in paths.iter().enumerate() {
        assert_eq!(listing.find(&files, path), Some(FileIndex(index as u32)), "{path}");
    }
    let mut listed: Vec<u32> = (1..=listing.pages())
        .flat_map(|page| listing.on_page(page).1.iter().map(|file| file.0))
        .collect();
    assert_eq!(listed.len(), paths.len());
    listed.sort_unstable();
    listed.dedup();
    assert_eq!(listed.len(), paths.len());
}

#[test]
fn pages_beyond_the_end_are_empty() {
    let listing = Listing::new(&files(&["t/a"]));
    assert_eq!(listing.pages(), 1);
    assert!(listing.on_page(2).1.is_empty());
    assert!(listing.on_page(usize::MAX).1.is_empty());
    assert_eq!(Listing::new(&[]).pages(), 1);
}
