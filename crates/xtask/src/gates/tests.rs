use super::needed;

#[test]
fn the_runner_is_that_of_the_lock_file() {
    let package = |name: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"1.2.3\"\n");
    let lock = [package("gungraun"), package("gungraun-runner")].concat();
    assert_eq!(needed(&lock).as_deref(), Some("1.2.3"));
    assert_eq!(needed(&package("gungraun")), None);
}
