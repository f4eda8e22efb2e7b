use super::*;

async fn run_to_end(command: &str) -> Ending {
    let ending = run(command, Path::new("/tmp/a b"), std::future::pending()).await;
    ending.expect("there is a shell")
}

#[tokio::test]
async fn every_way_to_end() {
    assert_eq!(run_to_end("true").await, Ending::Well);
    assert_eq!(run_to_end("exit 3").await, Ending::Status(3));
    assert_eq!(run_to_end("/no/such/command 2>&-").await, Ending::Status(127));
    assert_eq!(run_to_end("kill -9 $$").await, Ending::Signal(9));
    assert_eq!(run_to_end("test \"$FLUVIAL_PATH\" = '/tmp/a b'").await, Ending::Well);
    assert_eq!(run_to_end("read line").await, Ending::Status(1));
}

#[tokio::test]
async fn the_wish_to_end_ends_all_that_was_started() {
    let place = tempfile::tempdir().expect("a temporary folder");
    let mark = place.path().join("mark");
    // The inner process writes down that it was asked to end.
    let command = "sh -c 'trap \"echo asked >> \\\"$FLUVIAL_PATH\\\"; exit\" TERM
        echo begun > \"$FLUVIAL_PATH\"; while :; do sleep 0.01; done' & wait";
    let begun = async {
        while std::fs::read_to_string(&mark).unwrap_or_default() != "begun\n" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ending = run(command, &mark, begun).await.expect("there is a shell");
    assert_eq!(ending, Ending::Stopped);
    while !std::fs::read_to_string(&mark).unwrap_or_default().ends_with("asked\n") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
