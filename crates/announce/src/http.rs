//! The HTTP tracker protocol, both roles (BEP 3, 7, 23, 24, 31, 48).

mod query;
mod request;
mod response;

// The public interface is:
pub use request::{
    AnnounceQuery, announce_url, parse_announce_query, parse_scrape_query, scrape_url,
};
pub use response::{
    parse_announce_response, parse_scrape_response, write_announce_response, write_failure,
    write_scrape_response,
};

#[cfg(test)]
mod tests;
