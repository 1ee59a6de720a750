//! Statements by JSON pointer: what `ecdsa-sd-2023` and `bbs-2023` share (vc-di-ecdsa 1.0, section 3.4).
//!
//! Every node without a name gets a temporary one, so that a selection of the document and the whole of it call it the same.
//! Then both become statements, the temporary names become labels again, and a statement of the whole is selected when the
//! selection has it too.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use oxrdf::{BlankNode, Dataset, GraphName, NamedNode, NamedOrBlankNode, Quad, Term};
use serde_json::{Map, Value};

use super::W3cError;
use super::contexts::Contexts;
use super::rdf::{self, Order};

/// Temporary names of nodes without a name.
const TEMPORARY: &str = "urn:bnid:";
/// The most pointers of a proof or request, and the deepest.
const POINTERS_MAX: usize = 128;
const POINTER_PARTS_MAX: usize = 32;

/// The whole document, its statements named by the suite, and the way to selections of it.
pub(super) struct Document<'a> {
    /// With temporary names.
    named: Value,
    contexts: &'a Contexts,
    /// Own label to the suite's label.
    labels: HashMap<String, String>,
    /// The statements in order.
    pub(super) lines: Vec<String>,
}

/// Which statements a list of pointers selects.
pub(super) struct Selection {
    /// Positions among the statements of the whole document, ascending.
    pub(super) matching: Vec<usize>,
    /// The statements, nodes under their own labels.
    statements: Dataset,
}

impl<'a> Document<'a> {
    /// `relabel` makes the suite's labels from the canonical ones.
    pub(super) fn new(
        document: &Value,
        contexts: &'a Contexts,
        relabel: impl FnOnce(Vec<(String, String)>) -> HashMap<String, String>,
    ) -> Result<Self, W3cError> {
        let (named, statements) = with_temporary_names(document, contexts)?;
        let canonical = rdf::canonical_names(&statements, Order::Sha256)?;
        let labels = relabel(canonical.into_iter().collect());
        let lines = rdf::lines(&statements, &labels);
        Ok(Self { named, contexts, labels, lines })
    }

    /// The statements that the pointers select.
    pub(super) fn select(&self, pointers: &[String]) -> Result<Selection, W3cError> {
        let Some(selected) = selected(&self.named, pointers)? else {
            return Ok(Selection { matching: Vec::new(), statements: Dataset::new() });
        };
        let statements = without_temporary_names(&rdf::statements(&selected, self.contexts)?)?;
        let chosen: HashSet<String> = rdf::lines(&statements, &self.labels).into_iter().collect();
        let matching = self.lines.iter().enumerate().filter(|(_, line)| chosen.contains(*line)).map(|(at, _)| at);
        Ok(Selection { matching: matching.collect(), statements })
    }

    /// What a verifier will call the nodes of a selection (`c14n0` as 0), to what the suite calls them.
    pub(super) fn verifier_labels(&self, selection: &Selection) -> Result<BTreeMap<u64, String>, W3cError> {
        let names = rdf::canonical_names(&selection.statements, Order::Sha256)?;
        let mut labels = BTreeMap::new();
        for (own, canonical) in names {
            let number = canonical.strip_prefix("c14n").and_then(|digits| digits.parse().ok());
            let label = self.labels.get(&own).ok_or(W3cError::CanonicalizationLimit)?;
            labels.insert(number.ok_or(W3cError::CanonicalizationLimit)?, label.clone());
        }
        Ok(labels)
    }
}

/// The statements of a document that shows a part, in the order that the suite's labels give.
pub(super) fn shown_lines(
    document: &Value,
    contexts: &Contexts,
    labels: &BTreeMap<u64, String>,
) -> Result<Vec<String>, W3cError> {
    let statements = rdf::statements(document, contexts)?;
    let canonical = rdf::canonical_names(&statements, Order::Sha256)?;
    // DSEL-04: a label for each node and a node for each label, all different.
    if canonical.len() != labels.len() || labels.values().collect::<BTreeSet<_>>().len() != labels.len() {
        return Err(W3cError::MalformedProof("proofValue"));
    }
    let mut names = HashMap::new();
    for (own, name) in canonical {
        let number: Option<u64> = name.strip_prefix("c14n").and_then(|digits| digits.parse().ok());
        let label = number.and_then(|number| labels.get(&number)).ok_or(W3cError::MalformedProof("proofValue"))?;
        names.insert(own, label.clone());
    }
    Ok(rdf::lines(&statements, &names))
}

/// Gives a temporary name to each node without one, and says the statements.
fn with_temporary_names(document: &Value, contexts: &Contexts) -> Result<(Value, Dataset), W3cError> {
    let mut excluded = BTreeSet::new();
    // Objects that are no nodes (a JSON literal's) do not turn up as nodes; they are left as they were in the second round.
    for _ in 0..2 {
        let (mut named, mut count) = (document.clone(), 0);
        name_nodes(&mut named, &mut count, &excluded)?;
        let statements = rdf::statements(&named, contexts)?;
        let seen: HashSet<usize> = statements.iter().flat_map(|quad| temporary_numbers(&quad.into_owned())).collect();
        let missing: BTreeSet<usize> = (0..count).filter(|at| !seen.contains(at) && !excluded.contains(at)).collect();
        if missing.is_empty() {
            return Ok((named, without_temporary_names(&statements)?));
        }
        excluded.extend(missing);
    }
    Err(W3cError::UnprotectedTerm)
}

fn name_nodes(value: &mut Value, count: &mut usize, excluded: &BTreeSet<usize>) -> Result<(), W3cError> {
    match value {
        Value::Array(elements) => elements.iter_mut().try_for_each(|element| name_nodes(element, count, excluded)),
        Value::Object(members) => {
            let container = ["@value", "@list", "@set"].iter().any(|keyword| members.contains_key(*keyword));
            for (name, inner) in members.iter_mut() {
                if name != "@context" {
                    name_nodes(inner, count, excluded)?;
                }
            }
            if !container && !members.contains_key("id") && !members.contains_key("@id") {
                if !excluded.contains(count) {
                    members.insert("@id".to_owned(), format!("{TEMPORARY}{count}").into());
                }
                *count += 1;
            }
            Ok(())
        }
        // DSEL-01: nobody else's name looks like a temporary one, and nodes have no labels of the document's own.
        Value::String(text) if text.starts_with(TEMPORARY) || text.starts_with("_:") => Err(W3cError::UnprotectedTerm),
        _ => Ok(()),
    }
}

fn temporary_numbers(quad: &Quad) -> Vec<usize> {
    let number = |node: &NamedNode| node.as_str().strip_prefix(TEMPORARY).and_then(|digits| digits.parse().ok());
    let subject = match &quad.subject {
        NamedOrBlankNode::NamedNode(node) => number(node),
        NamedOrBlankNode::BlankNode(_) => None,
    };
    let object = match &quad.object {
        Term::NamedNode(node) => number(node),
        _ => None,
    };
    subject.into_iter().chain(object).collect()
}

/// Temporary names become labels. Any other node without a name (a list's, a graph's) would be called differently in a
/// selection, so such documents cannot be shown in parts (DSEL-02).
fn without_temporary_names(statements: &Dataset) -> Result<Dataset, W3cError> {
    let label = |node: &NamedNode| {
        node.as_str().strip_prefix(TEMPORARY).map(|digits| BlankNode::new_unchecked(format!("b{digits}")))
    };
    let mut renamed = Dataset::new();
    for quad in statements.iter() {
        let Quad { subject, predicate, object, graph_name } = quad.into_owned();
        let subject = match subject {
            NamedOrBlankNode::NamedNode(node) => match label(&node) {
                Some(label) => NamedOrBlankNode::from(label),
                None => node.into(),
            },
            NamedOrBlankNode::BlankNode(_) => return Err(W3cError::UnprotectedTerm),
        };
        let object = match object {
            Term::NamedNode(node) => match label(&node) {
                Some(label) => Term::from(label),
                None => node.into(),
            },
            Term::BlankNode(_) => return Err(W3cError::UnprotectedTerm),
            literal => literal,
        };
        if graph_name != GraphName::DefaultGraph {
            return Err(W3cError::UnprotectedTerm);
        }
        renamed.insert(&Quad { subject, predicate, object, graph_name });
    }
    Ok(renamed)
}

/// A part of a JSON document.
enum Part {
    All,
    Members(BTreeMap<String, Part>),
    Elements(BTreeMap<usize, Part>),
}

/// The document cut down to what the pointers select: `@context`, the ids and types on the way, and the values they lead to
/// (DSEL-03). `None` when there are no pointers.
pub(super) fn selected(document: &Value, pointers: &[String]) -> Result<Option<Value>, W3cError> {
    if pointers.is_empty() {
        return Ok(None);
    }
    if pointers.len() > POINTERS_MAX {
        return Err(W3cError::TooLarge);
    }
    let mut root = Part::Members(BTreeMap::new());
    for pointer in pointers {
        let parts = pointer_parts(pointer)?;
        mark(&mut root, document, &parts)?;
    }
    let mut cut = render(&root, document);
    if let (Some(context), Some(members)) = (document.get("@context"), cut.as_object_mut()) {
        members.insert("@context".to_owned(), context.clone());
    }
    Ok(Some(cut))
}

/// RFC 6901.
fn pointer_parts(pointer: &str) -> Result<Vec<String>, W3cError> {
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let rest = pointer.strip_prefix('/').ok_or(W3cError::PointerNotFound)?;
    let parts: Vec<String> = rest.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    if parts.len() > POINTER_PARTS_MAX { Err(W3cError::PointerNotFound) } else { Ok(parts) }
}

fn mark(part: &mut Part, value: &Value, path: &[String]) -> Result<(), W3cError> {
    let Some((step, rest)) = path.split_first() else {
        *part = Part::All;
        return Ok(());
    };
    let (inner, fresh) = match value {
        Value::Object(members) => {
            let inner = members.get(step).ok_or(W3cError::PointerNotFound)?;
            (inner, empty(inner))
        }
        Value::Array(elements) => {
            let inner = index(step).and_then(|at| elements.get(at)).ok_or(W3cError::PointerNotFound)?;
            (inner, empty(inner))
        }
        _ => return Err(W3cError::PointerNotFound),
    };
    match part {
        // All of it is selected already; the pointer only has to lead somewhere.
        Part::All => mark(&mut Part::All, inner, rest),
        Part::Members(members) => mark(members.entry(step.clone()).or_insert(fresh), inner, rest),
        Part::Elements(elements) => {
            let at = index(step).ok_or(W3cError::PointerNotFound)?;
            mark(elements.entry(at).or_insert(fresh), inner, rest)
        }
    }
}

fn empty(value: &Value) -> Part {
    if value.is_array() { Part::Elements(BTreeMap::new()) } else { Part::Members(BTreeMap::new()) }
}

fn index(step: &str) -> Option<usize> {
    let plain = step == "0" || !step.starts_with('0') && step.bytes().all(|digit| digit.is_ascii_digit());
    step.parse().ok().filter(|_| plain)
}

fn render(part: &Part, value: &Value) -> Value {
    match (part, value) {
        (Part::Members(parts), Value::Object(members)) => {
            let named =
                |name: &&str| members.get(*name).filter(|id| !id.as_str().is_some_and(|id| id.starts_with("_:")));
            let mut cut = Map::new();
            for name in ["id", "@id", "type", "@type"] {
                if let Some(value) = named(&name) {
                    cut.insert(name.to_owned(), value.clone());
                }
            }
            for (name, part) in parts {
                if let Some(inner) = members.get(name) {
                    cut.insert(name.clone(), render(part, inner));
                }
            }
            Value::Object(cut)
        }
        (Part::Elements(parts), Value::Array(elements)) => {
            parts.iter().filter_map(|(at, part)| Some(render(part, elements.get(*at)?))).collect()
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dsel_03_pointers_select_with_ids_and_types_on_the_way() {
        let document = json!({
            "@context": ["c"], "type": ["T"], "issuer": "i",
            "credentialSubject": { "id": "s", "secret": 1, "list": [{ "type": "A", "a": 1 }, { "b": 2, "c": 3 }], "a/b": { "m~n": 4 } }
        });
        let select =
            |pointers: &[&str]| selected(&document, &pointers.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>());
        assert_eq!(select(&[]), Ok(None));
        let cut = json!({
            "@context": ["c"], "type": ["T"],
            "credentialSubject": { "id": "s", "list": [{ "type": "A" }, { "b": 2 }], "a/b": { "m~n": 4 } }
        });
        let mut expected = cut.clone();
        expected["credentialSubject"]["list"] = json!([{ "b": 2 }]);
        assert_eq!(select(&["/credentialSubject/list/1/b", "/credentialSubject/a~1b/m~0n"]), Ok(Some(expected)));
        assert_eq!(select(&[""]), Ok(Some(document.clone())));
        for bad in [
            "issuer",
            "/none",
            "/credentialSubject/list/2",
            "/credentialSubject/list/01",
            "/credentialSubject/list/-",
            "/issuer/x",
        ] {
            assert_eq!(select(&[bad]), Err(W3cError::PointerNotFound), "{bad}");
            assert_eq!(select(&["", bad]), Err(W3cError::PointerNotFound), "{bad}");
        }
    }
}
