"""Keys that let other people's programs in."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from audit.models import Accountable
from rules.models.clients import Client


class ApiToken(Accountable):
    """A token of an integrator. Only its digest is kept; it cannot be shown again."""

    name = models.CharField(max_length=120)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="api_tokens")
    scopes = models.JSONField(default=list, help_text="Permissions; never more than its person has")
    clients: "models.ManyToManyField[Client, ApiTokenClient]" = models.ManyToManyField(
        Client, through="ApiTokenClient", related_name="+"
    )
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta(Accountable.Meta):
        verbose_name = "API token"

    unaudited_fields: ClassVar[frozenset[str]] = Accountable.unaudited_fields | {"digest"}

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class ApiTokenClient(Accountable):
    """A client whose records a token reaches."""

    token = models.ForeignKey(ApiToken, on_delete=models.PROTECT, related_name="client_scope")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["token", "client"], name="apitokenclient_once_per_client"),
        ]

    def __str__(self) -> str:
        return f"{self.token} for {self.client}"
