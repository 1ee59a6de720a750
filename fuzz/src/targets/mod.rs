//! The targets. Each returns whether some parser took the input.

mod own;
mod standard;
mod web;

/// One group of parsers.
pub struct Target {
    /// Its name, and that of its folder.
    pub name: &'static str,
    /// Gives it bytes.
    pub run: fn(&[u8]) -> bool,
}

/// All of them.
pub const ALL: [Target; 13] = [
    Target { name: "messages", run: own::messages },
    Target { name: "ledger", run: own::ledger },
    Target { name: "bundle", run: own::bundle },
    Target { name: "codes", run: own::codes },
    Target { name: "types", run: own::types },
    Target { name: "w3c", run: web::credential },
    Target { name: "w3c-part", run: web::part },
    Target { name: "sd-jwt", run: standard::sd_jwt },
    Target { name: "mdoc", run: standard::mdoc },
    Target { name: "mdoc-session", run: standard::session },
    Target { name: "tokens", run: standard::tokens },
    Target { name: "certificates", run: standard::certificates },
    Target { name: "status", run: standard::status },
];
