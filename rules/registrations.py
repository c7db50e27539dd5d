"""Everything this app plugs into registries, in one place."""

from audit import checks, verbs

verbs.register(
    {
        "absence.entered": "{actor} said that somebody is away",
        "absence.ended": "{actor} said that somebody is back",
        "ownership.rotated": "{actor} passed it to the next of the team",
        "ownership.lent": "{actor} gave it to somebody for a while",
        "ownership.returned": "{actor} gave it back after a while",
        "rules.frozen": "{actor} put a rule book in force",
        "rules.edited": "{actor} changed what the next rule book will say",
        "contract.described": "{actor} said anew what a contract means",
        "contract.runbook_written": "{actor} wrote what to do when a contract breaks",
        "contract.risk_accepted": "{actor} accepted what remains risky of a contract",
        "contract.drafted": "{actor} drafted a version of a contract",
        "contract.published": "{actor} put a version of a contract in force",
        "contract.deprecated": "{actor} replaced a version of a contract",
        "contract.retired": "{actor} stopped accepting a version of a contract",
        "gate.described": "{actor} said anew what a gate asks for",
        "runbook.added": "{actor} began a runbook",
        "runbook.proposed": "{actor} proposed a version of a runbook",
        "runbook.accepted": "{actor} put a version of a runbook in force",
        "runbook.replaced": "{actor} replaced a version of a runbook",
        "runbook.rejected": "{actor} did not take a version of a runbook",
        "runbook.withdrawn": "{actor} took a proposed version of a runbook back",
        "runbook.read": "{actor} has read a runbook",
        "token.issued": "{actor} issued an API token",
        "token.revoked": "{actor} revoked an API token",
        "person.signed_in": "{actor} signed in",
        "person.signed_out": "{actor} signed out",
        "person.password_changed": "{actor} changed their password",
        "person.locked_out": "{actor} tried too many passwords or codes of one account, which has to wait now",
        "person.sessions_ended": "{actor} ended sessions of an account",
        "person.deactivated": "{actor} deactivated an account",
        "person.activated": "{actor} activated an account",
        "factor.added": "{actor} added a second factor",
        "factor.removed": "{actor} removed second factors",
        "factor.codes_made": "{actor} made new recovery codes",
        "factor.linked": "{actor} signed in through the company's sign-in for the first time",
    }
)

checks.register_check(
    "rules-01",
    statement="At most one rule book is in force, and it is the newest",
    sql="""
        SELECT 'rule book v' || number FROM rules_rulebookversion
        WHERE is_active AND number < (SELECT max(number) FROM rules_rulebookversion)
    """,
)
checks.register_check(
    "rules-02",
    statement="Every decision names an owner, a flow and an SLA",
    sql="""
        SELECT id::text FROM rules_decision
        WHERE coalesce(outcome->>'owner', '') = '' OR coalesce(outcome->>'flow', '') = ''
           OR coalesce(outcome->>'sla', '') = ''
        LIMIT 100
    """,
)
checks.register_check(
    "rules-03",
    statement="Every active owner has an active backup",
    sql="""
        SELECT o.slug FROM rules_owner o JOIN rules_owner b ON b.id = o.backup_id
        WHERE o.is_active AND NOT b.is_active
    """,
)
checks.register_check(
    "inv-50",
    statement="One rule book is in force, and nothing that was published was ever rewritten",
    sql="""
        SELECT 'rule books' FROM rules_rulebookversion HAVING count(*) > 0 AND count(*) FILTER (WHERE is_active) <> 1
        UNION ALL
        SELECT 'rule book v' || min(number) FROM rules_historicalrulebookversion
        GROUP BY id HAVING count(DISTINCT (number, sha256, document::text)) > 1
        UNION ALL
        SELECT 'contract version ' || id FROM rules_historicalcontractversion
        WHERE state <> 'draft' GROUP BY id HAVING count(DISTINCT (number, schema::text, pii::text)) > 1
    """,
)
checks.register_check(
    "runbook-01",
    statement="Every version of a runbook that is or was in force was accepted by somebody other than who wrote it, and never rewritten",
    sql="""
        SELECT r.slug || ' v' || v.number FROM rules_runbookversion v JOIN rules_runbook r ON r.id = v.runbook_id
        WHERE v.state IN ('current', 'replaced') AND (v.decided_at IS NULL OR v.decided_by = v.proposed_by)
        UNION ALL
        SELECT 'runbook version ' || id FROM rules_historicalrunbookversion
        GROUP BY id HAVING count(DISTINCT (number, body, covers::text, proposed_by)) > 1
    """,
)
