"""What runbooks and postmortems plug into registries."""

from django.utils.translation import gettext_noop as noop

from audit import verbs
from audit.checks import register_check
from exceptions import subjects, timer_kinds
from exceptions.services import postmortems
from exceptions.services.runbooks import DOCUMENT_FIX, document_fix, tell_of_runbooks
from rules import runbooks

verbs.register(
    {
        "case.fix_documented": noop("{actor} proposed what was learned for a runbook"),
        "postmortem.drafted": noop("{actor} drafted a postmortem"),
        "postmortem.joined": noop("{actor} added what belongs to it to a postmortem"),
        "postmortem.written": noop("{actor} wrote on a postmortem"),
        "postmortem.published": noop("{actor} published a postmortem"),
        "postmortem.dismissed": noop("{actor} found that no postmortem is needed"),
        "postmortem.action_added": noop("{actor} agreed on an action"),
        "postmortem.action_ended": noop("{actor} said what came of an action"),
        "postmortem.action_overdue": noop("{actor} told of an action whose day has passed"),
    }
)

timer_kinds.register(postmortems.ACTION_DUE, postmortems.on_action_due, lock=postmortems.lock_actions)
subjects.register_action(DOCUMENT_FIX, document_fix)
runbooks.register_teller(tell_of_runbooks)
runbooks.declare_alert("timers", "Timers stand still: nothing escalates")
runbooks.declare_alert("notifications", "Letters and messages do not go out")

register_check(
    "pm-01",
    statement="Every P1 that was solved since there are postmortems has one",
    sql="""
        SELECT 'EX-' || c.number FROM exceptions_exceptioncase c
        WHERE c.severity = 'P1' AND c.state IN ('resolved', 'closed')
          AND c.resolved_at > (SELECT min(drafted_at) FROM exceptions_postmortem)
          AND NOT EXISTS (SELECT 1 FROM exceptions_postmortemcase p WHERE p.case_id = c.id) LIMIT 100
    """,
    budget_ms=15_000,
)
register_check(
    "pm-02",
    statement="Somebody will be told of every open action of a postmortem whose day passes",
    sql="""
        SELECT 'PM-' || p.number || ' action ' || a.number FROM exceptions_postmortemaction a
        JOIN exceptions_postmortem p ON p.id = a.postmortem_id
        WHERE a.state = 'open' AND NOT EXISTS (
            SELECT 1 FROM exceptions_timer t WHERE t.subject_type = 'exceptions.postmortemaction' AND t.subject_id = a.id::text
              AND t.kind = 'postmortem.action_due' AND t.fired_at IS NULL AND t.cancelled_at IS NULL)
    """,
)
register_check(
    "pm-03",
    statement="No published postmortem was ever rewritten, and each has an action with an owner and a day",
    sql="""
        SELECT 'PM-' || min(number) FROM exceptions_historicalpostmortem WHERE state = 'published'
        GROUP BY id HAVING count(DISTINCT (title, summary, causes, timeline::text, figures::text)) > 1
        UNION ALL
        SELECT 'PM-' || p.number FROM exceptions_postmortem p WHERE p.state = 'published' AND NOT EXISTS (
            SELECT 1 FROM exceptions_postmortemaction a WHERE a.postmortem_id = p.id)
    """,
)
