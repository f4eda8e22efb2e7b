use interop::versions;

#[test]
fn which_versions_are_met() {
    print!("== programs\n{}", versions());
}
