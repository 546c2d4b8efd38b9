//! Ties: where the elements of a resource lead, and what goes with a reference whose target is hidden.
//!
//! One walk, by the definitions of FHIR R4, serves two purposes: what a resource needs ([`ties`]) and what it looks like
//! without what is hidden ([`crate::view::cut`]). So they cannot disagree.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::str::FromStr;

use crate::json::{Kind, Value};
use crate::query::Id;
use crate::view::compartment::says_whose;
#[cfg(feature = "faults")]
use crate::view::faults::{Fault, is_planted};
use crate::view::need::{Need, Needs};
use crate::view::reference::{Key, Known, Lead, logical, says_patient};
use crate::view::structure::{Element, Holds, Presence, TypeOf};

/// What is known beside the resource itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'s> {
    pub(super) known: Known<'s>,
    /// Whether a plan is there: then what cannot be looked up counts as hidden, and every target is looked up.
    pub(super) plan: WithPlan,
    /// Which contained resources are hidden by their own codes, by number; those beyond the end are not.
    pub(super) hidden_inside: &'s [bool],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WithPlan {
    Yes,
    No,
}

/// Where the references of a resource lead.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Ties {
    /// What the resource needs to stay.
    pub(super) needs: Needs,
    /// Every resource that some reference leads to, ordered, each once.
    pub(super) targets: Vec<Key>,
    /// Whether something goes whatever is visible.
    pub(super) loses: Loses,
}

impl Ties {
    /// Makes the resource need this as well.
    pub(super) fn require(&mut self, need: Need) {
        let whole = std::mem::take(&mut self.needs.whole);
        self.needs.whole = Need::all(vec![whole, need]);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Loses {
    #[default]
    Nothing,
    Something,
}

/// Returns the ties of a resource.
pub(super) fn ties(resource: Value<'_>, around: Around<'_>) -> Ties {
    let mut gather = Gather { targets: Vec::new(), loses: Loses::Nothing };
    let (whole, inside) = Walk::over(resource, around, &mut gather);
    let Gather { mut targets, loses } = gather;
    targets.sort_unstable();
    targets.dedup();
    Ties { needs: Needs { whole, inside }, targets, loses }
}

/// What the walk makes of what it finds.
pub(super) trait Fates {
    /// What becomes of an element.
    type Fate: Clone;

    /// Returns true if and only if the element stays whatever is visible.
    fn is_sure(fate: &Self::Fate) -> bool;
    fn stays() -> Self::Fate;
    /// The element goes whatever is visible.
    fn goes(&mut self) -> Self::Fate;
    /// The element stays if that resource is visible.
    fn key(&mut self, key: Key) -> Self::Fate;
    /// The element stays if that contained resource does; `at` is where the reference stands.
    fn inside(&mut self, number: usize, at: Range<usize>) -> Self::Fate;
    fn all(&mut self, fates: Vec<Self::Fate>) -> Self::Fate;
    fn any(&mut self, fates: Vec<Self::Fate>) -> Self::Fate;
    /// Takes note of what becomes of the members of an object or the items of an array, in their order.
    fn siblings(&mut self, siblings: Siblings, spans: &[Range<usize>], fates: &[Self::Fate]);
    /// Whether [`Self::siblings`] has a use for what it is told.
    const NOTES_SIBLINGS: bool;
}

/// How neighbours stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Siblings {
    /// One that goes leaves no gap.
    Apart,
    /// Each belongs to the item of the same number in another array (`_given` and `given`): one that goes leaves `null`.
    Paired,
}

struct Gather {
    targets: Vec<Key>,
    loses: Loses,
}

impl Fates for Gather {
    type Fate = Need;
    const NOTES_SIBLINGS: bool = false;

    fn is_sure(fate: &Need) -> bool {
        *fate == Need::Nothing
    }

    fn stays() -> Need {
        Need::Nothing
    }

    fn goes(&mut self) -> Need {
        self.loses = Loses::Something;
        Need::Never
    }

    fn key(&mut self, key: Key) -> Need {
        self.targets.push(key.clone());
        Need::Key(key)
    }

    fn inside(&mut self, number: usize, _: Range<usize>) -> Need {
        Need::Inside(number)
    }

    fn all(&mut self, fates: Vec<Need>) -> Need {
        Need::all(fates)
    }

    fn any(&mut self, fates: Vec<Need>) -> Need {
        Need::any(fates)
    }

    fn siblings(&mut self, _: Siblings, _: &[Range<usize>], _: &[Need]) {}
}

/// One walk over a resource.
pub(super) struct Walk<'d, 's, F: Fates> {
    around: Around<'s>,
    fates: &'s mut F,
    /// The numbers of the contained resources, by id.
    inside: HashMap<Cow<'d, str>, usize>,
    /// The type of the resource that is walked over: the outermost, or a contained one.
    within: Option<TypeOf>,
    /// The names of the members that lead to where the walk is.
    path: Vec<&'d str>,
    /// What takes the resource with it wherever it stands.
    vital: Vec<F::Fate>,
}

impl<'d, 's, F: Fates> Walk<'d, 's, F> {
    /// Returns what becomes of the resource, and of each one it contains.
    pub(super) fn over(resource: Value<'d>, around: Around<'s>, fates: &'s mut F) -> (F::Fate, Vec<F::Fate>) {
        let contained = || resource.get("contained").into_iter().flat_map(|contained| contained.items());
        let mut inside = HashMap::new();
        for (number, id) in contained().enumerate().filter_map(|(number, one)| Some((number, one.text_of("id")?))) {
            inside.entry(id).or_insert(number);
        }
        let mut walk = Self { around, fates, inside, within: None, path: Vec::new(), vital: Vec::new() };
        let inside = contained().enumerate().map(|(number, one)| walk.contained(number, one)).collect();
        (walk.resource(resource), inside)
    }

    /// A contained Patient cannot be shown to be the person.
    fn contained(&mut self, number: usize, contained: Value<'d>) -> F::Fate {
        let is_patient = contained.text_of("resourceType").is_some_and(|name| name == "Patient");
        let is_hidden = self.around.hidden_inside.get(number).copied().unwrap_or(false);
        let fate = self.resource(contained);
        if is_patient || is_hidden { self.fates.goes() } else { fate }
    }

    fn resource(&mut self, resource: Value<'d>) -> F::Fate {
        self.within = resource.text_of("resourceType").and_then(|name| TypeOf::of(&name));
        self.path.clear();
        let fate = self.object(resource, self.within);
        let mut all = std::mem::take(&mut self.vital);
        all.push(fate);
        self.fates.all(all)
    }

    fn value(&mut self, value: Value<'d>, holds: Holds, siblings: Siblings) -> F::Fate {
        match value.kind() {
            Kind::Array => self.array(value, holds, siblings),
            Kind::Object => {
                let kind = match holds {
                    Holds::Elements(kind) => Some(kind),
                    Holds::Primitive | Holds::Address | Holds::Resource | Holds::Unknown => None,
                };
                self.object(value, kind)
            }
            Kind::String if holds == Holds::Address => self.address(value),
            Kind::String | Kind::Number | Kind::Bool | Kind::Null => F::stays(),
        }
    }

    /// An array goes when all of its items do.
    fn array(&mut self, array: Value<'d>, holds: Holds, siblings: Siblings) -> F::Fate {
        let mut sure = false;
        let is_numbered = matches!(holds, Holds::Elements(kind) if kind.is_numbered());
        let (mut fates, mut family) = (Vec::new(), Family::new());
        for item in array.items() {
            let fate = self.value(item, holds, Siblings::Apart);
            family.note::<F>(item.span(), &fate);
            if is_numbered && !F::is_sure(&fate) {
                // What counts its items by numbers would show that one is missing.
                self.vital.push(fate.clone());
            }
            // A gap is there for the others.
            if item.kind() == Kind::Null && siblings == Siblings::Paired {
                continue;
            }
            sure |= F::is_sure(&fate);
            fates.push(fate);
        }
        self.fates.siblings(siblings, &family.spans, &family.fates);
        if sure || fates.is_empty() { F::stays() } else { self.fates.any(fates) }
    }

    fn object(&mut self, object: Value<'d>, kind: Option<TypeOf>) -> F::Fate {
        let (mut needed, mut content, mut some_content) = (Vec::new(), Vec::new(), false);
        let mut family = Family::new();
        let gathered = kind.map_or(&[][..], |kind| gathers(kind, object));
        let mut gathering = Vec::new();
        #[cfg(feature = "faults")]
        let kept_display =
            self.lead(object).filter(|_| is_planted(Fault::KeepDisplay) && object.get("display").is_some());
        if let Some(fate) = self.lead(object) {
            #[cfg(feature = "faults")]
            let fate = if kept_display.is_some() { F::stays() } else { fate };
            self.note_modifier(&fate);
            needed.push(fate);
        }
        for member in object.members() {
            let fate = if member.name == "contained" && self.path.is_empty() {
                // What it holds is walked over by itself.
                F::stays()
            } else {
                let mut element = kind.and_then(|kind| kind.element(member.name)).unwrap_or(UNKNOWN);
                if element.holds == Holds::Address && !leads_somewhere(kind, member.name) {
                    element.holds = Holds::Primitive;
                }
                self.path.push(member.name);
                let siblings = if member.name.starts_with('_') { Siblings::Paired } else { Siblings::Apart };
                let mut fate = self.value(member.value, element.holds, siblings);
                self.path.pop();
                if self.around.plan == WithPlan::Yes && numbers_neighbours(kind, member.name) {
                    fate = self.fates.goes();
                }
                if element.holds == Holds::Address && !F::is_sure(&fate) && has_sibling(object, member.name) {
                    self.vital.push(fate.clone());
                }
                #[cfg(feature = "faults")]
                if let (Some(lead), "reference" | "identifier") = (&kept_display, member.name) {
                    fate = lead.clone();
                }
                #[cfg(feature = "faults")]
                let is_required = element.need == Presence::Required && !is_planted(Fault::KeepWithoutRequired);
                #[cfg(not(feature = "faults"))]
                let is_required = element.need == Presence::Required;
                if is_required && !F::is_sure(&fate) {
                    needed.push(fate.clone());
                }
                fate
            };
            family.note::<F>(member.span.0..member.span.1, &fate);
            if gathered.contains(&member.name) {
                gathering.push(fate.clone());
            }
            if is_content(kind, member.name) {
                some_content |= F::is_sure(&fate);
                content.push(fate);
            }
        }
        self.fates.siblings(Siblings::Apart, &family.spans, &family.fates);
        if !some_content && !content.is_empty() {
            needed.push(self.fates.any(content));
        }
        #[cfg(feature = "faults")]
        if is_planted(Fault::KeepEmptyGatherer) {
            gathering.clear();
        }
        if !gathering.is_empty() {
            needed.push(self.fates.any(gathering));
        }
        needed.retain(|fate| !F::is_sure(fate));
        if needed.is_empty() { F::stays() } else { self.fates.all(needed) }
    }

    /// Returns what becomes of a Reference by where it leads; nothing for an object that is none.
    fn lead(&mut self, object: Value<'d>) -> Option<F::Fate> {
        let text = object.get("reference").filter(|text| text.kind() == Kind::String).and_then(|text| text.as_str());
        let lead = match &text {
            Some(text) => self.around.known.lead(text),
            None => logical(object)?,
        };
        #[cfg(feature = "faults")]
        match text.as_deref() {
            None if is_planted(Fault::KeepIdentifier) => return None,
            Some(text) if is_planted(Fault::KeepVersioned) && text.contains("_history") => return None,
            Some(text) if is_planted(Fault::KeepAbsolute) && text.contains("://") => return None,
            Some(_) | None => {}
        }
        Some(match lead {
            Lead::Own(_) => F::stays(),
            Lead::OtherPerson => self.other_person(),
            Lead::Resource(_, _) | Lead::Inside(_) | Lead::Nowhere if says_patient(object) => self.other_person(),
            Lead::Resource(resource_type, id) => self.target(resource_type, id),
            Lead::Inside("") => F::stays(),
            Lead::Inside(fragment) => match self.inside.get(fragment).copied() {
                Some(number) => self.fates.inside(number, object.span()),
                None => self.nowhere(),
            },
            Lead::Nowhere => self.nowhere(),
        })
    }

    /// Returns what becomes of an address.
    fn address(&mut self, address: Value<'d>) -> F::Fate {
        #[cfg(feature = "faults")]
        if is_planted(Fault::KeepAddress) {
            return F::stays();
        }
        let text = address.as_str().unwrap_or_default();
        let fate = match self.around.known.address(&text) {
            None | Some(Lead::Own(_) | Lead::Inside(_)) => F::stays(),
            Some(Lead::OtherPerson) => self.fates.goes(),
            Some(Lead::Resource(resource_type, id)) => self.target(resource_type, id),
            Some(Lead::Nowhere) => self.nowhere(),
        };
        self.note_modifier(&fate);
        fate
    }

    /// What a modifier says may be anything: with less of it the resource would mean something else, so it goes.
    fn note_modifier(&mut self, fate: &F::Fate) {
        #[cfg(feature = "faults")]
        if is_planted(Fault::KeepModifier) {
            return;
        }
        if self.path.contains(&"modifierExtension") && !F::is_sure(fate) {
            self.vital.push(fate.clone());
        }
    }

    /// A resource in the compartment of another person is that person's; elsewhere the reference goes.
    fn other_person(&mut self) -> F::Fate {
        let fate = self.fates.goes();
        let theirs = match self.within {
            // The own record is the person's whatever it is linked to (FHIR R4 has Patient.link in the compartment).
            Some(kind) if kind.name() == "Patient" => false,
            Some(kind) => kind.is_compartment(&self.path) || says_whose(kind.name(), &self.path),
            None => true,
        };
        #[cfg(feature = "faults")]
        let theirs = theirs && !is_planted(Fault::SkipCompartment);
        if theirs {
            self.vital.push(fate.clone());
        }
        fate
    }

    /// Without a plan only Consents have to be looked up: some are never visible.
    fn target(&mut self, resource_type: &str, id: &str) -> F::Fate {
        match Id::from_str(id) {
            Ok(id) if self.around.plan == WithPlan::Yes || resource_type == "Consent" => {
                self.fates.key(Key { resource_type: resource_type.to_owned(), id })
            }
            Ok(_) => F::stays(),
            Err(_) => self.nowhere(),
        }
    }

    fn nowhere(&mut self) -> F::Fate {
        #[cfg(feature = "faults")]
        if is_planted(Fault::KeepNowhere) {
            return F::stays();
        }
        match self.around.plan {
            WithPlan::Yes => self.fates.goes(),
            WithPlan::No => F::stays(),
        }
    }
}

const UNKNOWN: Element = Element { need: Presence::Optional, holds: Holds::Unknown };

/// Returns the members that a resource is there for, if it only gathers others: it goes when all of them do.
fn gathers(kind: TypeOf, object: Value<'_>) -> &'static [&'static str] {
    match kind.name() {
        "List" => &["entry"],
        "Group" => &["member"],
        "Composition" => &["section"],
        "Composition.section" => &["entry", "section"],
        "DiagnosticReport" => &["result"],
        // A panel has no value of its own.
        "Observation" if !object.members().any(|member| has_value(member.name)) => &["hasMember"],
        _ => &[],
    }
}

/// Returns false for addresses that name a kind of thing and lead nowhere: a system of codes or numbers, what an extension is,
/// and what is said of the record itself, which always stays.
fn leads_somewhere(kind: Option<TypeOf>, name: &str) -> bool {
    let within = kind.map_or("", TypeOf::name);
    !(name == "system" || name == "implicitRules" || within == "Meta" || (within == "Extension" && name == "url"))
}

/// Returns true if and only if the element has a member of its own for what is said about it.
fn has_sibling(object: Value<'_>, name: &str) -> bool {
    object.members().any(|member| member.name.strip_prefix('_') == Some(name))
}

/// The types in which [`numbers_neighbours`] finds something.
const NUMBERING: [&str; 7] =
    ["Account", "Coverage", "Encounter", "EpisodeOfCare", "ExplanationOfBenefit", "Group", "Invoice"];

/// Returns true if and only if a resource, or one it contains, may hold a number that tells how many neighbours there are.
pub(super) fn may_number_neighbours(resource: Value<'_>) -> bool {
    let numbers = |one: Value<'_>| one.text_of("resourceType").is_some_and(|name| NUMBERING.contains(&name.as_ref()));
    numbers(resource) || resource.get("contained").is_some_and(|contained| contained.items().any(numbers))
}

/// Returns true if and only if the element says which of several its neighbours are, or how many there are, and a gap would
/// show where one of them may go: with a plan it goes for everybody.
fn numbers_neighbours(kind: Option<TypeOf>, name: &str) -> bool {
    matches!(
        (kind.map_or("", TypeOf::name), name),
        ("Account.coverage", "priority")
            | ("Coverage", "order")
            | ("Encounter.diagnosis" | "EpisodeOfCare.diagnosis", "rank")
            | ("ExplanationOfBenefit", "precedence")
            | ("Group", "quantity")
            | ("Invoice.lineItem", "sequence")
    )
}

fn has_value(name: &str) -> bool {
    name.starts_with("value") || name == "component"
}

/// Returns true if and only if an object is more than an empty shell by that member.
fn is_content(kind: Option<TypeOf>, name: &str) -> bool {
    match kind.map(TypeOf::name) {
        Some("Extension") => name == "extension" || name.starts_with("value") || name.starts_with("_value"),
        Some(_) | None => name != "id",
    }
}

/// What becomes of the members of an object or the items of an array.
struct Family<T> {
    spans: Vec<Range<usize>>,
    fates: Vec<T>,
}

impl<T: Clone> Family<T> {
    fn new() -> Self {
        Self { spans: Vec::new(), fates: Vec::new() }
    }

    fn note<F: Fates<Fate = T>>(&mut self, span: Range<usize>, fate: &T) {
        if F::NOTES_SIBLINGS {
            self.spans.push(span);
            self.fates.push(fate.clone());
        }
    }
}
