//! One connection: handshake, choke and interest, request pipeline, upload queue.
