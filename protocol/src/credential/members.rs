//! Sets of values that a statement can name: "one of these codes", "any of these classes", "inside this region".

use super::credential_type::{Code, CredentialType, Encoding};
use crate::crypto::public_set::POWERS_MAX;

/// Most members of a set attribute that statements can be made about: 2⁹ bitmaps.
const PROVABLE_SET_MAX: usize = 9;

impl CredentialType {
    /// How many values the attribute at `position` can have, if statements can name sets of them: the codes of a
    /// list, the bitmaps of a set of at most nine.
    fn domain(&self, position: usize) -> Option<usize> {
        match &self.attributes.get(position)?.encoding {
            Encoding::Code(codes) => Some(codes.len()),
            Encoding::Set(codes) if codes.len() <= PROVABLE_SET_MAX => Some(1 << codes.len()),
            _ => None,
        }
    }

    /// How many powers an issuer of this type publishes, so that every statement about a set can be proven
    /// ([`crate::crypto::public_set`]): one less than the largest attribute has values, 0 if no attribute needs any.
    #[must_use]
    pub fn set_powers(&self) -> usize {
        let domains = (0..self.attributes.len()).filter_map(|position| self.domain(position));
        domains.max().unwrap_or(0).saturating_sub(1).min(POWERS_MAX)
    }

    /// The numbers of `attribute` that are, or with `any` = false are not, what `codes` name (CTYP-09): a code itself
    /// and every code inside it; a bitmap with at least one of the codes.
    ///
    /// None when the attribute has no such codes, when they are not in the type's order, each once, or when the
    /// statement would hold for all or for nobody.
    #[must_use]
    pub fn members(&self, attribute: &str, codes: &[String], any: bool) -> Option<Vec<u64>> {
        let position = self.position(attribute)?;
        let size = self.domain(position)?;
        let encoding = &self.attributes.get(position)?.encoding;
        let (Encoding::Code(known) | Encoding::Set(known)) = encoding else { return None };
        let find = |code: &String| known.iter().position(|known| known.code == *code);
        let named: Vec<usize> = codes.iter().map(find).collect::<Option<_>>()?;
        if !named.windows(2).all(|pair| matches!(pair, [a, b] if a < b)) {
            return None;
        }
        let holds = |number: usize| match encoding {
            Encoding::Set(_) => named.iter().any(|bit| number >> bit & 1 == 1),
            _ => named.iter().any(|name| is_inside(known, number, *name)),
        };
        let members: Vec<u64> = (0..size).filter(|number| holds(*number) == any).map(|number| number as u64).collect();
        if members.is_empty() || members.len() == size { None } else { Some(members) }
    }
}

/// Whether the code at `inner` is the one at `outer` or lies inside it: `KR-11-680` inside `KR-11`.
fn is_inside(codes: &[Code], inner: usize, outer: usize) -> bool {
    let code = |position: usize| codes.get(position).map_or("", |code| code.code.as_str());
    let rest = code(inner).strip_prefix(code(outer));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> CredentialType {
        CredentialType::parse(include_bytes!("../../../specs/types/zk-identity.json")).unwrap()
    }

    fn members(attribute: &str, codes: &[&str], any: bool) -> Option<Vec<u64>> {
        let codes: Vec<_> = codes.iter().map(|code| (*code).to_owned()).collect();
        identity().members(attribute, &codes, any)
    }

    #[test]
    fn ctyp_09_codes_name_sets_of_values() {
        assert_eq!(members("gender", &["F"], true), Some(vec![1]));
        assert_eq!(members("gender", &["F"], false), Some(vec![0, 2]));
        assert_eq!(members("nationality", &["KOR", "JPN"], true), Some(vec![0, 4]));
        let licensed = members("classes", &["1-ordinary", "2-ordinary"], true).unwrap();
        assert_eq!(licensed.len(), 48);
        assert!(licensed.iter().all(|bitmap| bitmap & 0b1010 != 0));
        let unlicensed = members("classes", &["1-ordinary", "2-ordinary"], false).unwrap();
        assert_eq!(unlicensed.len(), 16);
        assert!(unlicensed.contains(&0) && unlicensed.iter().all(|bitmap| bitmap & 0b1010 == 0));
    }

    #[test]
    fn ctyp_09_a_region_has_what_lies_inside() {
        let identity = identity();
        let code = |region: &str| {
            let position = identity.position("residence").unwrap();
            match identity.read_value(position, region).unwrap() {
                crate::credential::Value::Number(number) => number,
                _ => unreachable!(),
            }
        };
        let seoul = members("residence", &["KR-11"], true).unwrap();
        assert!(
            seoul.contains(&code("KR-11")) && seoul.contains(&code("KR-11-680")) && !seoul.contains(&code("KR-26"))
        );
        assert_eq!(members("residence", &["KR-11-680"], true), Some(vec![code("KR-11-680")]));
        let elsewhere = members("residence", &["KR-11"], false).unwrap();
        assert_eq!(elsewhere.len() + seoul.len(), identity.set_powers().min(64).min(code_count(&identity)));
    }

    fn code_count(identity: &CredentialType) -> usize {
        identity.domain(identity.position("residence").unwrap()).unwrap()
    }

    #[test]
    fn ctyp_09_a_set_is_named_in_one_way_and_says_something() {
        assert_eq!(members("gender", &[], true), None);
        assert_eq!(members("gender", &[], false), None);
        assert_eq!(members("gender", &["M", "F", "X"], true), None);
        assert_eq!(members("gender", &["F", "M"], true), None);
        assert_eq!(members("gender", &["F", "F"], true), None);
        assert_eq!(members("gender", &["Y"], true), None);
        assert_eq!(members("birth_date", &["F"], true), None);
        assert_eq!(members("hair", &["F"], true), None);
    }

    #[test]
    fn powers_are_as_many_as_the_largest_attribute_needs() {
        assert_eq!(identity().set_powers(), 63);
        let mut other = identity();
        other.attributes.retain(|attribute| attribute.name == "birth_date");
        assert_eq!(other.set_powers(), 0);
    }
}
