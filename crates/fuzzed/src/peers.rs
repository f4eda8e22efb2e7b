use stdx::Pool;
use wire::{
    Decoder, ExtendedHandshake, HANDSHAKE_LENGTH, Handshake, MetadataMessage, Pex, WireError,
};

/// The peer protocol: a stream means the same whatever slices it comes in, and what is decoded is
/// encoded so that it decodes to the same. The first byte chooses the slices.
pub fn fuzz_wire(data: &[u8]) {
    let Some((&slice, stream)) = data.split_first() else {
        return;
    };
    if let Some((head, _)) = stream.split_first_chunk::<HANDSHAKE_LENGTH>()
        && let Ok(handshake) = Handshake::decode(head)
    {
        assert_eq!(&handshake.encode(), head, "a handshake has one form");
    }
    let (messages, outcome) = decode(stream, stream.len().max(1));
    let sliced = decode(stream, usize::from(slice % 64) + 1);
    assert_eq!((&messages, outcome), (&sliced.0, sliced.1), "slices of {}", slice % 64 + 1);
    let again = decode(&messages, messages.len().max(1));
    assert_eq!(again, (messages, Ok(())), "what we write, we read");
}

/// Payloads of extensions: what decodes is encoded so that it decodes to the same.
pub fn fuzz_extended(data: &[u8]) {
    let mut out = Vec::new();
    if let Ok(handshake) = ExtendedHandshake::decode(data) {
        handshake.encode(&mut out);
        let mut again = ExtendedHandshake::decode(&out).expect("what we write, we read");
        // A name that was not UTF-8 may grow by its mending, and be cut again.
        again.client.clone_from(&handshake.client);
        assert_eq!(again, handshake);
        out.clear();
    }
    if let Ok(Some(message)) = MetadataMessage::decode(data) {
        message.encode(&mut out);
        assert_eq!(MetadataMessage::decode(&out), Ok(Some(message)));
        out.clear();
    }
    if let Ok(pex) = Pex::decode(data) {
        pex.encode(&mut out);
        let again = Pex::decode(&out).expect("what we write, we read");
        assert_eq!(again.added.len(), pex.added.len());
        assert_eq!(again.dropped.len(), pex.dropped.len());
    }
}

/// The messages of a stream, written again, and how it ended.
fn decode(stream: &[u8], slice: usize) -> (Vec<u8>, Result<(), WireError>) {
    let pool = Pool::new(1);
    let (mut decoder, mut messages) = (Decoder::new(), Vec::new());
    for mut input in stream.chunks(slice) {
        loop {
            let mut rest = input;
            let message = decoder.decode(&mut rest, &pool);
            let consumed = input.len() - rest.len();
            match message {
                Ok(Some(message)) => message.encode(&mut messages),
                Ok(None) => break assert_eq!(rest, b"", "the decoder takes what it is given"),
                Err(error) => return (messages, Err(error)),
            }
            input = &input[consumed..];
        }
    }
    (messages, Ok(()))
}

/// A connection under any bytes.
pub fn fuzz_peer_stream(data: &[u8]) {
    peer::fuzz_stream(data);
}

/// A connection under messages, orders, writes and time: each request ends exactly once.
pub fn fuzz_peer_sequence(data: &[u8]) {
    peer::fuzz_sequence(data);
}
