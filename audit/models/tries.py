"""Wrong tries at a password or a code, for the pause that follows too many of them.

Counted here and not in a cache, which is lost with a restart and is one per process where no Redis is shared. A row says neither whose
account nor which address it is about: its key is a keyed digest. Rows that no pause can come from any more go with the next wrong try.
"""

from typing import ClassVar

from django.db import models


class WrongTry(models.Model):
    """How often something was tried wrongly since it was last tried rightly, or left alone for an hour."""

    key = models.CharField(max_length=64, primary_key=True)
    count = models.PositiveIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        indexes: ClassVar[list[models.Index]] = [models.Index(fields=["last_at"], name="wrongtry_by_age")]

    def __str__(self) -> str:
        return f"{self.key[:8]}: {self.count}"
