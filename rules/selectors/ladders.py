"""What is unwise about the ladders as they are being edited."""

from django.db.models import Exists, OuterRef, Q

from rules.ladders import doubts_about_ladder
from rules.models import ExceptionType, Owner, TeamMember


def doubts_about(kind: ExceptionType) -> list[str]:
    """What is unwise about the ladder of this kind of exception, in sentences; one query."""
    return doubts_about_ladder(kind.ladder, severity=kind.severity, there=_there())


def _there() -> dict[str, bool]:
    """Per active owner, whether anybody who can sign in stands behind it."""
    members = TeamMember.objects.filter(team=OuterRef("team"), is_active=True, user__is_active=True)
    owners = Owner.objects.filter(is_active=True).annotate(peopled=Q(user__is_active=True) | Exists(members))
    return {slug: bool(peopled) for slug, peopled in owners.values_list("slug", "peopled")}
