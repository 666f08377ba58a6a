//! Questions to a daemon's admin endpoint over TCP, as a kubelet or a monitoring system asks them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use support::wait_until_blocking;

use crate::PATIENCE;

/// One request and its answer: status and body. `None` while nobody answers.
pub fn ask(port: u16, method: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

/// Waits until a path is answered with this status; the body.
pub fn wait_for(port: u16, path: &str, wanted: u16) -> String {
    wait_until_blocking(&format!("{path} says {wanted}"), PATIENCE, || {
        match ask(port, "GET", path) {
            Some((status, body)) if status == wanted => Ok(body),
            other => Err(format!("{other:?}")),
        }
    })
}
