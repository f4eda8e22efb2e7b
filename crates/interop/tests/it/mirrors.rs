//! Web and FTP servers as sources (BEP 19): alone and among others, slow ones, lying ones, and such
//! as come and go.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use interop::{
    Authority, Client, Content, Fluvial, Format, Lab, Libtorrent, Nginx, Program, PythonServer,
    Shape, Source, Vsftpd, run, wait_until,
};

/// Of the file of the first format below, as URLs have it.
const NAME: &str = "v1%20file.iso";

/// Bytes by who gave them, as `complete` tells.
fn given(ours: &Fluvial, content: &Content) -> Result<Vec<(String, String, u64)>> {
    let complete = ours.complete_event(content).context("it is not complete")?;
    let sources = complete["sources"].as_array().context("no sources")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let source =
        |it: &Value| (text(&it["kind"]), text(&it["address"]), it["bytes"].as_u64().unwrap_or(0));
    Ok(sources.iter().map(source).collect())
}

/// What one of them gave.
fn given_by(ours: &Fluvial, content: &Content, url: &str) -> Result<u64> {
    let all = given(ours, content)?;
    Ok(all.iter().find(|(_, address, _)| address == url).map_or(0, |(_, _, bytes)| *bytes))
}

/// The first time that something is said of a mirror.
fn failure<'a>(events: &'a [Value], url: &str) -> Option<&'a Value> {
    events.iter().find(|it| it["event"] == "mirror_failed" && it["address"] == url)
}

/// Waits until a mirror is complained of, and returns what is said.
fn wait_for_failure(ours: &mut Fluvial, content: &Content, url: &str) -> Result<String> {
    wait_until("the mirror to fail", || Ok(failure(ours.events(content)?, url).is_some()))?;
    let event = failure(ours.events(content)?, url).context("it was there")?;
    Ok(event["reason"].as_str().context("no reason")?.to_owned())
}

/// How many bytes are here.
fn done(ours: &mut Fluvial, content: &Content) -> Result<u64> {
    let mut last = ours.events(content)?.iter().rev();
    Ok(last.find_map(|event| event["done"].as_u64()).unwrap_or(0))
}

fn file(lab: &Lab, size: u64) -> Result<Content> {
    Content::publish(lab, (Shape::File, Format::V1), size, "")
}

fn get_from(lab: &mut Lab, urls: &[&str], content: &Content) -> Result<Fluvial> {
    let flags: Vec<&str> = urls.iter().flat_map(|url| ["--web-seed", url]).collect();
    let mut ours = Fluvial::start(lab, &flags)?;
    ours.get(content, Source::Torrent)?;
    Ok(ours)
}

/// One server that has everything.
fn alone(lab: &mut Lab, url: &str, contents: &[Content]) -> Result<()> {
    let mut ours = Fluvial::start(lab, &["--web-seed", url])?;
    for content in contents {
        ours.get(content, Source::Torrent)?;
        ours.wait_complete(content)?;
        ours.finish(content)?;
        let all = given(&ours, content)?;
        let whole = ("web".to_owned(), url.to_owned(), content.length());
        ensure!(all == [whole], "{}: {all:?}", content.name());
        println!("   all of {} from {url}: identical", content.name());
    }
    Ok(())
}

fn contents(lab: &Lab) -> Result<Vec<Content>> {
    let v1 = [(Shape::File, Format::V1), (Shape::Tree, Format::V1)];
    let new = [(Shape::Tree, Format::Hybrid), (Shape::File, Format::V2)];
    v1.into_iter().chain(new).map(|what| Content::publish(lab, what, 4 << 20, "")).collect()
}

#[test]
fn nginx_alone() {
    run("mirrors::nginx_alone", &[Program::Nginx], |lab| {
        let contents = contents(lab)?;
        let nginx = Nginx::start(lab, &lab.path("published"), "")?;
        alone(lab, &nginx.url(""), &contents)?;
        let (sent, all) = (nginx.sent()?, contents.iter().map(Content::length).sum::<u64>());
        ensure!(sent == all, "{sent} bytes were sent for {all}");
        Ok(())
    });
}

#[test]
fn vsftpd_alone() {
    run("mirrors::vsftpd_alone", &[Program::Vsftpd], |lab| {
        let contents = contents(lab)?;
        let vsftpd = Vsftpd::start(lab, &lab.path("published"))?;
        alone(lab, &vsftpd.url(""), &contents)
    });
}

/// It knows nothing of ranges, and gives all of a file whatever is asked for.
#[test]
fn pythons_server_alone() {
    run("mirrors::pythons_server_alone", &[Program::Python], |lab| {
        let contents = contents(lab)?;
        let python = PythonServer::start(lab, &lab.path("published"))?;
        alone(lab, &python.url(""), &contents)
    });
}

/// What is here after a crash is read past, once.
#[test]
fn pythons_server_after_a_crash() {
    run("mirrors::pythons_server_after_a_crash", &[Program::Python], |lab| {
        let content = file(lab, 24 << 20)?;
        let python = PythonServer::start(lab, &lab.path("published"))?;
        let url = python.url("");
        let mut ours = Fluvial::start(lab, &["--web-seed", &url, "--down-limit", "4MB/s"])?;
        ours.get(&content, Source::Torrent)?;
        wait_until("a good part to be here", || Ok(done(&mut ours, &content)? > 10 << 20))?;
        ours.kill(&content);
        let before = python.requests()?;
        ours.replace_flags(&["--web-seed", &url]);
        ours.get(&content, Source::Torrent)?;
        ours.wait_complete(&content)?;
        ours.finish(&content)?;
        let (again, given) = (python.requests()? - before, given_by(&ours, &content, &url)?);
        println!("   {given} of {} taken again, in {again} requests", content.length());
        ensure!(given < content.length() - (4 << 20), "{given} taken again");
        ensure!(again <= 4, "asked {again} times");
        Ok(())
    });
}

/// Beside others it is read once at most.
#[test]
fn pythons_server_and_a_peer_together() {
    let programs = [Program::Python, Program::Libtorrent];
    run("mirrors::pythons_server_and_a_peer_together", &programs, |lab| {
        let content = file(lab, 32 << 20)?;
        let mut peer = Libtorrent::start_with(lab, &json!({"upload_rate_limit": 1_500_000}))?;
        peer.seed(&content)?;
        let python = PythonServer::start(lab, &lab.path("published"))?;
        let (address, web) = (peer.address().to_string(), python.url(""));
        let flags = ["--peer", &address, "--web-seed", &web, "--down-limit", "4MB/s"];
        let mut ours = Fluvial::start(lab, &flags)?;
        ours.get(&content, Source::Torrent)?;
        ours.wait_complete(&content)?;
        ours.finish(&content)?;
        let all = given(&ours, &content)?;
        for (kind, address, bytes) in &all {
            println!("   {bytes:>10} from {kind} {address}");
        }
        ensure!(all.len() == 2 && all.iter().all(|(.., bytes)| *bytes > 1 << 20), "{all:?}");
        let asked = python.requests()?;
        ensure!(asked <= 4, "asked {asked} times");
        Ok(())
    });
}

#[test]
fn https_from_whom_the_user_trusts() {
    let programs = [Program::Nginx, Program::Openssl];
    run("mirrors::https_from_whom_the_user_trusts", &programs, |lab| {
        let content = file(lab, 4 << 20)?;
        let authority = Authority::new(lab)?;
        let known = (&authority, "mirror.example");
        let nginx = Nginx::start_secure(lab, &lab.path("published"), known)?;
        let (named, numbered) = (format!("https://mirror.example/{NAME}"), nginx.url(NAME));
        for (url, trusts, says) in
            [(&named, false, "SSL_CERT_FILE"), (&numbered, true, "other names: mirror.example")]
        {
            let mut ours = Fluvial::start(lab, &["--web-seed", url])?;
            if trusts {
                ours.trust(&authority.certificate());
            }
            ours.get(&content, Source::Torrent)?;
            let reason = wait_for_failure(&mut ours, &content, url)?;
            ensure!(reason.contains(says), "{url}: {reason}");
            let said = failure(ours.events(&content)?, url).cloned().context("it was there")?;
            ensure!(said["left_out"] == true, "{said}");
            println!("   {url}: {reason}");
        }
        let mut ours = Fluvial::start(lab, &["--web-seed", &named])?;
        ours.trust(&authority.certificate());
        ours.get(&content, Source::Torrent)?;
        ours.wait_complete(&content)?;
        ensure!(given_by(&ours, &content, &named)? == content.length());
        Ok(())
    });
}

/// Each could bring all of it in half a minute or so, and does its part.
#[test]
fn servers_and_a_peer_together() {
    let programs = [Program::Nginx, Program::Vsftpd, Program::Libtorrent];
    run("mirrors::servers_and_a_peer_together", &programs, |lab| {
        let content = file(lab, 24 << 20)?;
        let mut peer = Libtorrent::start_with(lab, &json!({"upload_rate_limit": 1_500_000}))?;
        peer.seed(&content)?;
        let folder = lab.path("published");
        let nginx = Nginx::start(lab, &folder, "limit_rate 500k;")?;
        let vsftpd = Vsftpd::start_with(lab, &folder, "anon_max_rate=500000")?;
        let address = peer.address().to_string();
        let (web, ftp) = (nginx.url(NAME), vsftpd.url(NAME));
        let flags = ["--peer", &address, "--web-seed", &web, "--web-seed", &ftp];
        let mut ours = Fluvial::start(lab, &flags)?;
        ours.get(&content, Source::Torrent)?;
        ours.wait_complete(&content)?;
        ours.finish(&content)?;
        let all = given(&ours, &content)?;
        let sum: u64 = all.iter().map(|(_, _, bytes)| bytes).sum();
        ensure!(all.len() == 3 && sum >= content.length(), "{all:?}");
        for (kind, address, bytes) in &all {
            println!("   {bytes:>10} from {kind} {address}");
            ensure!(*bytes > 1 << 20, "{address} had little to do: {all:?}");
        }
        let (sent, counted) = (nginx.sent()?, given_by(&ours, &content, &web)?);
        ensure!(counted <= sent, "{counted} bytes counted, {sent} sent");
        ensure!(sum < content.length() * 11 / 10, "too much came twice: {all:?}");
        Ok(())
    });
}

/// What a peer brings fast, mirrors are hardly asked for.
#[test]
fn a_fast_peer_spares_the_server() {
    let programs = [Program::Nginx, Program::Libtorrent];
    run("mirrors::a_fast_peer_spares_the_server", &programs, |lab| {
        let content = file(lab, 64 << 20)?;
        let mut peer = Libtorrent::start(lab)?;
        peer.seed(&content)?;
        let nginx = Nginx::start(lab, &lab.path("published"), "limit_rate 500k;")?;
        let (address, web) = (peer.address().to_string(), nginx.url(NAME));
        let mut ours = Fluvial::start(lab, &["--peer", &address, "--web-seed", &web])?;
        ours.get(&content, Source::Torrent)?;
        ours.wait_complete(&content)?;
        ours.finish(&content)?;
        let from_web = given_by(&ours, &content, &web)?;
        println!("   {from_web} of {} from the server", content.length());
        ensure!(from_web < content.length() / 4, "{from_web} from the server");
        Ok(())
    });
}

#[test]
fn a_slow_server_is_left_out() {
    run("mirrors::a_slow_server_is_left_out", &[Program::Nginx], |lab| {
        let content = file(lab, 16 << 20)?;
        let folder = lab.path("published");
        let fast = Nginx::start(lab, &folder, "limit_rate 500k;")?;
        let slow = Nginx::start(lab, &folder, "limit_rate 6k;")?;
        let (fast, slow) = (fast.url(NAME), slow.url(NAME));
        let mut ours = get_from(lab, &[&slow, &fast], &content)?;
        ours.wait_complete(&content)?;
        let said = failure(ours.events(&content)?, &slow).cloned();
        let said = said.context("nothing is said of the slow one")?;
        ensure!(said["left_out"] == true, "{said}");
        println!("   {slow}: {}", said["reason"]);
        ensure!(failure(ours.events(&content)?, &fast).is_none(), "the fast one is left out");
        let (most, rest) = (given_by(&ours, &content, &fast)?, given_by(&ours, &content, &slow)?);
        ensure!(
            most > content.length() * 9 / 10,
            "{most} from the fast one, {rest} from the other"
        );
        Ok(())
    });
}

#[test]
fn a_lying_server_is_named_and_left_out() {
    run("mirrors::a_lying_server_is_named_and_left_out", &[Program::Nginx], |lab| {
        let content = file(lab, 8 << 20)?;
        let mut lie = fs::read(content.original())?;
        lie.iter_mut().step_by(1 << 14).for_each(|byte| *byte ^= 1);
        let folder = lab.path("lies");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(content.name()), lie)?;
        // So that the other one cannot have brought everything before the lie is seen.
        let honest = Nginx::start(lab, &lab.path("published"), "limit_rate 1m;")?;
        let liar = Nginx::start(lab, &folder, "")?;
        let (good, bad) = (honest.url(NAME), liar.url(NAME));
        let mut ours = get_from(lab, &[&bad, &good], &content)?;
        ours.wait_complete(&content)?;
        let said = failure(ours.events(&content)?, &bad).cloned().context("no word of the liar")?;
        ensure!(said["left_out"] == true, "{said}");
        println!("   {bad}: {}", said["reason"]);
        ensure!(failure(ours.events(&content)?, &good).is_none(), "the honest one is blamed");
        ensure!(ours.has_logged(&content, &bad)?, "the log does not name it");
        ensure!(
            given_by(&ours, &content, &good)? >= content.length(),
            "{:?}",
            given(&ours, &content)?
        );
        // It is asked for nothing more once it is known.
        let asked = liar.requests()?.len();
        ensure!(asked < 16, "the liar was asked {asked} times");
        Ok(())
    });
}

#[test]
fn what_is_here_after_a_crash_is_not_fetched_again() {
    run("mirrors::what_is_here_after_a_crash_is_not_fetched_again", &[Program::Nginx], |lab| {
        let content = file(lab, 24 << 20)?;
        let nginx = Nginx::start(lab, &lab.path("published"), "limit_rate 1500k;")?;
        // The same file; the log tells both lives apart.
        let (first, second) =
            (nginx.url(&format!("{NAME}?first")), nginx.url(&format!("{NAME}?second")));
        let mut ours = get_from(lab, &[&first], &content)?;
        wait_until("a good part to be here", || Ok(done(&mut ours, &content)? > 10 << 20))?;
        ours.kill(&content);
        // What is here is told where nothing can come.
        ours.replace_flags(&[]);
        ours.get(&content, Source::Torrent)?;
        wait_until("what is here to be told", || Ok(done(&mut ours, &content)? > 0))?;
        let here = done(&mut ours, &content)?;
        ours.kill(&content);
        ours.replace_flags(&["--web-seed", &second]);
        ours.get(&content, Source::Torrent)?;
        ours.wait_complete(&content)?;
        ours.finish(&content)?;
        let requests = nginx.requests()?;
        let again = requests.iter().filter(|request| request.target.ends_with("?second"));
        let ranges: Vec<(u64, u64)> = again.filter_map(|request| request.range).collect();
        let asked: u64 = ranges.iter().map(|(first, last)| last - first + 1).sum();
        println!("   {here} here, {asked} of {} asked for again", content.length());
        ensure!(here > 4 << 20, "only {here} were kept");
        ensure!(asked <= content.length() - here, "{asked} asked for with {here} here: {ranges:?}");
        Ok(())
    });
}

#[test]
fn redirects_carry_no_secrets_and_lead_not_inside() {
    let name = "mirrors::redirects_carry_no_secrets_and_lead_not_inside";
    run(name, &[Program::Nginx], |lab| {
        let content = file(lab, 4 << 20)?;
        let folder = lab.path("published");
        let there = Nginx::start(lab, &folder, "")?;
        let elsewhere = format!("return 302 {}$request_uri;", there.url("").trim_end_matches('/'));
        let here = Nginx::start(lab, &folder, &elsewhere)?;
        let url = here.url(NAME);
        let with_secret = url.replace("http://", "http://me:secret@");
        let mut ours = get_from(lab, &[&with_secret], &content)?;
        ours.wait_complete(&content)?;
        ensure!(
            given_by(&ours, &content, &url)? == content.length(),
            "{:?}",
            given(&ours, &content)?
        );
        let (asked, followed) = (here.requests()?, there.requests()?);
        ensure!(asked.iter().all(|it| it.authorized && it.status == 302), "{asked:?}");
        ensure!(!followed.is_empty() && followed.iter().all(|it| !it.authorized), "{followed:?}");
        println!("   the secret went to {url} and no further");

        let ours = lab.node("inside")?;
        let inside = Nginx::start_inside(&ours, &folder)?;
        let inward = Nginx::start(lab, &folder, "return 302 http://127.0.0.1$request_uri;")?;
        let url = inward.url(NAME);
        let mut ours = Fluvial::start_at(&ours, &["--web-seed", &url]);
        ours.get(&content, Source::Torrent)?;
        let reason = wait_for_failure(&mut ours, &content, &url)?;
        ensure!(reason.contains("127.0.0.1"), "{reason}");
        ensure!(inside.requests()?.is_empty(), "it went there");
        println!("   {url}: {reason}");
        Ok(())
    });
}

#[test]
fn where_a_redirect_led_may_expire() {
    run("mirrors::where_a_redirect_led_may_expire", &[Program::Nginx], |lab| {
        let content = file(lab, 24 << 20)?;
        let folder = lab.path("published");
        // As of stores that sign where they lead to: good for a while.
        let there = Nginx::start(lab, &folder, "if ($connection_requests = 3) { return 403; }")?;
        let onward = format!("return 302 {}$request_uri;", there.url("").trim_end_matches('/'));
        let here = Nginx::start(lab, &folder, &onward)?;
        let url = here.url(NAME);
        let mut ours = get_from(lab, &[&url], &content)?;
        ours.wait_complete(&content)?;
        ensure!(failure(ours.events(&content)?, &url).is_none(), "it is complained of");
        ensure!(given_by(&ours, &content, &url)? == content.length(), "others gave some");
        let expired = there.requests()?.iter().filter(|it| it.status == 403).count();
        println!("   {expired} times it had expired, {} asked the first", here.requests()?.len());
        ensure!(expired > 0, "it never expired");
        Ok(())
    });
}

#[test]
fn a_server_that_comes_back_is_asked_again() {
    run("mirrors::a_server_that_comes_back_is_asked_again", &[Program::Nginx], |lab| {
        let content = file(lab, 12 << 20)?;
        let mut nginx = Nginx::start(lab, &lab.path("published"), "limit_rate 1500k;")?;
        let url = nginx.url(NAME);
        let mut ours = get_from(lab, &[&url], &content)?;
        let is_on = |event: &Value| event["done"].as_u64().is_some_and(|done| done > 1 << 20);
        wait_until("it to be under way", || Ok(ours.events(&content)?.iter().any(is_on)))?;
        nginx.kill();
        let reason = wait_for_failure(&mut ours, &content, &url)?;
        ensure!(reason.contains("again"), "{reason}");
        println!("   {url}: {reason}");
        nginx.revive()?;
        ours.wait_complete(&content)?;
        ensure!(
            given_by(&ours, &content, &url)? == content.length(),
            "{:?}",
            given(&ours, &content)?
        );
        Ok(())
    });
}
