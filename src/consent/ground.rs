//! The coded reason of a decision.

/// Why a decision or a verdict is what it is: one closed list for audit, metrics, explanation and tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ground {
    /// A provision of a Consent permits.
    RulePermits,
    /// A provision of a Consent denies.
    RuleDenies,
    /// No provision speaks, and the policy makes nothing of that.
    NothingOnFile,
    /// No provision speaks, and the policy permits.
    PolicyPermits,
    /// The policy denies.
    PolicyDenies,
    /// A Consent that counts cannot be read in full.
    ConsentUnreadable,
    /// A source of Consents could not be asked.
    EvidenceUnavailable,
    /// No exchange profile or policy admits this role.
    RoleNotAdmitted,
    /// The policy does not admit this purpose for this role.
    PurposeNotAdmitted,
    /// The policy asks for a treatment relation and none is shown.
    NoTreatmentRelation,
    /// The purpose needs a reason and none is given.
    ReasonMissing,
    /// Break-glass filled in or overrode.
    BreakGlass,
    /// The resource is about another person too.
    OtherPerson,
    /// A reference of the resource leads to a hidden one.
    ReferenceHidden,
    /// No exchange profile of this role has the resource.
    OutsideProfile,
}

impl Ground {
    /// Every ground.
    pub const ALL: [Self; 15] = [
        Self::RulePermits,
        Self::RuleDenies,
        Self::NothingOnFile,
        Self::PolicyPermits,
        Self::PolicyDenies,
        Self::ConsentUnreadable,
        Self::EvidenceUnavailable,
        Self::RoleNotAdmitted,
        Self::PurposeNotAdmitted,
        Self::NoTreatmentRelation,
        Self::ReasonMissing,
        Self::BreakGlass,
        Self::OtherPerson,
        Self::ReferenceHidden,
        Self::OutsideProfile,
    ];

    /// Returns the code that stands in audit, metrics and machine output.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::RulePermits => "rule-permits",
            Self::RuleDenies => "rule-denies",
            Self::NothingOnFile => "nothing-on-file",
            Self::PolicyPermits => "policy-permits",
            Self::PolicyDenies => "policy-denies",
            Self::ConsentUnreadable => "consent-unreadable",
            Self::EvidenceUnavailable => "evidence-unavailable",
            Self::RoleNotAdmitted => "role-not-admitted",
            Self::PurposeNotAdmitted => "purpose-not-admitted",
            Self::NoTreatmentRelation => "no-treatment-relation",
            Self::ReasonMissing => "reason-missing",
            Self::BreakGlass => "break-glass",
            Self::OtherPerson => "other-person",
            Self::ReferenceHidden => "reference-hidden",
            Self::OutsideProfile => "outside-profile",
        }
    }
}
