//! Fetching documents of `did:web` (`specs/did-web.md`): over HTTPS, from public addresses, following nobody elsewhere.

mod address;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use protocol::identifier::DidWeb;
use serde_json::Value;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use crate::output::CliError;

/// Longest time for a document, everything included.
const TIME: Duration = Duration::from_secs(10);

/// Which hosts may be asked, and who vouches for them. A type, so that no option of the program widens it.
pub(crate) trait Reach: fmt::Debug + Send + Sync + 'static {
    /// Whether a connection to this address may be opened.
    fn allows(&self, address: IpAddr) -> bool;
    /// The authorities whose certificates count.
    fn roots(&self) -> RootCerts;
}

/// The public Internet, with Mozilla's authorities: the only reach of the program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Public;

impl Reach for Public {
    fn allows(&self, address: IpAddr) -> bool {
        address::is_public(address)
    }

    fn roots(&self) -> RootCerts {
        RootCerts::WebPki
    }
}

/// Fetches documents within a reach.
pub(crate) struct Fetcher(ureq::Agent);

impl Fetcher {
    pub(crate) fn new(reach: impl Reach) -> Self {
        let tls = TlsConfig::builder().root_certs(reach.roots()).build();
        let config = ureq::Agent::config_builder()
            .https_only(true)
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(TIME))
            .accept("application/did+json, application/json")
            .tls_config(tls)
            .build();
        Self(ureq::Agent::with_parts(config, DefaultConnector::default(), Checked(reach)))
    }

    /// The document of `did`, checked to be its own.
    pub(crate) fn document(&self, did: &DidWeb) -> Result<Value, CliError> {
        let host = did.host();
        let mut response = self.0.get(did.url()).call().map_err(|error| failed(host, &error))?;
        match response.status().as_u16() {
            200 => {}
            300..400 => {
                let message = format!("{host} leads elsewhere, which nobody follows; ask its owner");
                return Err(CliError::refused("RedirectRefused", message));
            }
            404 | 410 => return Err(CliError::refused("NotFound", format!("{host} has no document of this DID"))),
            status => {
                let message = format!("{host} answered with status {status}; try again later");
                return Err(CliError::refused("ServiceFailed", message));
            }
        }
        // One byte more than is allowed, so that the reader sees that there was more. DWEB-05
        let limit = DidWeb::DOCUMENT_MAX as u64 + 1;
        let body =
            response.body_mut().with_config().limit(limit).read_to_vec().map_err(|error| failed(host, &error))?;
        Ok(did.document(&body)?.0)
    }
}

fn failed(host: &str, error: &ureq::Error) -> CliError {
    match error {
        ureq::Error::Other(inner) if inner.is::<PrivateAddress>() => {
            CliError::refused("PrivateAddress", format!("{host} {PrivateAddress}"))
        }
        ureq::Error::BodyExceedsLimit(_) => {
            CliError::refused("MalformedDocument", format!("the document of {host} is larger than any may be"))
        }
        _ => CliError::refused("ServiceUnreachable", format!("{host} cannot be reached ({error}); try again")),
    }
}

/// A name leads to an address that is not public.
#[derive(Debug)]
struct PrivateAddress;

impl fmt::Display for PrivateAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("is at an address that is not public; nobody may be sent there")
    }
}

impl std::error::Error for PrivateAddress {}

/// Looks a name up once; the connection goes to what was looked at here, so that a name cannot change meaning in between.
#[derive(Debug)]
struct Checked<R>(R);

impl<R: Reach> Resolver for Checked<R> {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = DefaultResolver::default().resolve(uri, config, timeout)?;
        // DWEB-04: one bad address among good ones is an attempt, too.
        if found.iter().all(|address| self.0.allows(address.ip())) {
            Ok(found)
        } else {
            Err(ureq::Error::Other(Box::new(PrivateAddress)))
        }
    }
}

#[cfg(test)]
mod tests;
