//! Where a list of this network is found: `<anything>/status/<credential type>/<number>`, and what that says of it.

/// A status list of an issuer, as credentials of other formats name it (STAT-09).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListAddress {
    /// The type whose credentials are on it.
    pub credential_type: String,
    /// Its number.
    pub number: u32,
}

impl ListAddress {
    /// The address below the issuer's own, `https://…`.
    #[must_use]
    pub fn write(&self, base: &str) -> String {
        format!("{}/status/{}/{}", base.trim_end_matches('/'), self.credential_type, self.number)
    }

    /// Reads an address. Whose list it is follows from who signed the credential, never from the host.
    #[must_use]
    pub fn read(address: &str) -> Option<Self> {
        let (rest, number) = address.rsplit_once('/')?;
        let (rest, credential_type) = rest.rsplit_once('/')?;
        let canonical = number.parse::<u32>().ok().filter(|parsed| parsed.to_string() == number)?;
        let (base, last) = rest.rsplit_once('/')?;
        if base.is_empty() || last != "status" || credential_type.is_empty() {
            return None;
        }
        Some(Self { credential_type: credential_type.to_owned(), number: canonical })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_09_addresses_name_type_and_number() {
        let list = ListAddress { credential_type: "kr.go.police.driver-licence.1".to_owned(), number: 7 };
        for base in ["https://issuer.example", "https://issuer.example/", "http://127.0.0.1:8701/issuer"] {
            assert_eq!(ListAddress::read(&list.write(base)), Some(list.clone()), "{base}");
        }
        for bad in [
            "",
            "7",
            "status/a/7",
            "https://issuer.example/a/7",
            "https://x/status/a/07",
            "https://x/status/a/-1",
            "https://x/status//7",
            "https://x/status/a/4294967296",
        ] {
            assert_eq!(ListAddress::read(bad), None, "{bad}");
        }
    }
}
