use gungraun::{Callgrind, EventKind, LibraryBenchmarkConfig};

/// The C library chooses by the processor how to copy and compare, and one of its ways counts as an
/// instruction for each byte (`rep movsb`). Without all of these it has but one way.
const PLAIN: &str = "glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX2,-AVX_Fast_Unaligned_Load,-ERMS,\
    -FSRM,-SSSE3,-SSE4_1,-SSE4_2";

/// A bench that fails when it takes more than so many instructions.
pub fn at_most(instructions: u64) -> LibraryBenchmarkConfig {
    // What caches would have done depends on addresses, and takes three times as long to find out.
    let mut callgrind = Callgrind::with_args(["--cache-sim=no"]);
    callgrind.hard_limits([(EventKind::Ir, instructions)]).format([EventKind::Ir]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind).env("GLIBC_TUNABLES", PLAIN);
    config
}
