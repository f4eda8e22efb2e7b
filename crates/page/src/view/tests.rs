use super::*;
use crate::FILES_ON_PAGE;
use crate::site::tests::{MAGNET, site};

const ALL: [Problem; 11] = [
    Problem::NotFound,
    Problem::NoPage,
    Problem::Link,
    Problem::Method,
    Problem::Changed,
    Problem::Gone,
    Problem::Condition,
    Problem::Range,
    Problem::Unreadable,
    Problem::Busy,
    Problem::Closed,
];

fn check(page: &str, expected: &[&str]) {
    for text in expected {
        assert!(page.contains(text), "`{text}` is not in {page}");
    }
}

#[test]
fn the_page_of_a_file_has_all_ways_to_get_it() {
    let site = site("release ä.iso", &[("", 3 << 20)]);
    let magnet = MAGNET.replace('&', "&amp;");
    check(
        &site.page(1, Swarm { downloading: 2, seeding: 1 }),
        &[
            "<title>release ä.iso</title>",
            "3.00 MiB · 2 downloading · 1 seeding",
            r#"href="/files/release%20%C3%A4.iso""#,
            r#"href="/release%20%C3%A4.iso.torrent""#,
            &format!(r#"href="{magnet}""#),
            &format!("fluvial get '{magnet}'"),
            &site.info.hashes().v1.unwrap().to_string(),
            "<svg",
        ],
    );
}

#[test]
fn names_of_strangers_are_only_text() {
    let evil = "<script>alert(1)\"'&";
    let site = site(evil, &[(r#""><img src=x onerror=y>"#, 1), ("b/<b>", 2)]);
    let page = site.page(1, Swarm::default());
    for tag in ["<script", "<img", "<b>"] {
        assert!(!page.contains(tag), "{page}");
    }
    check(&page, &["&lt;script&gt;", r#"href="/files/%3Cscript%3E"#]);
}

#[test]
fn long_lists_are_shown_in_pages() {
    let names: Vec<String> =
        (0..=2 * FILES_ON_PAGE).map(|n| format!("folder {}/{n:05}", n / 100)).collect();
    let files: Vec<(&str, u64)> = names.iter().map(|name| (&**name, 10)).collect();
    let site = site("many", &files);
    let rows = |page: &str| page.matches("<li>").count();
    let pages: Vec<String> = (1..=3).map(|n| site.page(n, Swarm::default())).collect();
    assert_eq!(pages.iter().map(|page| rows(page)).collect::<Vec<_>>(), [250, 250, 1]);
    check(&pages[0], &["1–250", "Page 1 of 3", r#"rel="next" href="/?page=2#files""#]);
    check(&pages[1], &["<h3><bdi>folder 2</bdi></h3>", r#"href="/?page=1#files""#]);
    check(&pages[2], &["501–501", "Page 3 of 3"]);
    assert!(!pages[0].contains(r#"rel="prev""#) && !pages[2].contains(r#"rel="next""#));
}

#[test]
fn a_magnet_too_long_for_a_code_has_none() {
    let mut site = site("name", &[("", 1)]);
    assert!(Qr::of(&"x".repeat(3_000)).is_none());
    site.qr = None;
    assert!(!site.page(1, Swarm::default()).contains("<svg"));
}

#[test]
fn the_code_is_as_large_as_its_frame() {
    let qr = Qr::of("https://example.org/").unwrap();
    // Version 2 has 25 modules; the finder patterns are in three corners.
    assert_eq!(qr.side, 33);
    check(&qr.path, &["M4 4h7v1h-7z", "M22 4h7v1h-7z", "M4 28h7v1h-7z"]);
}

#[test]
fn problems_say_what_to_do() {
    for why in ALL {
        let page = problem(why);
        assert!(page.contains("<h1>") && page.len() < 8_000, "{why:?}: {page}");
        assert!((400..600).contains(&why.status()), "{why:?}");
    }
}

#[test]
fn only_the_page_s_own_style_is_let_through() {
    let policy = content_policy();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let page = site("name", &[("", 1)]).page(1, Swarm::default());
    let (_, rest) = page.split_once("<style>").unwrap();
    let (style, rest) = rest.split_once("</style>").unwrap();
    assert_eq!(style, STYLE);
    assert!(!rest.contains("<style") && !rest.contains("style=") && !rest.contains("<script"));
}
