use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use announce::{Failure, RetryIn, write_failure};
use stdx::Duration;

/// Bytes of a request that are read before it is turned away.
const MAX_READ: usize = 16 * 1024;
/// Time that turning somebody away may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// When to come back.
const RETRY: Duration = Duration::from_mins(5);

/// Tells a client that there is no room: status 503 with `Retry-After`, and the same in the form
/// that trackers' clients read (BEP 31).
pub(crate) async fn turn_away(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    let exchange = async {
        // What is closed with a request unread is reset, and the answer is lost.
        let mut request = Vec::new();
        while !request.windows(4).any(|window| window == b"\r\n\r\n") && request.len() < MAX_READ {
            if stream.read_buf(&mut request).await? == 0 {
                break;
            }
        }
        stream.write_all(&answer()).await?;
        stream.shutdown().await
    };
    // The client may leave at any time, and is owed nothing.
    let _ended = tokio::time::timeout(PATIENCE, exchange).await;
}

fn answer() -> Vec<u8> {
    let busy = Failure::new(b"the tracker is too busy");
    let mut body = Vec::new();
    write_failure(&Failure { retry: Some(RetryIn::After(RETRY)), ..busy }, &mut body);
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: {}\r\nContent-Type: text/plain\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        RETRY.as_secs(),
        body.len()
    );
    [head.into_bytes(), body].concat()
}
