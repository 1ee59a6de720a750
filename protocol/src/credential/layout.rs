//! The order in which a credential's numbers are signed.

/// Where each number of a credential stands. The first five are the same in every type, so that every
/// proof of a type has one length and one meaning (CRED-01).
pub struct Layout;

impl Layout {
    /// The holder's secret; committed to blindly, never known to the issuer.
    pub const LINK_SECRET: usize = 0;
    /// Makes the commitment to the link secret hide it from any computer.
    pub const BLINDER: usize = 1;
    /// What withdrawal refers to.
    pub const HANDLE: usize = 2;
    /// Last day of validity.
    pub const EXPIRY: usize = 3;
    /// Hash of the device key, or zero where the type has none.
    pub const DEVICE_KEY: usize = 4;
    /// The first attribute of the type.
    pub const ATTRIBUTES: usize = 5;
}
