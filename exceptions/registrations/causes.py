"""What shared causes plug in: the words of their events, and what must always hold."""

from django.utils.translation import gettext_noop as noop

from audit import verbs
from audit.checks import register_check
from exceptions import gates, subjects
from exceptions.services import muting
from exceptions.services.notifications import OPENED

verbs.register(
    {
        "cause.renamed": noop("{actor} named a shared cause"),
        "cause.merged": noop("{actor} merged it into another cause"),
        "cause.took_in": noop("{actor} merged another cause into it"),
        "cause.parted": noop("{actor} ended the merging of it"),
        "cause.split": noop("{actor} made a cause of its own of some exceptions"),
        "case.regrouped": noop("{actor} moved it to another cause"),
    }
)

subjects.register(muting.SUBJECT, muting.CauseSubject())
gates.register(muting.MUTE, muting.SUBJECT)

register_check(
    "cause-01",
    statement="Nothing opens under a cause that was merged into another",
    sql="""
        SELECT 'EX-' || c.number FROM exceptions_sharedcause s
        JOIN exceptions_exceptioncase c ON (c.type, c.cause) = (s.type, s.text)
        WHERE s.merged_into_id IS NOT NULL AND c.state IN ('open', 'acknowledged', 'in_progress', 'waiting')
          AND c.opened_at > s.merged_at + interval '15 minutes' LIMIT 100
    """,
)
register_check(
    "cause-02",
    statement="A merged cause leads in one step to one of its type that is not merged itself",
    sql="""
        SELECT 'C-' || s.number FROM exceptions_sharedcause s JOIN exceptions_sharedcause o ON o.id = s.merged_into_id
        WHERE o.merged_into_id IS NOT NULL OR o.type <> s.type
    """,
)
register_check(
    "cause-03",
    statement="Nothing went out about what opened and was told while its cause was muted",
    sql=f"""
        SELECT 'EX-' || c.number FROM exceptions_waiver w JOIN exceptions_sharedcause s ON s.id::text = w.subject_id
        JOIN exceptions_exceptioncase c ON (c.type, c.cause) = (s.type, s.text) AND c.opened_at >= w.starts_at
        JOIN exceptions_notification n ON n.case_id = c.id AND n.event = '{OPENED}' AND n.at = c.opened_at
        JOIN exceptions_notificationdelivery d ON d.notification_id = n.id AND d.state = 'sent'
        WHERE w.gate = '{muting.MUTE}' AND w.subject_type = '{muting.SUBJECT}'
          AND n.at < least(w.expires_at, w.ended_at) LIMIT 100
    """,  # noqa: S608 -- constants
)
