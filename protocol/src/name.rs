//! Stable names of errors, for the wire, the command line and test vectors.

use core::fmt::Debug;

/// The name of the innermost variant of an error: `Presentation(Proof(ProofInvalid))` is `ProofInvalid`.
///
/// Variants that wrap another error are transparent; fields are not part of the name.
pub fn error_name(error: &impl Debug) -> String {
    let text = format!("{error:?}");
    let mut rest = text.as_str();
    loop {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (name, tail) = rest.split_at(end);
        match tail.strip_prefix('(') {
            Some(inner) if inner.starts_with(|c: char| c.is_ascii_uppercase()) => rest = inner,
            _ => return name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::error_name;

    #[derive(Debug)]
    #[allow(dead_code, reason = "read through Debug")]
    enum Outer {
        Plain,
        Wraps(Inner),
        Text(String),
        Field { index: usize },
    }

    #[derive(Debug)]
    enum Inner {
        Deep,
    }

    #[test]
    fn innermost_variant_without_fields() {
        assert_eq!(error_name(&Outer::Plain), "Plain");
        assert_eq!(error_name(&Outer::Wraps(Inner::Deep)), "Deep");
        assert_eq!(error_name(&Outer::Text("Name(x)".into())), "Text");
        assert_eq!(error_name(&Outer::Field { index: 3 }), "Field");
    }
}
