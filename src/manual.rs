//! The manual: threats known in this field, and the type or test that answers each.
//!
//! A review of how gateways, policy engines and FHIR servers have failed, and the line of this project that rules each
//! failure out. It is prose; there is nothing to call.
//!
//! # What is promised
//!
//! Let `D` be the data behind the gateway, `c` a caller with its purpose and the moment, `V(D,c)` what that caller may see,
//! `G(D,q,c)` the answer to request `q`.
//!
//! 1. **Secrecy**: `G(D,q,c) = G(V(D,c),q,c)`. Status, headers and body are the same bytes as in a world in which the hidden
//!    data never existed, save `Date` and the request id; page tokens may differ in value, never in length or number. The two
//!    worlds hold the same inputs of deciding: Consents, what shows a treatment relation, links between Patients, actors, label
//!    tables.
//! 2. **Fidelity**: a released resource is byte for byte the server's, but for its narrative, references to what is hidden and
//!    absolute URLs of the server's own base. Number precision, unknown elements and member order survive.
//! 3. **Accountability**: no byte of patient data leaves before a record of who asks, for whom, why and on what ground is
//!    durable. Refusals, failures and hang-ups are on record too.
//! 4. **Closed**: every doubt is a refusal, and a body that turns bad after it began is cut off.
//!
//! `docs/leaks.md` goes through the ways in which answers have told of what they left out, one by one, with the test that shows
//! each.
//!
//! # What is not promised
//!
//! * *Time.* Response time and the number of look-ups are not equalised; a deadline may be met in one world and missed in
//!   the other.
//! * *Traces in what is released.* Version and time of last update stay (they tell that a resource changed, not what), gaps in
//!   ids stay, shared group identifiers stay. Numbers that say which of several something is go with every plan
//!   (`Encounter.diagnosis.rank`); numbers that clinicians count by (the dose of a vaccine) and those in extensions stay.
//! * *Inference.* A clinician may infer from what is visible: a medicine from its interaction, a specialism from a
//!   practitioner.
//! * *Words*, unless `policy.free_text` is `withhold`. What a visible resource says in free text is passed on, whatever it tells of.
//!   Where it is withheld, that depends on the plan and the resource itself: a resource that went because something near it is
//!   hidden would tell of that to whoever saw it before.
//! * *A tail of the journal that was cut off whole* cannot be seen without a head or a checkpoint that is kept elsewhere
//!   (`sluis audit verify --head`). What lies behind the last checkpoint, at most 1,000 records or five minutes, can be written
//!   anew by whoever can write the files.
//! * *References into another person's record that do not name a Patient.* Without a plan they are not looked up and stay as
//!   they are; with one they are looked up and go. Nearly every resource refers to an Encounter, so to look them up would cost
//!   most answers a second question, and no entry could leave before its page is whole. What stays is a type, an id and the
//!   words that the person's own record has beside it; the id can be read by nobody who may not see that other record.
//! * *What cannot be judged is not hidden.* An entry of more than 8 MiB, too deep or no strict JSON is there in both worlds, and
//!   is refused in both where an answer comes to it, though its labels, could they be read, might hide it.
//! * *Who reads the server directly.* The gateway guards its own door only.
//!
//! # Threats, and what answers them
//!
//! ## The check that was skipped
//!
//! A path through the code that forgets the decision is the classic failure of a proxy. Here a request for data that can be
//! released is made of a [`Target`](crate::query::Target), which only an [`Answer`](crate::view::Answer) hands out, which
//! only a [`Permit`](crate::consent::Permit) leads to, which only a decision makes; and a response body is made of
//! [`Released`](crate::view::Released) bytes, which only the view makes (invariants 1 and 2). Look-ups before the decision
//! take another type and give bytes that cannot be released.
//!
//! ## The answer that says that something is missing
//!
//! `total`, short pages, empty last pages, `next` links that lead nowhere, `Bundle.id` and `meta` made anew for each search:
//! none of them leaves. Pages are refilled from following upstream pages, and `next` is given only if a visible match
//! follows. A read of what is hidden, outside, deleted or unknown has one 404. Who may see nothing gets the bytes of a search
//! that found nothing, and a page token is judged before anybody is looked up.
//!
//! ## The document that was made of more than it shows
//!
//! A summary that a server makes has texts, reasons for empty sections and entries that say "no information", all of them
//! written over what is hidden. `$summary` is always composed here, from searches through the same judge and the same graph
//! of references as any other; sections, their texts and the identifier are functions of what was released, an empty
//! required section says `unavailable` for everybody, and a supporting resource is there only if an entry leads to it.
//! `$everything` is composed alike, so that a server's own choice of what belongs to a patient never counts.
//! `$lastn` is worked out over what is visible: the last of a kind that is hidden would otherwise leave a gap where the one before it
//! should stand.
//!
//! ## The reference that is left behind
//!
//! A reference to something hidden tells that it exists, and its `display` what it is. It goes with the smallest optional
//! element around it, by the definitions of FHIR R4; the comma and the white space go along, an array or an extension that
//! is empty goes itself, and so does a contained resource that nothing refers to any more. What cannot be without it is
//! hidden too. One walk tells what a resource needs and what is left of it, and twin worlds show that it looks as if it had
//! never referred to anything hidden. An address of a resource of the server is a reference like any other, whatever element it
//! stands in; the definitions tell which elements hold addresses.
//!
//! Where `policy.narrative` is `keep`, a narrative may tell of a reference that went, and to drop it there alone would be the mark:
//! a resource that has one and would lose anything goes as a whole.
//!
//! ## The dispense that tells of the prescription
//!
//! A prescription that is hidden is told by what was handed over on it, and by the stop that came after it. Building blocks of one
//! treatment, and a resource with what replaces it, are judged together, whoever of them is asked for and on whatever page they
//! are: with a plan the person's resources of those types are gathered first, because no search of FHIR R4 leads from a resource to
//! what replaces it. They are judged page by page, and of each its verdict is kept and not its text.
//!
//! ## Asking questions instead of reading
//!
//! `_has`, chains, `_filter`, `_text`, `_content`, `_security`, `_tag`, `:not`, `:missing` turn a search into an oracle.
//! Parameters and modifiers are an allow-list in the exchange profiles; what is not on it is refused by name, and what goes
//! upstream is built anew from the query that was understood, never from the caller's bytes (invariant 7).
//!
//! A server is asked by nothing that looks at an element which can be taken out: a match would tell of it. It must state in
//! its `self` link every parameter that it was asked with; what it left aside was another question. One that states nothing at
//! all is believed: whose each entry is is looked at in any case, and what it found beyond the question is of what this caller
//! may see.
//!
//! Parts (`_elements`, `_summary`) and totals are made here, of what is released. Bounds count what is released, so that
//! nobody learns of hidden data by what it uses up: pages without end are bounded by time alone.
//!
//! ## The bound that hidden data meets
//!
//! What is held at one time is bounded, and hidden resources are held among the others; an answer that fails because of them
//! tells that they are there. So a page that is too large is taken in parts, and what is inherited is looked up for one resource
//! after the other where that of all does not fit. An entry that cannot be judged fails an answer only where something visible
//! refers to it, inherits from it or may be judged together with it; where only something hidden leads to it, nobody asks. What
//! inherits labels from more than 5,000 others, from more than 32 MiB of them or over more than eight steps is hidden: that
//! depends on it alone. How many pages there are does not matter, but a page that leads back to one before it is an error, and so
//! is one that is missing.
//!
//! ## Two readers, two answers
//!
//! A repeated member, an escaped member name, a lone surrogate, invalid UTF-8: one parser sees one thing, the next another.
//! [`json`](crate::json) reads none of these, and the bytes that are released are the bytes that were judged. The same holds
//! for requests: one percent-decoding, no dot segments, no second meaning.
//!
//! ## The Consent that was not understood
//!
//! Engines skip what they cannot evaluate; then an unreadable objection vanishes and an older permit wins. Here a Consent
//! that counts and cannot be read in full is a denial for that patient, with a ground of its own. A source that fails makes
//! the evidence unavailable; that is a refusal and is never remembered.
//!
//! What is read but cannot be resolved, compared or dated (an actor, a code, a time, a reference) is a third answer beside yes
//! and no: it may be meant by a denial, and is not by a permit. A date has no zone, and is narrow for the one and wide for the
//! other.
//!
//! ## The objection that is outvoted
//!
//! An engine in which the newest Consent wins forgets an objection when anything newer is filed. Here one Consent replaces
//! another only by a business identifier and a later date, or by naming it as its source; what cannot be read is neither
//! replaced nor outvoted; and in every way of combining ([`Combining`](crate::consent::Combining)) one more denial or one permit
//! less never shows more, which is a property that tests hold over generated Consents.
//!
//! ## The emergency that became a habit
//!
//! Break-glass that anybody may declare, that opens everything and that nobody looks at afterwards is a second door. Here the
//! policy names who may declare BTG, a reason is required every time, it fills in consent that is missing and goes before no
//! objection unless a hospital's own policy says so, and each emergency of one caller and one patient has an end and is one
//! item of `sluis audit review`. It is on disk before the data is asked for, as all intents are. That an emergency is known in
//! memory only is no hole: after a restart the next request begins another one.
//!
//! ## The relation that was assumed
//!
//! "We treat this patient" is easily said. A [`TreatmentRelation`](crate::consent::TreatmentRelation) is read from resources of
//! the holder, strictly: a status that does not count, a date that is not there, a name that cannot be proven to be the
//! caller's show nothing, and a look-up that fails is a refusal. Whether it is looked up depends on the policies, the caller and
//! the purpose alone, for patients who are not known here too, so a failure does not tell who is. The resources that show it are
//! inputs of deciding, as Consents are.
//!
//! ## The permit that outlives its withdrawal
//!
//! Evidence, and who somebody is, are remembered for at most `consent.max_age`, under an epoch (`gateway::memory`) that a
//! notice of the server or an operator ends. A look-up that was under way then is remembered under the epoch that ended,
//! where nobody looks any more; a source that fails after that is a source that fails. A notice is not believed: it can only
//! take away what is remembered, never say what is on file, and whoever sends it must know a secret. What no notice
//! announces (one that is lost, an expunge) is bounded by `consent.max_age`. Every page of a search makes the whole journey
//! anew.
//!
//! ## The certificate that is valid somewhere else
//!
//! Only the configured issuing CAs are anchors; whatever else stands under the state's root proves nothing. All seven fields
//! of the UZI name are read at their widths, and issuer, policy, subject and other names must agree with them. Sessions are
//! not resumed, and a certificate that is revoked or runs out while its connection is open is refused on the next request.
//!
//! Only a full CRL that its issuer signed and that holds says who is not revoked; a part of one, one that is older than one
//! that was seen, and none say nothing. Where there is none and a responder is asked instead (OCSP), nobody is served before
//! there is an answer: whoever keeps it from coming keeps callers out, and lets nobody in. What is not promised: a revocation
//! counts once it is published and fetched, not at the moment in which somebody reports a card stolen, and without a nonce an
//! answer of before counts until its own end.
//!
//! ## The token that says too much, or is somebody else's
//!
//! Gateways have believed the key that came with a token, the algorithm that its header named, an address in it, a token made
//! for another server or stolen from another client. Here a [`statement`](crate::identity::statement) is read by the strict
//! reader of [`json`](crate::json), its issuer is one of the configuration, its key is one that was at hand before it came, by a
//! name that goes with its algorithm, and no address in it is followed. An access token is bound to this gateway and to the
//! client certificate of the connection; a Dezi statement to the organisation of the certificate and to a list of what was taken
//! back that holds. What limits a token in a way that is not judged here refuses it. One that is not good is a refusal of fixed
//! bytes, never a request of the system; and everything that is kept for one caller (page links, emergencies, records of who
//! they are) is kept for the person.
//!
//! A Dezi statement is bound to no client: a colleague at the same organisation whose system has its certificate could send it
//! until it is too old or taken back. That is not promised against; `max_age` bounds it.
//!
//! ## The record that can be edited
//!
//! Each line of the journal carries the hash of the one before; a line that is changed, missing or moved is found, and where.
//! Who writes the whole chain anew lacks the key that signed its checkpoints ([`Checkpoint`](crate::audit::Checkpoint)).
//! An intent is on disk before data is asked for, the closing record is written by whatever ends the request, a panic or a
//! hang-up included ([`Trail`](crate::audit::Trail) closes itself when it is dropped), and after a kill the next start closes
//! what was open (invariants 3 and 12). Who reads the record is on record before anything is shown, what was kept for as long as
//! the policy says goes by whole segments and leaves a signed statement, and a review closes what its reviewer saw.
//!
//! What others read of it is made of it: AuditEvents, the table of NEN 7513, the patient's access log, what reached one
//! organisation. None of them tells what was withheld, or why a read met nothing; that stays in the journal
//! ([`Part`](crate::audit::Part)). Nothing is made of a journal that is altered.
//!
//! An index finds the lines about one patient or caller, and is never a record itself: it holds places and keyed hashes, each
//! line is read from the journal and compared with its own hash, and what it covers is what did not change since it was
//! verified. Where anything does not fit, the whole journal is read. Whoever can write it can write the journal as well, which
//! only a signature shows.
//!
//! ## The patient who looks
//!
//! A patient portal fetches the access log over a listener of its own, with certificates of its own: a caller's certificate is
//! no portal's and the other way round, whatever CA signed it. It gets what a patient may see ([`Page`](crate::audit::Page),
//! [`patient_event`](crate::audit::patient_event)): organisations and roles, kinds of data, grounds; no employee, no
//! resource, nothing of what was withheld. Nobody is looked up for it, so that somebody unknown and somebody about whom nobody
//! asked are the same bytes. Each look is on record before it leaves. Which patient sits before the portal is for the portal
//! to know: Sluis believes it, and the record says which one it was.
//!
//! A forwarder sends it on ([`gateway::forwarder`](crate::gateway::forwarder)): only what is durable, each line compared with
//! the one before, in order, under ids that follow from the record. Its cursor moves behind an acknowledgement and never before,
//! so a kill at any moment sends something again and changes nothing by it; a stream is asked for its last message instead, and
//! written to behind that one alone. What a target refuses is not passed over, and one
//! that lost what it had acknowledged is told from one that never had it.
//!
//! ## The log that tells
//!
//! Types that identify a person have a masked `Debug` and no `Display`; metrics carry codes only; errors of the HTTP client,
//! which hold URLs, are classified and dropped. A test scans the output of a whole run for planted names, numbers and codes.
//!
//! ## Other people in the bundle
//!
//! Every query is about exactly one person: all Patient records with one BSN. A resource that refers to another Patient is
//! hidden, with or without a plan.

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
    }

    fn sources(directory: &Path, found: &mut String) {
        for entry in fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                sources(&entry, found);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                found.push_str(&fs::read_to_string(&entry).unwrap());
            }
        }
    }

    /// Of `docs/leaks.md`: each row has its number, and names tests and files of cases that there are.
    #[test]
    fn every_way_to_leak_has_a_test_or_says_that_it_is_not_promised() {
        let page = fs::read_to_string(root().join("docs/leaks.md")).unwrap();
        let mut tests = String::new();
        for directory in ["src", "tests", "conformance"] {
            sources(&root().join(directory), &mut tests);
        }
        let rows = page.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| ")?.split(" | ");
            let number: usize = cells.next()?.trim().parse().ok()?;
            Some((number, cells.next()?, cells.next()?, cells.next().unwrap_or_default()))
        });
        let mut expected = 1;
        for (number, channel, answer, shown) in rows {
            assert_eq!(number, expected, "{channel}: rows are in order");
            expected += 1;
            let names: Vec<_> = shown.split('`').skip(1).step_by(2).collect();
            assert!(!names.is_empty() || answer.contains("not promised"), "{number}: {channel}");
            for name in names {
                let is_there = if name.contains('/') {
                    root().join(name).exists()
                } else {
                    tests.contains(&format!("fn {name}("))
                };
                assert!(is_there, "{number}: there is no {name}");
            }
        }
        assert_eq!(expected, 76, "seventy-five rows");
    }

    /// The requirements of law and debate that concern what is seen, and the tests that show what becomes of each; those about
    /// deciding have cases too (`tests/cases/decision`, `cites`).
    const SEEN: [(&str, &[&str]); 18] = [
        ("P1", &["nothing_on_file_is_no_under_wabvpz_and_yes_for_treating_callers_under_ehds"]),
        ("P2", &["nothing_on_file_is_no_under_wabvpz_and_yes_for_treating_callers_under_ehds"]),
        ("P3", &["what_is_granted_to_the_holders_own_people_needs_a_person"]),
        (
            "P4",
            &[
                "hidden_data_and_data_that_never_was_give_the_same_bytes",
                "what_is_hidden_leaves_no_trace_in_any_answer",
                "a_silent_searchset_says_nothing",
            ],
        ),
        (
            "P5",
            &[
                "every_category_covers_what_it_holds",
                "a_kind_of_provider_that_is_known_by_roles_alone_leaves_out_who_proves_another",
            ],
        ),
        ("P6", &["break_glass_goes_before_an_objection_where_the_policy_says_so_and_for_btg_alone"]),
        ("P7", &["acute_admits_emergencies_alone_with_a_reason_and_of_who_may_declare_them"]),
        ("P8", &["what_is_not_in_the_acute_data_set_is_not_offered_under_acute_whoever_it_is_about"]),
        (
            "P9",
            &[
                "medication_is_wide_for_a_permit_and_narrow_for_a_denial",
                "medication_has_laboratory_results_and_no_other_observation",
            ],
        ),
        ("P10", &["under_wgbo_consent_is_presumed_inside_a_treatment_relation_and_the_record_names_what_shows_it"]),
        ("P11", &["a_permit_of_another_holder_counts_from_a_shared_register_alone"]),
        ("P12", &["break_glass_needs_a_reason_and_a_doctor_and_is_on_record_and_on_the_list_to_review"]),
        ("P13", &["every_certificate_of_the_tables_is_judged_as_they_say"]),
        ("P14", &["a_role_that_is_not_listed_is_refused_whatever_the_policy_admits"]),
        ("P20", &["research_is_refused_at_the_start_and_by_check_and_both_say_why"]),
        ("P21", &["research_is_refused_at_the_start_and_by_check_and_both_say_why"]),
        ("P22", &["a_policy_that_asks_for_pseudonyms_is_a_mistake_that_says_so"]),
        ("P24", &["what_a_profile_does_not_offer_is_outside"]),
    ];

    /// The others: on the record (P15, P25), on where data and keys are kept (P16, P18, P23), on failure (P17), on central
    /// services, of which none is asked (P19).
    const UNSEEN: [&str; 7] = ["P15", "P16", "P17", "P18", "P19", "P23", "P25"];

    #[test]
    fn every_requirement_that_concerns_what_is_seen_has_a_test() {
        let mut tests = String::new();
        for directory in ["src", "tests", "conformance"] {
            sources(&root().join(directory), &mut tests);
        }
        for (requirement, names) in SEEN {
            assert!(!names.is_empty(), "{requirement}");
            for name in names {
                assert!(tests.contains(&format!("fn {name}(")), "{requirement}: there is no {name}");
            }
        }
        let mut all: Vec<&str> = SEEN.iter().map(|(requirement, _)| *requirement).chain(UNSEEN).collect();
        all.sort_by_key(|requirement| requirement.trim_start_matches('P').parse::<usize>().unwrap());
        let expected: Vec<String> = (1..=25).map(|number| format!("P{number}")).collect();
        assert_eq!(all, expected, "each requirement stands in one of the two lists, once");
        // Deciding has cases of its own for what it decides.
        for file in fs::read_dir(root().join("profiles/policies")).unwrap() {
            let policy = fs::read_to_string(file.unwrap().path()).unwrap();
            let cites = policy.lines().find_map(|line| line.strip_prefix("cites = ")).unwrap();
            for cited in cites.split('"').skip(1).step_by(2) {
                assert!(all.contains(&cited), "a policy cites {cited}");
            }
        }
    }

    /// Of the design, "What is visible": each point has cases of its own.
    #[test]
    fn every_point_of_what_is_visible_has_cases() {
        let names: Vec<_> = fs::read_dir(root().join("tests/cases/view"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        for point in 1..=9 {
            let mark = format!("v{point}-");
            assert!(names.iter().any(|name| name.starts_with(&mark)), "no case of point {point}");
        }
        assert!(names.iter().all(|name| name.starts_with('v')), "{names:?}");
    }
}
