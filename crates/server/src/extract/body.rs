//! Reading a body: never more than the route's limit, never longer than the server's patience.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::{Bytes, BytesMut};
use domain::refusal::{Code, Refusal};
use http_body_util::BodyExt;
use tokio::time::{Instant, timeout_at};

use crate::app::App;
use crate::failure::Failure;

/// How much of a body that is too large is read on and thrown away, so that the caller gets to read the answer.
const DISCARDED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The longest body a route reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLimit {
    /// The server's setting, 64 KiB unless changed.
    Usual,
    Bytes(usize),
}

/// The bytes of a body as they were sent, for handlers that keep what they refuse.
pub struct RawBody(pub Result<Bytes, TooLarge>);

/// A body beyond the limit, with as much of it as was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLarge {
    pub bytes_max: usize,
    /// The first `bytes_max` bytes.
    pub beginning: Bytes,
}

impl From<TooLarge> for Refusal {
    fn from(too_large: TooLarge) -> Refusal {
        Refusal::new(
            Code::PayloadTooLarge,
            format!("The body is longer than {} bytes. Send less at once.", too_large.bytes_max),
        )
    }
}

impl FromRequest<App> for RawBody {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<RawBody, Failure> {
        let bytes_max = match request.extensions().get::<BodyLimit>() {
            Some(BodyLimit::Bytes(bytes)) => *bytes,
            Some(BodyLimit::Usual) | None => app.settings().body_bytes_max,
        };
        let deadline = Instant::now() + app.settings().body_time_max;
        match timeout_at(deadline, read(request.into_body(), bytes_max)).await {
            Ok(body) => Ok(RawBody(body?)),
            Err(_elapsed) => {
                Err(Refusal::new(Code::RequestTimeout, "The body took too long to arrive. Send it again.").into())
            }
        }
    }
}

async fn read(mut body: Body, bytes_max: usize) -> Result<Result<Bytes, TooLarge>, Refusal> {
    let mut read = BytesMut::new();
    let mut discarded = 0;
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|_| Refusal::new(Code::MalformedJson, "The body ended before its announced length."))?;
        let Ok(chunk) = frame.into_data() else { continue };
        let kept = chunk.len().min(bytes_max - read.len());
        read.extend_from_slice(&chunk[..kept]);
        discarded += chunk.len() - kept;
        if discarded > DISCARDED_BYTES_MAX {
            break;
        }
    }
    let beginning = read.freeze();
    Ok(if discarded == 0 { Ok(beginning) } else { Err(TooLarge { bytes_max, beginning }) })
}
