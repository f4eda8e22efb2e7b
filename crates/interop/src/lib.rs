//! Tests of the binary against the clients that people already run.
//!
//! Each test has a network of its own: namespaces joined by a bridge, with addresses that are
//! reserved for benchmarks (198.18.0.0/15, 2001:2::/48). Nothing leaves it, and every process in it
//! ends with the test. A [`Lab`] is that network; a [`Node`] is a machine in it; a [`Client`] is a
//! program on a node that seeds and gets.

mod aria2;
mod base64;
mod capture;
mod client;
mod content;
mod dht_node;
mod fluvial;
mod http;
mod lab;
mod libtorrent;
mod mirrors;
mod names;
mod namespaces;
mod opentracker;
mod process;
mod programs;
mod proxy_node;
mod python_server;
mod router;
mod rqbit;
mod rtorrent;
mod trackers;
mod transmission;
mod wait;

// The public interface is:
pub use aria2::Aria2;
pub use capture::{Capture, Recording};
pub use client::{Client, Manner, Source};
pub use content::{Content, Format, Shape};
pub use dht_node::DhtNode;
pub use fluvial::Fluvial;
pub use lab::{Lab, Node, Wire};
pub use libtorrent::Libtorrent;
pub use mirrors::{Authority, Nginx, Request, Vsftpd};
pub use names::NameServer;
pub use namespaces::{run, run_program};
pub use opentracker::Opentracker;
pub use programs::{Program, versions};
pub use proxy_node::ProxyNode;
pub use python_server::PythonServer;
pub use router::Router;
pub use rqbit::Rqbit;
pub use rtorrent::Rtorrent;
pub use trackers::TrackerNode;
pub use transmission::Transmission;
pub use wait::wait_until;
