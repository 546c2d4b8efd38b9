//! Agents: who took part.

use serde_json::{Value, json};

use super::{ACT_REASON, About, BALP, DCM, URA, coding, observer, put};

const CLIENT_SOURCE: (&str, &str) = ("110153", "Source Role ID");
const CLIENT_DESTINATION: (&str, &str) = ("110152", "Destination Role ID");
const APPLICATION: (&str, &str) = ("110150", "Application");

/// Which way an event is seen: DICOM names the two ends by where what it is about flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    /// The question, from the client to the server: BALP's Query.
    Question,
    /// The answer, from the server to the client: BALP's Read and PrivacyDisclosure.
    Answer,
}

impl About<'_> {
    /// Client, server, user and the user's organisation, as BALP's REST patterns have them.
    pub(super) fn ends(&self, flow: Flow) -> Vec<Value> {
        let (client, server) = match flow {
            Flow::Question => (CLIENT_SOURCE, CLIENT_DESTINATION),
            Flow::Answer => (CLIENT_DESTINATION, CLIENT_SOURCE),
        };
        let mut agents = self.client(client);
        // Who acts is the user; the system that they act through is known by its own number.
        let system = self.access.facts.who.as_ref().and_then(|who| who.statement.as_ref());
        for client in &mut agents {
            put(client, "altId", system.map(|statement| json!(statement.system)));
        }
        agents.push(self.server(server));
        agents.extend(self.people());
        agents
    }

    /// Application, authorisation server, user and the user's organisation, as BALP's AuthZconsent has them.
    pub(super) fn authorisation(&self) -> Vec<Value> {
        let mut agents = self.client(APPLICATION);
        let authserver = coding(
            "http://terminology.hl7.org/CodeSystem/extra-security-role-type",
            "authserver",
            "authorization server",
        );
        let who = observer(self.access.facts.source.as_ref());
        agents.push(json!({"type": {"coding": [authserver]}, "who": who, "requestor": false}));
        agents.extend(self.people());
        agents
    }

    /// The custodian of what was disclosed: the holder.
    pub(super) fn custodian(&self) -> Value {
        let clerk = coding("http://snomed.info/sct", "159541003", "Record keeping/library clerk");
        let who = observer(self.access.facts.source.as_ref());
        json!({"type": {"coding": [clerk]}, "who": who, "requestor": false})
    }

    /// Whether both ends are known by where they are, which every BALP pattern asks for.
    pub(super) fn ends_are_known(&self) -> bool {
        let facts = &self.access.facts;
        let base = facts.source.as_ref().and_then(|source| source.base.as_ref());
        base.is_some() && facts.who.is_some() && facts.address.is_some()
    }

    fn client(&self, (code, display): (&str, &str)) -> Vec<Value> {
        let facts = &self.access.facts;
        let Some(who) = &facts.who else { return Vec::new() };
        let mut organisation = json!({"identifier": {"system": URA, "value": who.ura}});
        put(&mut organisation, "display", who.organization.as_ref().map(|name| json!(name)));
        let mut client = json!({
            "type": {"coding": [coding(DCM, code, display)]}, "who": organisation, "requestor": false,
        });
        put(&mut client, "network", facts.address.as_deref().map(network));
        let certificate = who.certificate.as_ref();
        let urn =
            certificate.map(|certificate| json!([format!("urn:sluis:certificate:sha256:{}", certificate.sha256)]));
        put(&mut client, "policy", urn);
        vec![client]
    }

    fn server(&self, (code, display): (&str, &str)) -> Value {
        let source = self.access.facts.source.as_ref();
        let mut server = json!({
            "type": {"coding": [coding(DCM, code, display)]}, "who": observer(source), "requestor": false,
        });
        let base = source.and_then(|source| source.base.as_ref());
        put(&mut server, "network", base.map(|base| json!({"address": base, "type": "5"})));
        server
    }

    /// The user and the organisation that answers for them. A function or a system is the user where no person is proven.
    fn people(&self) -> Vec<Value> {
        let facts = &self.access.facts;
        let Some(who) = &facts.who else { return Vec::new() };
        let recipient =
            coding("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP", "information recipient");
        let is_system = who.card_type == "S" && !who.is_person();
        let register = if is_system { "uzi-nr-sys" } else { "uzi-nr-pers" };
        let number = json!({"system": format!("http://fhir.nl/fhir/NamingSystem/{register}"), "value": who.uzi});
        let role = json!({"system": "http://fhir.nl/fhir/NamingSystem/uzi-rolcode", "code": who.role()});
        let mut user = json!({
            "type": {"coding": [recipient]}, "who": {"identifier": number}, "requestor": true,
            "role": [{"coding": [role]}],
        });
        put(&mut user, "name", who.name().map(|name| json!(name)));
        put(&mut user, "purposeOfUse", self.purpose());
        put(&mut user, "policy", self.protocol());
        let provider = coding("http://terminology.hl7.org/CodeSystem/v3-RoleClass", "PROV", "healthcare provider");
        let mut organisation = json!({"identifier": {"system": URA, "value": who.ura}});
        put(&mut organisation, "display", who.organization.as_ref().map(|name| json!(name)));
        let organisation = json!({"type": {"coding": [provider]}, "who": organisation, "requestor": false});
        [Some(user), self.token_user(), Some(organisation)].into_iter().flatten().collect()
    }

    /// The user as the statement about them has it: BALP's OAUTHaccessTokenUse.
    fn token_user(&self) -> Option<Value> {
        let statement = self.access.facts.who.as_ref()?.statement.as_ref()?;
        let mut user = json!({
            "type": {"coding": [token_type()]},
            "who": {"identifier": {"system": statement.issuer, "value": statement.subject}},
            "requestor": true,
            "policy": [jti(&statement.jti)],
        });
        put(&mut user, "purposeOfUse", self.purpose());
        Some(user)
    }

    /// Whether an access token of OAuth says who acts. A Dezi statement has an id as such a token has, and is none.
    pub(super) fn used_a_token(&self) -> bool {
        let who = self.access.facts.who.as_ref();
        who.and_then(|who| who.statement.as_ref()).is_some_and(|statement| statement.kind == "iua")
    }

    pub(super) fn purpose(&self) -> Option<Value> {
        let code = self.access.facts.purpose.as_deref()?;
        Some(json!([{"coding": [{"system": ACT_REASON, "code": code}]}]))
    }

    /// The authorisation protocol: the policy, and the exchange profile where one admits the query.
    fn protocol(&self) -> Option<Value> {
        let facts = &self.access.facts;
        let policy = facts.authorisation.as_ref().map(|authorisation| ("policy", authorisation.policy.as_str()));
        let exchange = facts.exchange.as_deref().map(|exchange| ("exchange", exchange));
        let urns: Vec<String> =
            [policy, exchange].into_iter().flatten().map(|(kind, name)| format!("urn:sluis:{kind}:{name}")).collect();
        (!urns.is_empty()).then(|| json!(urns))
    }
}

/// The type of what is of a token, of agents and of entities.
pub(super) fn token_type() -> Value {
    json!({"system": format!("{BALP}CodeSystem/UserAgentTypes"), "code": "UserOauthAgent"})
}

/// The id of a statement as BALP writes it (RFC 3553).
pub(super) fn jti(jti: &str) -> String {
    format!("urn:ietf:params:oauth:jti:{jti}")
}

/// An address without its port.
pub(super) fn network(address: &str) -> Value {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    json!({"address": host.trim_matches(['[', ']']), "type": "2"})
}
