//! The issuer's console beside a running network: at an address of its own, on this machine.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use issuer::Issuer;
use issuer::console::{Accounts, Clerk, Console, Role, router};
use issuer::server::{AdminToken, Limits, Service};
use tokio::net::TcpListener;

use crate::network::Network;
use crate::output::CliError;
use crate::{clock, randomness};

/// Who can log in at a network for trying out: one for each role, so that the second pair of eyes is somebody else's.
const SHOWN: [(&str, &str, Role); 3] =
    [("clerk", "김민원", Role::Clerk), ("approver", "이확인", Role::Approver), ("auditor", "박감사", Role::Auditor)];

/// Where the console of a network is, and who was made at its first start.
pub(crate) struct Opened {
    pub(crate) url: String,
    /// Names and passwords; kept nowhere.
    pub(crate) made: Vec<(&'static str, zeroize::Zeroizing<String>)>,
}

/// Serves the console of a network on this machine, one port above the network's, until the network stops.
pub(crate) fn start(network: &Network, listen: Option<SocketAddr>) -> Result<Opened, CliError> {
    let made = first_clerks(network.issuer())?;
    let token = AdminToken::load(network.issuer().dir(), &mut randomness::os()?)?;
    let service = Service::new(network.issuer().clone(), Arc::new(clock::now), token, Limits::default());
    let console = Console::new(service, false);
    let _inside = network.runtime().enter();
    let listener = network.runtime().block_on(listen_near(network.url(), listen))?;
    let url = format!("http://{}", listener.local_addr().map_err(unusable)?);
    let mut stopping = network.stopping();
    let working = tokio::spawn(console.clone().keep_working());
    tokio::spawn(async move {
        let stopped = async move {
            // The sender is gone only when the network is.
            let _ = stopping.wait_for(|stop| *stop).await;
        };
        ledger_node::serve_router(listener, router(console), ledger_node::Limits::default(), stopped).await;
        working.abort();
    });
    Ok(Opened { url, made })
}

fn unusable(error: std::io::Error) -> CliError {
    CliError::refused("AddressUnusable", format!("the console cannot listen: {error}; choose another with --console"))
}

/// The address that was named; else the port above the network's, or any free one.
async fn listen_near(url: &str, named: Option<SocketAddr>) -> Result<TcpListener, CliError> {
    if let Some(address) = named {
        refuse_plain(address, false)?;
        return TcpListener::bind(address).await.map_err(unusable);
    }
    let port = url.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()).unwrap_or_default();
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port.checked_add(1).unwrap_or_default())).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(unusable),
    }
}

/// Passwords cross no network in the clear (CONS-04).
pub(crate) fn refuse_plain(address: SocketAddr, behind_tls: bool) -> Result<(), CliError> {
    if behind_tls || address.ip().is_loopback() {
        return Ok(());
    }
    let text = format!("{address} is not on this machine; put a proxy with TLS before it and say --console-tls");
    Err(CliError::refused("ConsoleNeedsTls", text))
}

/// Makes the clerks of a network for trying out, when it has none yet.
fn first_clerks(issuer: &Issuer) -> Result<Vec<(&'static str, zeroize::Zeroizing<String>)>, CliError> {
    let mut accounts = Accounts::load(issuer.dir())?;
    if !accounts.is_empty() {
        return Ok(Vec::new());
    }
    let mut rng = randomness::os()?;
    let mut made = Vec::new();
    for (id, name, role) in SHOWN {
        let clerk = Clerk { id: id.to_owned(), name: name.to_owned(), roles: vec![role] };
        made.push((id, accounts.set(&clerk, &mut rng)?));
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cons_04_passwords_cross_no_network_in_the_clear() {
        let outside: SocketAddr = "192.0.2.1:7802".parse().unwrap();
        let refused = refuse_plain(outside, false);
        assert!(matches!(refused, Err(CliError::Refused { name, .. }) if name == "ConsoleNeedsTls"));
        assert!(refuse_plain(outside, true).is_ok());
        assert!(refuse_plain("[::1]:7802".parse().unwrap(), false).is_ok());
    }
}
