//! Makes a case smaller as long as what is wrong with it stays.

use serde_json::Value;

/// What is not taken away: without it a case is another kind of case.
const KEPT: [&str; 11] =
    ["resourceType", "id", "status", "ura", "card_type", "system", "code", "value", "reference", "role", "meaning"];

/// Takes members and items away one by one, the large ones first, while `still_wrong` says so.
pub(super) fn shrink(case: &Value, still_wrong: &dyn Fn(&Value) -> bool) -> Value {
    let mut smallest = case.clone();
    loop {
        let mut places = Vec::new();
        for name in ["consents", "resources", "referenced", "caller", "unlabelled", "combining", "action", "reason"] {
            gather(&smallest[name], &mut vec![name.to_owned()], &mut places);
        }
        places.sort_by_key(Vec::len);
        let smaller = places.iter().filter_map(|place| without(&smallest, place)).find(|case| still_wrong(case));
        match smaller {
            Some(case) => smallest = case,
            None => return smallest,
        }
    }
}

fn gather(value: &Value, at: &mut Vec<String>, places: &mut Vec<Vec<String>>) {
    let members =
        value.as_object().into_iter().flat_map(|object| object.iter().map(|(name, inner)| (name.clone(), inner)));
    let items = value.as_array().into_iter().flatten().enumerate().map(|(place, inner)| (place.to_string(), inner));
    for (name, inner) in members.chain(items) {
        let is_kept = KEPT.contains(&name.as_str());
        at.push(name);
        if !is_kept {
            places.push(at.clone());
        }
        // A record that is referred to is there as a whole or not at all.
        if at.first().is_none_or(|first| first != "referenced") {
            gather(inner, at, places);
        }
        at.pop();
    }
}

fn without(case: &Value, place: &[String]) -> Option<Value> {
    let (last, above) = place.split_last()?;
    let mut smaller = case.clone();
    let mut at = &mut smaller;
    for name in above {
        at = match name.parse::<usize>() {
            Ok(index) if at.is_array() => at.get_mut(index)?,
            Ok(_) | Err(_) => at.get_mut(name)?,
        };
    }
    if let Some(items) = at.as_array_mut() {
        items.remove(last.parse().ok()?);
    } else {
        at.as_object_mut()?.remove(last)?;
    }
    Some(smaller)
}
