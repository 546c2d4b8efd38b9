//! What holds for a provision: its own elements and, for those it leaves out, those of the provision around it.

use std::sync::Arc;

use crate::consent::class::Classes;
use crate::consent::code::Codes;
use crate::consent::datum::Datum;
use crate::consent::purpose::Purpose;
use crate::consent::rule::{Action, Actor, Element, LabelSet, Rule};
use crate::consent::window::Window;

#[derive(Clone, Copy)]
pub(super) struct InForce<'r> {
    pub(super) period: &'r Element<Window>,
    pub(super) actors: &'r Element<Vec<Actor>>,
    pub(super) actions: &'r Element<Vec<Action>>,
    pub(super) purposes: &'r Element<Vec<Purpose>>,
    pub(super) classes: &'r Element<Arc<Classes>>,
    pub(super) documents: &'r Element<Arc<Classes>>,
    pub(super) codes: &'r Element<Arc<Codes>>,
    pub(super) labels: &'r Element<LabelSet>,
    pub(super) data_period: &'r Element<Window>,
    pub(super) data: &'r Element<Vec<Datum>>,
}

impl<'r> InForce<'r> {
    pub(super) fn of(rule: &'r Rule, around: Option<Self>) -> Self {
        let own = Self {
            period: &rule.period,
            actors: &rule.actors,
            actions: &rule.actions,
            purposes: &rule.purposes,
            classes: &rule.classes,
            documents: &rule.documents,
            codes: &rule.codes,
            labels: &rule.labels,
            data_period: &rule.data_period,
            data: &rule.data,
        };
        let Some(around) = around else { return own };
        Self {
            period: own.period.or(around.period),
            actors: own.actors.or(around.actors),
            actions: own.actions.or(around.actions),
            purposes: own.purposes.or(around.purposes),
            classes: own.classes.or(around.classes),
            documents: own.documents.or(around.documents),
            codes: own.codes.or(around.codes),
            labels: own.labels.or(around.labels),
            data_period: own.data_period.or(around.data_period),
            data: own.data.or(around.data),
        }
    }
}
