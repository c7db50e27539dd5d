"""The states of content, and of what is asked of it."""

from django.db import models
from django.utils.translation import gettext_noop as _


class AssetState(models.TextChoices):
    """Where a piece of content stands."""

    DRAFT = "draft", _("Draft")
    IN_REVIEW = "in_review", _("In review")
    APPROVED = "approved", _("Approved, to be published")
    PUBLISHED = "published", _("Published")
    REVISION_REQUESTED = "revision_requested", _("Revision asked for")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class ChangeState(models.TextChoices):
    """Where a wish for different messaging stands."""

    ASKED = "asked", _("To be decided")
    TO_CHANGE = "to_change", _("Being changed")
    DONE = "done", _("Changed")
    KEPT = "kept", _("Kept as it is")
    WITHDRAWN = "withdrawn", _("Not needed any more")


# In these somebody has to do something until a moment: which service level of the asset's kind says until when.
WAITING = {
    AssetState.DRAFT: "draft_sla",
    AssetState.IN_REVIEW: "review_sla",
    AssetState.APPROVED: "publish_sla",
    AssetState.REVISION_REQUESTED: "revise_sla",
}
CHANGE_LIVE = (ChangeState.ASKED, ChangeState.TO_CHANGE)
