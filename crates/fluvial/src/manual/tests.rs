use super::*;

#[test]
fn every_flag_is_in_the_manual() {
    let mut command = command();
    command.build();
    let mut all = vec![command.clone()];
    all.extend(command.get_subcommands().cloned());
    for command in all {
        let name = command.get_name().to_owned();
        let flags: Vec<_> = command.get_arguments().filter_map(|arg| arg.get_long()).collect();
        let flags: Vec<_> = flags.iter().map(|flag| flag.replace('-', "\\-")).collect();
        let page = String::from_utf8(page(command)).expect("a page is text");
        for flag in flags {
            assert!(page.contains(&format!("\\-\\-{flag}")), "{name}: {flag}\n{page}");
        }
    }
}
