//! Shrink: the smallest case that is still wrong.

use super::compare::{Case, Wrong};
use super::record::Code;
use crate::view::{FreeText, Mode, Narrative};

/// Returns the smallest case found by taking away one thing at a time, and what is wrong with it.
pub(super) fn smallest(mut case: Case, mut wrong: Wrong) -> (Case, Wrong) {
    case.questions = vec![wrong.question.clone()];
    loop {
        let smaller = simpler(&case).into_iter().find_map(|simpler| {
            let wrong = simpler.check().err()?;
            Some((simpler, wrong))
        });
        match smaller {
            Some((simpler, still)) => (case, wrong) = (simpler, still),
            None => return (case, wrong),
        }
    }
}

/// Each case with one thing less.
fn simpler(case: &Case) -> Vec<Case> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Case) -> bool| {
        let mut simpler = case.clone();
        if change(&mut simpler) {
            all.push(simpler);
        }
    };
    for place in (0..case.record.things.len()).rev() {
        with(&|case| {
            case.record.things.remove(place);
            true
        });
    }
    for (place, thing) in case.record.things.iter().enumerate() {
        for link in 0..thing.links.len() {
            with(&|case| {
                case.record.things[place].links.remove(link);
                true
            });
            with(&|case| {
                let spelling = &mut case.record.things[place].links[link].spelling;
                let is_odd = spelling.style != 0 || spelling.has_display;
                (spelling.style, spelling.has_display) = (0, false);
                is_odd
            });
        }
        with(&|case| case.record.things[place].contained.pop().is_some());
        with(&|case| case.record.things[place].label.take().is_some());
        with(&|case| std::mem::replace(&mut case.record.things[place].code, Code::Plain) != Code::Plain);
        with(&|case| std::mem::take(&mut case.record.things[place].has_narrative));
        with(&|case| std::mem::take(&mut case.record.things[place].has_note));
        with(&|case| std::mem::take(&mut case.record.things[place].is_foreign));
        with(&|case| std::mem::take(&mut case.record.things[place].is_broken));
        with(&|case| std::mem::take(&mut case.record.things[place].day) != 0);
    }
    with(&|case| std::mem::replace(&mut case.record.comma, ",") != ",");
    with(&|case| std::mem::replace(&mut case.scene.narrative, Narrative::Drop) != Narrative::Drop);
    with(&|case| std::mem::replace(&mut case.scene.mode, Mode::Silent) != Mode::Silent);
    with(&|case| std::mem::replace(&mut case.scene.free_text, FreeText::Keep) != FreeText::Keep);
    with(&|case| {
        let plain = [(5, 100_000); 2];
        std::mem::replace(&mut case.scene.sizes, plain) != plain
    });
    let parts: Vec<&str> = case.questions.iter().flat_map(|question| question.split('&')).collect();
    for part in parts.iter().skip(1) {
        with(&|case| {
            let shorter = case.questions[0].replacen(&format!("&{part}"), "", 1);
            std::mem::replace(&mut case.questions[0], shorter.clone()) != shorter
        });
    }
    all
}
