//! The CAs of the test PKI: what they are called and what their certificates say.

use super::der::Scheme;

/// Which register the PKI plays: names of CAs and OIDs differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// The test register.
    Test,
    /// The register of production; only its shape, of course.
    Production,
}

/// A CA of the PKI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ca {
    /// Issues zorgverlenerpassen; an anchor.
    Professional,
    /// Issues medewerkerpassen op naam; an anchor.
    Employee,
    /// Issues medewerkerpassen niet op naam; an anchor.
    Function,
    /// Issues server certificates (G1); an anchor.
    Server,
    /// Issues server certificates (G4); stands below [`Ca::ServerG4Parent`].
    ServerG4,
    /// Issues [`Ca::ServerG4`]; an anchor.
    ServerG4Parent,
    /// Has the name of [`Ca::Professional`] and a key of its own; no anchor.
    Impostor,
    /// Issues the gateway's own certificate; callers trust it, the gateway does not.
    Gateway,
}

/// Every CA; one that issues another stands before it.
pub(super) const ALL: [Ca; 8] = [
    Ca::Professional,
    Ca::Employee,
    Ca::Function,
    Ca::Server,
    Ca::ServerG4Parent,
    Ca::ServerG4,
    Ca::Impostor,
    Ca::Gateway,
];

impl Ca {
    /// Returns the OID that names of this CA begin with.
    #[must_use]
    pub fn issuer_oid(self, world: World) -> &'static str {
        match (self, world) {
            (Self::Professional | Self::Impostor | Self::Gateway, World::Test) => "2.16.528.1.1007.99.217",
            (Self::Employee, World::Test) => "2.16.528.1.1007.99.218",
            (Self::Function, World::Test) => "2.16.528.1.1007.99.219",
            (Self::Server | Self::ServerG4 | Self::ServerG4Parent, World::Test) => "2.16.528.1.1007.99.2110",
            (Self::Professional | Self::Impostor | Self::Gateway, World::Production) => "2.16.528.1.1003.1.3.5.5.2",
            (Self::Employee, World::Production) => "2.16.528.1.1003.1.3.5.5.3",
            (Self::Function, World::Production) => "2.16.528.1.1003.1.3.5.5.4",
            (Self::Server | Self::ServerG4 | Self::ServerG4Parent, World::Production) => "2.16.528.1.1003.1.3.5.5.5",
        }
    }

    /// Returns the policies that its certificates carry.
    #[must_use]
    pub fn policies(self, world: World) -> &'static [&'static str] {
        match (self, world) {
            (Self::Professional | Self::Employee | Self::Impostor | Self::Gateway, World::Test) => {
                &["2.16.528.1.1007.99.211"]
            }
            (Self::Function, World::Test) => &["2.16.528.1.1007.99.214"],
            (Self::Server, World::Test) => &["2.16.528.1.1007.99.12"],
            (Self::ServerG4 | Self::ServerG4Parent, World::Test) => {
                &["2.16.528.1.1007.99.44.15.35.11", "0.4.0.2042.1.1"]
            }
            (Self::Professional | Self::Employee | Self::Impostor | Self::Gateway, World::Production) => {
                &["2.16.528.1.1003.1.2.5.1"]
            }
            (Self::Function, World::Production) => &["2.16.528.1.1003.1.2.5.4"],
            (Self::Server, World::Production) => &["2.16.528.1.1003.1.2.8.6"],
            (Self::ServerG4 | Self::ServerG4Parent, World::Production) => {
                &["2.16.528.1.1003.1.2.44.15.35.11", "0.4.0.2042.1.1"]
            }
        }
    }

    pub(super) fn common_name(self, world: World) -> &'static str {
        match (self, world) {
            (Self::Professional | Self::Impostor, World::Test) => "TEST UZI-register Zorgverlener CA G3",
            (Self::Employee, World::Test) => "TEST UZI-register Medewerker op naam CA G3",
            (Self::Function, World::Test) => "TEST UZI-register Medewerker niet op naam CA G3",
            (Self::Server, World::Test) => "TEST UZI-register Private Server CA G1",
            (Self::ServerG4, World::Test) => "ACCEPTATIE UZI Server - G4 Priv G-TLS SYS - 2025",
            (Self::ServerG4Parent, World::Test) => "ACCEPTATIE Zorg CSP G4 INTM 2024",
            (Self::Professional | Self::Impostor, World::Production) => "UZI-register Zorgverlener CA G3",
            (Self::Employee, World::Production) => "UZI-register Medewerker op naam CA G3",
            (Self::Function, World::Production) => "UZI-register Medewerker niet op naam CA G3",
            (Self::Server, World::Production) => "UZI-register Private Server CA G1",
            (Self::ServerG4, World::Production) => "UZI Server - G4 PKIo Priv G-TLS SYS",
            (Self::ServerG4Parent, World::Production) => "Zorg CSP G4 INTM 2024",
            (Self::Gateway, World::Test | World::Production) => "Sluis demo server CA",
        }
    }

    pub(super) fn scheme(self) -> Scheme {
        match self {
            Self::ServerG4 | Self::ServerG4Parent => Scheme::PssSha512,
            Self::Professional | Self::Employee | Self::Function | Self::Server | Self::Impostor | Self::Gateway => {
                Scheme::Pkcs1Sha256
            }
        }
    }

    /// The name of its files; nothing for a CA that the gateway does not know.
    pub(super) fn file(self) -> Option<&'static str> {
        match self {
            Self::Professional => Some("zorgverlener"),
            Self::Employee => Some("medewerker-op-naam"),
            Self::Function => Some("medewerker-niet-op-naam"),
            Self::Server => Some("server"),
            Self::ServerG4 => Some("server-g4"),
            Self::ServerG4Parent => Some("server-g4-parent"),
            Self::Impostor | Self::Gateway => None,
        }
    }

    pub(super) fn is_anchor(self) -> bool {
        match self {
            Self::Professional | Self::Employee | Self::Function | Self::Server | Self::ServerG4Parent => true,
            Self::ServerG4 | Self::Impostor | Self::Gateway => false,
        }
    }
}
