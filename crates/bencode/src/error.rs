/// Why an input is not acceptable bencode, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bencode, byte {offset}: {kind}")]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The offset of the first byte that cannot be accepted.
    pub offset: usize,
}

/// What can be wrong with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorKind {
    /// The input stops inside a value.
    #[error("the data ends too early")]
    UnexpectedEnd,
    /// A byte that cannot start a value.
    #[error("expected a value (i, l, d or a digit)")]
    ExpectedValue,
    /// A dictionary key that is not a byte string.
    #[error("a dictionary key must be a string")]
    ExpectedKey,
    /// A dictionary that ends between a key and its value.
    #[error("a dictionary key has no value")]
    MissingValue,
    /// An integer without digits or with a stray character.
    #[error("malformed integer")]
    BadInteger,
    /// An integer outside the range of `i64`.
    #[error("integer out of range")]
    IntegerRange,
    /// A leading zero or a negative zero (strict mode).
    #[error("integer not in its shortest form")]
    NonCanonicalInteger,
    /// A string length that is malformed or larger than what is left of the input.
    #[error("string length malformed or beyond the end")]
    BadLength,
    /// Keys that are not in ascending order (strict mode).
    #[error("dictionary keys are not sorted")]
    UnsortedKeys,
    /// The same key twice (strict mode).
    #[error("dictionary key repeated")]
    DuplicateKey,
    /// Bytes after the value.
    #[error("data after the end of the value")]
    TrailingData,
    /// Nesting beyond [`crate::Limits::depth`].
    #[error("nested too deeply")]
    TooDeep,
    /// More values and keys than [`crate::Limits::tokens`].
    #[error("too many values")]
    TooManyTokens,
    /// Input longer than [`crate::Limits::size`].
    #[error("larger than the limit")]
    TooLarge,
}
