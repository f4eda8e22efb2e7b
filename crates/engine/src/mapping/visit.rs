//! Requests to UPnP devices.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

use portmap::{Answer, Request};

use crate::egress::Egress;

/// All of one request.
const TIMEOUT: Duration = Duration::from_secs(8);

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Makes a request; `None` when it brings no answer in time.
pub(super) async fn make(egress: Egress, request: Request) -> (u64, Option<Answer>) {
    let id = request.id;
    let to = request.to;
    match tokio::time::timeout(TIMEOUT, exchange(&egress, request)).await {
        Ok(Ok(answer)) => (id, Some(answer)),
        Ok(Err(error)) => {
            tracing::debug!(%to, error, "no answer of a UPnP device");
            (id, None)
        }
        Err(_) => (id, None),
    }
}

async fn exchange(egress: &Egress, request: Request) -> Result<Answer, BoxError> {
    let stream = egress.connect(request.to).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with this request, however that ends.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let builder = hyper::Request::builder()
        .uri(request.path)
        .header(HOST, request.to.to_string())
        .header(CONNECTION, "close");
    let built = match request.soap {
        None => builder.method("GET").body(Full::new(Bytes::new())),
        Some((action, body)) => builder
            .method("POST")
            .header("SOAPAction", action)
            .header(CONTENT_TYPE, "text/xml; charset=\"utf-8\"")
            .body(Full::new(Bytes::from(body))),
    };
    let response = sender.send_request(built?).await?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), Answer::BODY_MAX).collect().await?;
    Ok(Answer { status, body: body.to_bytes().to_vec() })
}
