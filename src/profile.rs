//! Profiles: the files that say what kinds of traffic there are, and what holds for them.

mod capability;
mod category;
mod code_system;
mod criteria;
mod element;
mod error;
mod exchange;
mod offer;
mod policy;
mod regime;
mod value_set;

pub(crate) use capability::INCOMPLETE;
pub use capability::capability_statement;
pub use category::{Categories, DataCategory, Membership, ProviderCategory, Sought};
pub(crate) use code_system::{LOINC, code_system};
pub use criteria::Belonging;
pub(crate) use element::CodeSystem;
pub use element::{ElementPath, Token};
pub use error::ProfileError;
pub(crate) use exchange::Answered;
pub use exchange::{
    Exchange, Include, Kind, LAST_UPDATED, Line, Parameter, ParameterType, SUPPORTING, Section, shipped_exchanges,
};
pub use offer::Offer;
pub use policy::{
    AfterObjection, BreakGlass, Currency, Form, Grant, Overrides, Party, Policy, Relation, Sign, shipped_policies,
};
pub use regime::{Extent, Regime, shipped_regime};
pub use value_set::{ValueSet, ValueSets};
