//! From JSON-LD to canonical statements: nothing dropped, and within a bound of work.

use std::collections::{BTreeMap, HashMap, HashSet};

use oxjsonld::{JsonLdParser, JsonLdRemoteDocument};
use oxrdf::dataset::{CanonicalizationAlgorithm, CanonicalizationHashAlgorithm};
use oxrdf::vocab::rdf;
use oxrdf::{BlankNode, Dataset, GraphName, NamedNode, NamedOrBlankNode, Quad, Term};
use serde_json::{Map, Value, json};

use super::W3cError;
use super::contexts::{Contexts, ScopedTypes, UNDEFINED};
use super::json::for_rdf;
use super::narrowed::Narrowed;

/// The most statements of a document.
const STATEMENTS_MAX: usize = 2048;
/// The most work that telling nodes without names apart may cost, in statements looked at.
const WORK_MAX: u128 = 250_000;
/// Datatypes for text with a direction (JSON-LD 1.1, section 4.2.4.1, `i18n-datatype`).
const I18N: &str = "https://www.w3.org/ns/i18n#";
/// A type that stands for several.
const MERGED: &str = "https://merged.invalid/";

/// The hash that statements are put in order by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Sha256,
    Sha384,
}

/// The statements of a document.
///
/// # Errors
/// [`W3cError::UnprotectedTerm`] when a member or reference would be dropped; [`W3cError::ContextNotAllowed`];
/// [`W3cError::TooLarge`]
pub(super) fn statements(document: &Value, contexts: &Contexts) -> Result<Dataset, W3cError> {
    let narrowed = contexts.narrowed(document);
    let mut guard =
        Guard { contexts, narrowed: &narrowed, scoped: ScopedTypes::new(), merged: BTreeMap::new(), count: 0 };
    let text = for_rdf(&guard.value(document)?)?;
    let count = guard.count;
    let mut merged = 0;
    let load = move |url: &str, _: &_| {
        let document = narrowed.get(url).ok_or(W3cError::ContextNotAllowed)?.content.clone();
        Ok(JsonLdRemoteDocument { document, document_url: url.to_owned() })
    };
    // "Lenient" keeps what is no IRI instead of dropping it, so that it can be refused below.
    let parser = JsonLdParser::new().lenient().with_base_iri(UNDEFINED).map_err(|_| W3cError::UnprotectedTerm)?;
    let mut dataset = Dataset::new();
    for quad in parser.for_slice(&text).with_load_document_callback(load) {
        let quad = quad.map_err(|_| W3cError::UnprotectedTerm)?;
        if quad.predicate == rdf::TYPE && matches!(&quad.object, Term::NamedNode(node) if node.as_str() == MERGED) {
            merged += 1;
            continue;
        }
        is_protected(&quad)?;
        dataset.insert(&quad);
        if dataset.len() > STATEMENTS_MAX {
            return Err(W3cError::TooLarge);
        }
    }
    // As many as were put in, so that nobody's own is left out.
    if merged == count { Ok(dataset) } else { Err(W3cError::UnprotectedTerm) }
}

/// Makes a document such that whatever no statement would carry becomes visible (WCTX-03).
struct Guard<'a> {
    contexts: &'a Contexts,
    /// What the document needs of them.
    narrowed: &'a BTreeMap<String, Narrowed>,
    /// Definitions that types bring with them, here.
    scoped: ScopedTypes,
    /// Types put in for several others, to be defined by the nearest context.
    merged: BTreeMap<String, Value>,
    /// How often.
    count: usize,
}

impl Guard<'_> {
    fn value(&mut self, value: &Value) -> Result<Value, W3cError> {
        match value {
            Value::Null => Err(W3cError::UnprotectedTerm),
            Value::Array(elements) => elements.iter().map(|element| self.value(element)).collect(),
            Value::Object(members) => match members.get("@context") {
                None => self.members(members).map(Value::Object),
                Some(context) => self.with_context(members, context),
            },
            other => Ok(other.clone()),
        }
    }

    fn with_context(&mut self, members: &Map<String, Value>, context: &Value) -> Result<Value, W3cError> {
        let (outer_scoped, outer_merged) = (self.scoped.clone(), std::mem::take(&mut self.merged));
        let mut list = self.contexts.guarded(context, self.narrowed, &mut self.scoped)?;
        let mut guarded = self.members(members)?;
        self.scoped = outer_scoped;
        let merged = std::mem::replace(&mut self.merged, outer_merged);
        if !merged.is_empty() {
            let define = |(name, own)| (name, json!({ "@id": MERGED, "@context": own }));
            list.push(Value::Object(merged.into_iter().map(define).collect()));
        }
        guarded.insert("@context".to_owned(), Value::Array(list));
        Ok(Value::Object(guarded))
    }

    fn members(&mut self, members: &Map<String, Value>) -> Result<Map<String, Value>, W3cError> {
        const KEYWORDS: [&str; 8] = ["@id", "@type", "@value", "@language", "@direction", "@list", "@set", "@graph"];
        let mut guarded = Map::new();
        for (name, value) in members.iter().filter(|(name, _)| *name != "@context") {
            if name.is_empty() || name.starts_with('@') && !KEYWORDS.contains(&name.as_str()) {
                return Err(W3cError::UnprotectedTerm);
            }
            // An empty list says nothing, so nobody signs that it was empty; only a presentation may hold no credential.
            if value.as_array().is_some_and(Vec::is_empty) && name != "verifiableCredential" {
                return Err(W3cError::UnprotectedTerm);
            }
            let mut value = self.value(value)?;
            match (name.as_str(), &mut value) {
                ("type" | "@type", types) => self.merge_types(types),
                // As the other implementations do (JSON-LD 1.1 API, section 5.1.2, step 13.4.8.1).
                ("@language", Value::String(tag)) => tag.make_ascii_lowercase(),
                _ => {}
            }
            guarded.insert(name.clone(), value);
        }
        directed(&mut guarded)?;
        Ok(guarded)
    }

    /// When several types of a node bring definitions with them, all count, in the order of the types (JSON-LD 1.1 API,
    /// section 5.1.2, step 11). oxjsonld 0.2.7 keeps those of the last type only, so one more type brings them all, and is taken
    /// out of the statements again.
    fn merge_types(&mut self, types: &mut Value) {
        let Some(list) = types.as_array_mut() else { return };
        let mut with_scope: Vec<&str> =
            list.iter().filter_map(Value::as_str).filter(|name| self.scoped.contains_key(*name)).collect();
        with_scope.sort_unstable();
        with_scope.dedup();
        if with_scope.len() < 2 {
            return;
        }
        // Behind all other types, which are sorted.
        let name = format!("\u{10fffd}{}", with_scope.join(" "));
        let mut own = Vec::new();
        for scope in with_scope.iter().filter_map(|name| self.scoped.get(*name)) {
            own.extend(scope.as_array().cloned().unwrap_or_else(|| vec![scope.clone()]));
        }
        self.merged.insert(name.clone(), Value::Array(own));
        self.count += 1;
        list.push(Value::String(name));
    }
}

/// Text with a direction gets the datatype that says so; a direction alone would be dropped.
fn directed(members: &mut Map<String, Value>) -> Result<(), W3cError> {
    let Some(direction) = members.remove("@direction") else { return Ok(()) };
    let direction = direction.as_str().filter(|text| ["ltr", "rtl"].contains(text)).ok_or(W3cError::UnprotectedTerm)?;
    let language = match members.remove("@language") {
        None => String::new(),
        Some(Value::String(language)) => language,
        Some(_) => return Err(W3cError::UnprotectedTerm),
    };
    let datatype = Value::String(format!("{I18N}{language}_{direction}"));
    match members.insert("@type".to_owned(), datatype) {
        None => Ok(()),
        Some(_) => Err(W3cError::UnprotectedTerm),
    }
}

/// Refuses what a converter in strict mode would have dropped (WCTX-03).
fn is_protected(quad: &Quad) -> Result<(), W3cError> {
    let named = |node: &NamedNode| {
        let known = !node.as_str().starts_with(UNDEFINED) && NamedNode::new(node.as_str()).is_ok();
        if known { Ok(()) } else { Err(W3cError::UnprotectedTerm) }
    };
    let blank = |node: &BlankNode| BlankNode::new(node.as_str()).map(|_| ()).map_err(|_| W3cError::UnprotectedTerm);
    match &quad.subject {
        NamedOrBlankNode::NamedNode(node) => named(node)?,
        NamedOrBlankNode::BlankNode(node) => blank(node)?,
    }
    named(&quad.predicate)?;
    match &quad.object {
        Term::NamedNode(node) => named(node)?,
        Term::BlankNode(node) => blank(node)?,
        Term::Literal(literal) => {
            named(&literal.datatype().into_owned())?;
            if let Some(language) = literal.language() {
                let letters =
                    |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
                if !language.split('-').all(letters) {
                    return Err(W3cError::UnprotectedTerm);
                }
            }
        }
    }
    match &quad.graph_name {
        GraphName::NamedNode(node) => named(node),
        GraphName::BlankNode(node) => blank(node),
        GraphName::DefaultGraph => Ok(()),
    }
}

/// Canonical names of the nodes without names (RDFC-1.0): own label to `c14n0`, `c14n1`, ….
pub(super) fn canonical_names(dataset: &Dataset, order: Order) -> Result<HashMap<String, String>, W3cError> {
    if work(dataset) > WORK_MAX {
        return Err(W3cError::CanonicalizationLimit);
    }
    let hash_algorithm = match order {
        Order::Sha256 => CanonicalizationHashAlgorithm::Sha256,
        Order::Sha384 => CanonicalizationHashAlgorithm::Sha384,
    };
    let names = dataset.canonicalize_blank_nodes(CanonicalizationAlgorithm::Rdfc10 { hash_algorithm });
    Ok(names.into_iter().map(|(own, canonical)| (own.as_str().to_owned(), canonical.as_str().to_owned())).collect())
}

/// The statements as lines of N-Quads in the order of their code points, nodes without names renamed by `names`.
pub(super) fn lines(dataset: &Dataset, names: &HashMap<String, String>) -> Vec<String> {
    let mut lines: Vec<String> = dataset.iter().map(|quad| line(&quad.into_owned(), names)).collect();
    lines.sort_unstable();
    lines
}

/// One statement as a line.
pub(super) fn line(quad: &Quad, names: &HashMap<String, String>) -> String {
    let label =
        |node: &BlankNode| names.get(node.as_str()).map_or_else(|| node.to_string(), |name| format!("_:{name}"));
    let subject = match &quad.subject {
        NamedOrBlankNode::BlankNode(node) => label(node),
        NamedOrBlankNode::NamedNode(node) => node.to_string(),
    };
    let object = match &quad.object {
        Term::BlankNode(node) => label(node),
        other => other.to_string(),
    };
    match &quad.graph_name {
        GraphName::DefaultGraph => format!("{subject} {} {object} .\n", quad.predicate),
        GraphName::NamedNode(graph) => format!("{subject} {} {object} {graph} .\n", quad.predicate),
        GraphName::BlankNode(graph) => format!("{subject} {} {object} {} .\n", quad.predicate, label(graph)),
    }
}

/// The document as canonical N-Quads.
pub(super) fn canonical(document: &Value, contexts: &Contexts, order: Order) -> Result<String, W3cError> {
    let dataset = statements(document, contexts)?;
    let names = canonical_names(&dataset, order)?;
    Ok(lines(&dataset, &names).concat())
}

/// An upper bound of what RDFC-1.0 looks at, in statements (WCTX-05).
///
/// Nodes that their own statements tell apart cost nothing further. The others are explored from each of them in turn; at
/// each node, neighbours that look the same are tried in every order. Within a group of nodes that reach each other, an
/// exploration enters each node at most once for one choice of orders at all nodes. So there are at most `n² · Π k!`
/// entries, where the product is over all sets of `k` neighbours that look the same, and each looks at the statements of its
/// node and of that node's neighbours, which are at most `most` each.
fn work(dataset: &Dataset) -> u128 {
    let look = first_looks(dataset);
    let mut count: HashMap<&str, usize> = HashMap::new();
    for of in look.values() {
        *count.entry(of).or_default() += 1;
    }
    let alike: HashSet<&str> =
        look.iter().filter(|(_, of)| count[of.as_str()] > 1).map(|(node, _)| node.as_str()).collect();
    // Neighbours among the nodes that look alike: position, predicate, look.
    let mut neighbours: HashMap<&str, Vec<(&str, &str, &str)>> = HashMap::new();
    let quads: Vec<Quad> = dataset.iter().map(|quad| quad.into_owned()).collect();
    let named: Vec<([Option<&str>; 3], &str)> =
        quads.iter().map(|quad| (labels(quad), quad.predicate.as_str())).collect();
    let mut statements_of: HashMap<&str, u128> = HashMap::new();
    for (labels, predicate) in &named {
        for node in labels.iter().flatten().filter(|node| alike.contains(*node)) {
            *statements_of.entry(node).or_default() += 1;
            for (position, other) in ["s", "o", "g"].iter().zip(labels) {
                let Some(other) = other.filter(|other| alike.contains(other) && other != node) else { continue };
                neighbours.entry(node).or_default().push((
                    position,
                    if *position == "g" { "" } else { predicate },
                    other,
                ));
            }
        }
    }
    let mut seen: HashSet<&str> = HashSet::new();
    let mut total: u128 = 0;
    for start in &alike {
        if !seen.insert(start) {
            continue;
        }
        let (mut group, mut at) = (vec![*start], 0);
        while at < group.len() {
            for (_, _, other) in neighbours.get(group[at]).into_iter().flatten() {
                if seen.insert(other) {
                    group.push(other);
                }
            }
            at += 1;
        }
        let mut orders: u128 = 1;
        let (mut statements, mut most): (u128, u128) = (0, 0);
        for node in &group {
            let of_node = statements_of.get(node).copied().unwrap_or_default();
            (statements, most) = (statements + of_node, most.max(of_node));
            let mut same: BTreeMap<(&str, &str, &str), HashSet<&str>> = BTreeMap::new();
            for (position, predicate, other) in neighbours.get(node).into_iter().flatten() {
                same.entry((position, predicate, look[*other].as_str())).or_default().insert(other);
            }
            for set in same.values() {
                let factorial = (1..=set.len() as u128).fold(1_u128, u128::saturating_mul);
                orders = orders.saturating_mul(factorial);
            }
        }
        let nodes = group.len() as u128;
        total = total.saturating_add((nodes * statements * most).saturating_mul(orders));
    }
    total
}

/// How a node looks by its own statements, all other nodes without names being the same (RDFC-1.0, section 4.6, unhashed).
fn first_looks(dataset: &Dataset) -> HashMap<String, String> {
    let mut of: HashMap<String, Vec<String>> = HashMap::new();
    for quad in dataset.iter() {
        let quad = quad.into_owned();
        for node in labels(&quad).into_iter().flatten().collect::<HashSet<_>>() {
            let names = labels(&quad)
                .into_iter()
                .flatten()
                .map(|other| (other.to_owned(), if other == node { "a" } else { "z" }.to_owned()));
            let seen = line(&quad, &names.collect());
            of.entry(node.to_owned()).or_default().push(seen);
        }
    }
    of.into_iter()
        .map(|(node, mut lines)| {
            lines.sort_unstable();
            (node, lines.concat())
        })
        .collect()
}

/// The labels of a statement's subject, object and graph, where they have no names.
fn labels(quad: &Quad) -> [Option<&str>; 3] {
    let subject = match &quad.subject {
        NamedOrBlankNode::BlankNode(node) => Some(node.as_str()),
        NamedOrBlankNode::NamedNode(_) => None,
    };
    let object = match &quad.object {
        Term::BlankNode(node) => Some(node.as_str()),
        _ => None,
    };
    let graph = match &quad.graph_name {
        GraphName::BlankNode(node) => Some(node.as_str()),
        _ => None,
    };
    [subject, object, graph]
}
