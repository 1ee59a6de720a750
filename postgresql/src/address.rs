//! Where a database is, and how the way there is protected.

use std::net::IpAddr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use crate::DatabaseError;
use crate::tls::Tls;

/// Where a database is: `postgres://user:password@host:port/name`, several hosts with commas between them, or a folder with a
/// socket instead of a host (`%2Frun%2Fpostgresql`).
///
/// Nothing protects a way that does not leave the machine. Any other one is TLS with a certificate that the named authority
/// gave for the host's name, whatever the address says.
#[derive(Clone)]
pub struct Address {
    config: Config,
    tls: Option<Tls>,
}

impl Address {
    /// Reads an address. `authority` is the certificate, in PEM, of whoever vouches for the server.
    ///
    /// # Errors
    /// [`DatabaseError::AddressMalformed`], [`DatabaseError::AddressUnprotected`], [`DatabaseError::AuthorityMalformed`].
    pub fn parse(text: &str, authority: Option<&[u8]>) -> Result<Self, DatabaseError> {
        let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
        let parsed = text.parse::<Config>().ok().filter(|_| is_url);
        let mut config = parsed.ok_or(DatabaseError::AddressMalformed)?;
        if config.get_hosts().is_empty() || config.get_dbname().is_none() {
            return Err(DatabaseError::AddressMalformed);
        }
        // A standby that is asked instead cannot write.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        config.connect_timeout(Duration::from_secs(5)).tcp_user_timeout(Duration::from_secs(20));
        config
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3);
        let leaves = !config.get_hosts().iter().all(stays_here)
            || config.get_hostaddrs().iter().any(|address| !address.is_loopback());
        let tls = match authority {
            Some(pem) => Some(Tls::trusting(pem)?),
            None if leaves => return Err(DatabaseError::AddressUnprotected),
            None => None,
        };
        if leaves && config.get_ssl_mode() == SslMode::Disable {
            return Err(DatabaseError::AddressUnprotected);
        }
        let over_tcp = config.get_hosts().iter().any(|host| matches!(host, Host::Tcp(_)));
        // "Prefer" takes what comes, and whoever is in between decides what does.
        config.ssl_mode(if tls.is_some() && over_tcp { SslMode::Require } else { SslMode::Disable });
        Ok(Self { config, tls })
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }
}

/// Whether a host is this machine by its very name.
fn stays_here(host: &Host) -> bool {
    match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<DatabaseError> {
        Address::parse(text, None).err()
    }

    #[test]
    fn an_address_says_where_and_which() {
        for good in [
            "postgres://issuer:secret@127.0.0.1:5432/issuer",
            "postgresql://issuer@localhost/issuer",
            "postgres://issuer@%2Frun%2Fpostgresql/issuer",
            "postgres://issuer@[::1]:5433/issuer",
        ] {
            assert_eq!(refused(good), None, "{good}");
        }
        for bad in
            ["", "issuer.db", "host=localhost dbname=issuer", "postgres://", "postgres://localhost", "mysql://h/d"]
        {
            assert_eq!(refused(bad), Some(DatabaseError::AddressMalformed), "{bad}");
        }
    }

    #[test]
    fn nothing_leaves_the_machine_unprotected() {
        for bad in [
            "postgres://issuer@database.example/issuer",
            "postgres://issuer@10.0.0.7/issuer",
            "postgres://issuer@localhost,database.example/issuer",
            "postgres://issuer@localhost/issuer?hostaddr=10.0.0.7",
        ] {
            assert_eq!(refused(bad), Some(DatabaseError::AddressUnprotected), "{bad}");
        }
        let none = Address::parse("postgres://issuer@database.example/issuer", Some(b"no certificate"));
        assert_eq!(none.err(), Some(DatabaseError::AuthorityMalformed));
    }
}
