"""Everything this app plugs into registries, in one place."""

from django.utils.translation import gettext_noop as noop

from audit import checks, folds, verbs

verbs.register(
    {
        "absence.entered": noop("{actor} said that somebody is away"),
        "absence.ended": noop("{actor} said that somebody is back"),
        "ownership.rotated": noop("{actor} passed it to the next of the team"),
        "ownership.lent": noop("{actor} gave it to somebody for a while"),
        "ownership.returned": noop("{actor} gave it back after a while"),
        "rules.frozen": noop("{actor} put a rule book in force"),
        "rules.edited": noop("{actor} changed what the next rule book will say"),
        "contract.described": noop("{actor} said anew what a contract means"),
        "contract.runbook_written": noop("{actor} wrote what to do when a contract breaks"),
        "contract.risk_accepted": noop("{actor} accepted what remains risky of a contract"),
        "contract.drafted": noop("{actor} drafted a version of a contract"),
        "contract.published": noop("{actor} put a version of a contract in force"),
        "contract.deprecated": noop("{actor} replaced a version of a contract"),
        "contract.retired": noop("{actor} stopped accepting a version of a contract"),
        "flow.activated": noop("{actor} let a flow go live"),
        "flow.paused": noop("{actor} paused a flow"),
        "gate.described": noop("{actor} said anew what a gate asks for"),
        "runbook.added": noop("{actor} began a runbook"),
        "runbook.proposed": noop("{actor} proposed a version of a runbook"),
        "runbook.accepted": noop("{actor} put a version of a runbook in force"),
        "runbook.replaced": noop("{actor} replaced a version of a runbook"),
        "runbook.rejected": noop("{actor} did not take a version of a runbook"),
        "runbook.withdrawn": noop("{actor} took a proposed version of a runbook back"),
        "runbook.read": noop("{actor} has read a runbook"),
        "token.issued": noop("{actor} issued an API token"),
        "token.revoked": noop("{actor} revoked an API token"),
        "person.signed_in": noop("{actor} signed in"),
        "person.signed_out": noop("{actor} signed out"),
        "person.password_changed": noop("{actor} changed their password"),
        "person.locked_out": noop("{actor} tried too many passwords or codes of one account, which has to wait now"),
        "person.sessions_ended": noop("{actor} ended sessions of an account"),
        "person.deactivated": noop("{actor} deactivated an account"),
        "person.activated": noop("{actor} activated an account"),
        "factor.added": noop("{actor} added a second factor"),
        "factor.removed": noop("{actor} removed second factors"),
        "factor.codes_made": noop("{actor} made new recovery codes"),
        "factor.linked": noop("{actor} signed in through the company's sign-in for the first time"),
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
folds.register(
    folds.Fold(
        "rules.contractversion",
        "rules_contractversion",
        "state",
        "r.id",
        told={"contract.drafted": "draft", "contract.published": "active"},
    ),
    folds.Fold(
        "rules.runbookversion",
        "rules_runbookversion",
        "state",
        "r.id",
        told={"runbook.proposed": "proposed", "runbook.accepted": "current"},
    ),
)
folds.register(
    folds.SqlFold(
        "rules.flow.state",
        """
        SELECT f.id::text, f.state, told.value FROM rules_flow f
        JOIN LATERAL (
            SELECT CASE WHEN e.type = 'flow.activated' THEN 'active' ELSE 'paused' END AS value FROM audit_event e
            WHERE e.subject_type = 'rules.flow' AND e.subject_id = f.id::text AND e.type IN ('flow.activated', 'flow.paused')
            ORDER BY e.seq DESC LIMIT 1
        ) told ON true
        """,
    ),
)
