/// The block cache with lies, late and failing disk operations, fences and power cuts.
pub fn fuzz_cache(data: &[u8]) {
    cache::fuzz_operations(data);
}
