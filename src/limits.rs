//! Every bound, with its reason. A bound that is met is an error, never a shorter answer.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::json::Bounds;

/// One resource: the largest clinical resources seen (documents with embedded PDF) stay under it, and one of them per
/// connection fits in memory many times over.
pub const RESOURCE: Bounds = Bounds { bytes: 8 * 1024 * 1024, depth: 64, members: 256 };

/// A Bundle's own members (links, meta), without its entries.
pub const BUNDLE_FRAME_BYTES: usize = 64 * 1024;

/// A Consent: rules are short; a longer one is more likely hostile than right.
pub const CONSENT: Bounds = Bounds { bytes: 512 * 1024, depth: 64, members: 128 };

/// A case of `sluis decide`: some hundred Consents and the resources they are about.
pub const CASE: Bounds = Bounds { bytes: 64 * 1024 * 1024, depth: 80, members: 1_000 };

/// Active Consents of one person: more cannot be judged in time.
pub const CONSENTS: usize = 500;

/// Provisions inside one another in one Consent.
pub const PROVISION_DEPTH: usize = 16;

/// Provisions in one Consent.
pub const PROVISIONS: usize = 2_000;

/// Patient records that share one BSN: duplicates happen, hundreds do not.
pub const PATIENT_RECORDS: usize = 20;

/// Persons, and what is on file about them, that are remembered at a time: all that a hospital is asked about in an hour. Who
/// comes above it takes the place of somebody who was not asked about for longer.
pub const REMEMBERED: u64 = 50_000;

/// Resources that Consents of one person refer to (organisations, groups, their members).
pub const REFERENCED: usize = 500;

/// Resources of one patient that may show a treatment relation: thousands of contacts are a long life in one hospital.
pub const RELATION_RESOURCES: usize = 5_000;

/// Emergencies that are remembered at one time: a regional disaster, several times over.
pub const EMERGENCIES: usize = 10_000;

/// Steps along `partOf`, group members, roles when actors are compared.
pub const ACTOR_DEPTH: usize = 5;

/// Comparisons of actors in one decision, teams and roles included: a hospital's teams have hundreds of members, teams of
/// teams of teams can have any number. What lies beyond may be meant by a deny and is not by a permit.
pub const ACTOR_COMPARISONS: usize = 100_000;

/// The request target (path and query): longer than any allowed search, shorter than what servers cut off.
pub const TARGET_BYTES: usize = 8 * 1024;

/// The form of a POST `_search`.
pub const FORM_BYTES: usize = 16 * 1024;

/// The body of a batch: as many targets as it may have, each longer than those of a patient summary.
pub const BATCH_BYTES: usize = 128 * 1024;

/// Entries of a batch: a patient summary in searches is half as many. Each is an exchange of its own, and all of them have the
/// time of one request.
pub const BATCH_ENTRIES: usize = 50;

/// Parameters of one search.
pub const PARAMETERS: usize = 40;

/// Values of one parameter, separated by commas.
pub const VALUES: usize = 50;

/// The largest page a caller may ask for.
pub const PAGE: usize = 100;

/// The page a caller gets who does not say.
pub const PAGE_DEFAULT: usize = 20;

/// Released entries that page tokens may skip: what lies beyond must be asked with a narrower search.
pub const SKIP: usize = 10_000;

/// Visible matches that are counted for one total: what a person can have of one type in a long life, and no more than
/// can be judged in time.
pub const TOTAL: usize = 10_000;

/// Visible resources of which one summary is composed: a long record has some hundred results a year. What has more is asked
/// for with searches.
pub const SUMMARY_ENTRIES: usize = 5_000;

/// Visible observations among which the last of each code are found: what a person can have in a long life. They are read once
/// and the last of each code are kept.
pub const LASTN_OBSERVATIONS: usize = 10_000;

/// Bytes of the resources of one answer that is composed as a whole: a summary, a page of everything.
pub const COMPOSED_BYTES: usize = 32 * 1024 * 1024;

/// Characters of what the text of a section says of one entry: a name, not a story.
pub const LINE_CHARACTERS: usize = 120;

/// Matches asked of the upstream in one page.
pub const UPSTREAM_PAGE: usize = 200;

/// Upstream pages read for one look-up. Those of a search are bounded by its time only: what they hold may be hidden.
pub const UPSTREAM_PAGES: usize = 1_000;

/// Bytes of one upstream page that are held while its references are looked up, and of what one resource inherits labels from:
/// what inherits from more is hidden.
pub const PAGE_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of one upstream page at which its rest is asked for again once the first part is released: with the largest resource
/// beside, and public URLs that are longer than the server's, a part stays below [`PAGE_BYTES`].
pub const PART_BYTES: usize = PAGE_BYTES / 2;

/// Bytes of what resources inherit labels from that stay from one page of what is judged together to the next: a person's
/// medicines, and next to nothing beside [`PAGE_BYTES`].
pub const LINKED_BYTES: usize = 1024 * 1024;

/// Resources that may be reached from one resource by references, and includes of one answer: each costs a share of a
/// look-up. It is counted for each released resource by itself and along what is visible, so that what is hidden never uses it up;
/// whom a resource is judged together with is one beside it, however many they are. What inherits labels from more is hidden.
pub const REFERENCES: usize = 5_000;

/// Resources contained in one whose references are followed: each may need each other one.
pub const CONTAINED: usize = 1_000;

/// Look-ups along references of references; what lies deeper counts as hidden, and so does what inherits from there. A result refers to a contact, that to a
/// place, that to its organisation, and organisations are parts of others: a shallower bound hides ordinary data.
pub const REFERENCE_DEPTH: usize = 8;

/// Bytes of one answer that are held back before the head is sent, so that a body that fails early gets a clean refusal.
pub const HELD_BYTES: usize = 64 * 1024;

/// The text of `Sluis-Reason`, decoded.
pub const REASON_BYTES: usize = 512;

/// One certificate of a caller: real ones have two or three thousand bytes.
pub const CERTIFICATE_BYTES: usize = 32 * 1024;

/// One CRL: that of a register with as many cards as there are caregivers has a few megabytes, and is held whole.
pub const CRL_BYTES: usize = 32 * 1024 * 1024;

/// One fetch of a CRL in all: a slow line still brings it well before its end.
pub const CRL_FETCH: Duration = Duration::from_secs(120);

/// URLs that CRLs are fetched from: each is a task of its own, and a register has a handful of CAs.
pub const CRL_URLS: usize = 32;

/// One question to an OCSP responder in all: a request waits for it, and its deadline is not much more.
pub const OCSP_ASK: Duration = Duration::from_secs(3);

/// How long no second question is asked about a certificate after one that failed: callers who are refused come again.
pub const OCSP_PAUSE: Duration = Duration::from_secs(2);

/// One answer of an OCSP responder: a signature, a certificate or two, and a status.
pub const OCSP_BYTES: usize = 64 * 1024;

/// Certificates whose answers are held: callers of an issuer without a CRL. What goes for want of room is asked for again.
pub const OCSP_PLACES: usize = 10_000;

/// A statement about who acts behind a system: some two thousand characters, and well below what a head may have.
pub const STATEMENT_BYTES: usize = 16 * 1024;

/// The header of a statement: a handful of members.
pub const STATEMENT_HEADER: Bounds = Bounds { bytes: 4 * 1024, depth: 4, members: 32 };

/// The claims of a statement: some twenty, and an extension with some ten.
pub const STATEMENT: Bounds = Bounds { bytes: STATEMENT_BYTES, depth: 12, members: 64 };

/// One claim of a statement that is a text: a name, a URL, a list of scopes.
pub const CLAIM_BYTES: usize = 2 * 1024;

/// The name of a key.
pub const KEY_NAME_BYTES: usize = 256;

/// A set of keys: some three thousand characters for each key with its certificates.
pub const KEY_SET: Bounds = Bounds { bytes: 256 * 1024, depth: 8, members: 32 };

/// Keys in one set: those of some years of rotation.
pub const KEYS: usize = 64;

/// Bits of an RSA key: fewer can be broken, more cost each request more than they are worth.
pub const RSA_BITS: RangeInclusive<usize> = 2_048..=8_192;

/// A list of statements that were taken back: a hundred characters each, for as many as a register has in some months.
pub const REVOCATION_LIST: Bounds = Bounds { bytes: 32 * 1024 * 1024, depth: 6, members: 32 };

/// Issuers whose statements are accepted: each of them fetches, and one is looked for with each request.
pub const STATEMENT_ISSUERS: usize = 16;

/// Waiting for a connection to the upstream.
pub const CONNECT: Duration = Duration::from_secs(3);

/// Waiting for the next byte of the upstream.
pub const IDLE: Duration = Duration::from_secs(15);

/// How long a page token is good.
pub const PAGE_TOKEN_AGE: Duration = Duration::from_secs(15 * 60);

/// Trails that are open or whose closing record is not durable yet. Each holds a place for its closing record, so that
/// none is lost for want of room; who comes above it is turned away before anything is looked up.
pub const OPEN_TRAILS: usize = 4_096;

/// Intents and events that wait to be written: one for each open trail, and room for events.
pub const RECORDS_WAITING: usize = OPEN_TRAILS + 512;

/// Events per minute that unproven callers can put on record one by one, about 70 MB a day; the others are counted.
pub const UNPROVEN_EVENTS: u32 = 120;

/// A segment of the journal that is this long is followed by the next: small enough to verify at every start.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Records behind a checkpoint at which the next one is written: what can be written anew without the key is no more, and a
/// signature for each thousand records is no work.
pub const CHECKPOINT_RECORDS: u64 = 1_000;

/// Time behind a checkpoint at which the next one is written where anything lies behind it.
pub const CHECKPOINT_EVERY: Duration = Duration::from_secs(5 * 60);

/// The longest line of a journal that is read: more than the references of all pages of one answer take.
pub const RECORD_BYTES: usize = 64 * 1024 * 1024;

/// Who reviewed an access, and the verdict: a sentence or two, so that one record stays one line to read.
pub const REVIEW_BYTES: usize = 2_000;

/// How long a command waits for others that put on record what they do: each takes a moment.
pub const OTHER_COMMANDS: Duration = Duration::from_secs(10);

/// Faults that the verification of a journal lists; the verdict counts all.
pub const JOURNAL_FAULTS: usize = 1_000;

/// A page token as callers send it back: longer than any that is made here.
pub const PAGE_TOKEN_BYTES: usize = 1024;

/// AuditEvents in one transaction of a forwarder: a server takes them in a second or two, and one that it refuses is found
/// in a few halvings.
pub const FORWARD_ENTRIES: usize = 100;

/// Bytes of what a forwarder sends at a time, the last record beside: what servers take in one request.
pub const FORWARD_BYTES: usize = 2 * 1024 * 1024;

/// Records that a forwarder holds: most of them are no AuditEvent of their own.
pub const FORWARD_RECORDS: usize = 1_000;

/// How long a forwarder that has sent everything waits for more to send with the next record: a cursor is synced for each
/// batch, on the disk that the journal is on.
pub const FORWARD_LINGER: Duration = Duration::from_millis(250);

/// Waiting for the next byte of the answer to what a forwarder sent: a transaction takes longer than a search.
pub const FORWARD_ANSWER: Duration = Duration::from_secs(60);

/// The answer to what a forwarder sent: an entry of some hundred bytes for each that was sent, with room for remarks.
pub const FORWARD_ANSWER_BYTES: usize = 1024 * 1024;

/// Times that a record is refused by itself before its forwarder stops: one may be the fault of something in between.
pub const FORWARD_REFUSALS: u32 = 3;

/// The first wait of a forwarder after a failure; each is twice as long as the one before, up to the bound that is configured.
pub const FORWARD_WAIT: Duration = Duration::from_millis(500);

/// What is sent of the last records once the gateway is told to stop: what is not, is sent after the next start.
pub const FORWARD_LAST: Duration = Duration::from_secs(3);

/// Forwarders: each has a thread of its own.
pub const FORWARDERS: usize = 16;

/// Days of an access log that are told at a time: as long as such a log is kept by practice (NEN 7513), five years with the leap
/// days that they may have.
pub const LOG_DAYS: i64 = 5 * 365 + 2;

/// Requests that one access log tells of: a person in hospital for a year is asked about some ten times a day. What is more is
/// asked for in shorter periods.
pub const LOG_ACCESSES: usize = 20_000;

/// Bytes of the journal that are read for one access log where the index has their places.
pub const LOG_BYTES: u64 = 256 * 1024 * 1024;

/// Segments that are read as a whole for one access log: the last, which no index covers, and the one before it while it is
/// taken in.
pub const LOG_SEGMENTS: usize = 2;

/// Access logs that are made at one time: each reads a segment of the journal, which takes one core for a moment.
pub const LOGS: usize = 2;

/// Clients of the portal listener that are named: a hospital has one portal, and a second while it moves.
pub const PORTAL_CLIENTS: usize = 16;

/// Whom a patient can turn to, as the page says it.
pub const CONTACT_BYTES: usize = 500;
