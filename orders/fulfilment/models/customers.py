"""Who orders: customers, what they are known by, and pairs of them that look alike."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin, transition

from audit.identifiers import uuid7
from audit.models import Accountable
from audit.models.fields import StateField
from orders.fulfilment.states import SIGN_SURE, CustomerState, LikenessState, SignKind
from rules.models import Client


class Customer(FSMModelMixin, Accountable):
    """Somebody who orders from one client. Nothing personal is here: that is in `CustomerSign` and `OrderAddress`.

    An order points to the customer it was taken in for, for ever. Of customers that a person merged, `merged_into` is where each went and
    `head` the one that stands for all of them, so that a split puts back exactly what a merge brought together.
    """

    key = models.CharField(max_length=40, unique=True, editable=False, help_text="As its first order: CU-104233")
    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    state = StateField(choices=CustomerState, default=CustomerState.OWN, max_length=20)
    merged_into = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged", db_index=False
    )
    head = models.ForeignKey("self", on_delete=models.PROTECT, related_name="members")

    class Meta(Accountable.Meta):
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state=CustomerState.OWN, merged_into=None, head=F("id"))
                | Q(state=CustomerState.MERGED, merged_into__isnull=False) & ~Q(merged_into=F("id")) & ~Q(head=F("id")),
                name="customer_merged_says_into_whom",
            ),
        ]

    def __str__(self) -> str:
        return self.key

    @transition(field=state, source=CustomerState.OWN, target=CustomerState.MERGED)
    def merge(self) -> None:
        """Another customer stands for this one: a person says they are the same."""

    @transition(field=state, source=CustomerState.MERGED, target=CustomerState.OWN)
    def split_off(self) -> None:
        """It stands for itself again."""


class CustomerSign(models.Model):
    """One thing a customer is known by, as a keyed digest: it can be compared and not be read, and it keeps no history.

    Nobody else of the client has the same customer number or e-mail address; phone numbers and places may be shared. Of a customer number
    the text is kept, `sealed`; the others are in the addresses of the customer's orders.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="signs")
    kind = models.CharField(max_length=10, choices=SignKind)
    system = models.CharField(max_length=60, blank=True, help_text="Whose customer number it is")
    digest = models.CharField(max_length=64)
    sealed = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(kind__in=SignKind.values), name="customersign_kind_is_known"),
            models.UniqueConstraint(
                fields=["digest"], condition=Q(kind__in=SIGN_SURE), name="customersign_sure_of_one_customer"
            ),
            models.UniqueConstraint(fields=["digest", "customer"], name="customersign_once_per_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.customer_id}"


class Likeness(FSMModelMixin, Accountable):
    """Two customers of a client that look alike: `signs` says by what. `one` came before `other`.

    Whether they were merged is not here: their heads say it. That they are not the same stays known.
    """

    client = models.ForeignKey(Client, on_delete=models.PROTECT, related_name="+")
    one = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    other = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="+")
    signs = models.JSONField(default=list, help_text="Kinds of signs both have")
    state = StateField(choices=LikenessState, default=LikenessState.LIKELY, max_length=20)
    decided_by = models.CharField(max_length=160, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=280, blank=True)

    class Meta(Accountable.Meta):
        verbose_name_plural = "likenesses"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=LikenessState.values), name="likeness_state_is_known"),
            models.CheckConstraint(condition=Q(one__lt=F("other")), name="likeness_is_of_two_in_their_order"),
            models.UniqueConstraint(fields=["one", "other"], name="likeness_one_per_pair"),
            models.CheckConstraint(
                condition=Q(state=LikenessState.LIKELY, decided_at=None)
                | ~Q(state=LikenessState.LIKELY) & Q(decided_at__isnull=False),
                name="likeness_decided_says_when",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["client", "-id"], condition=Q(state=LikenessState.LIKELY), name="likeness_to_decide"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @transition(field=state, source=LikenessState.LIKELY, target=LikenessState.APART)
    def keep_apart(self) -> None:
        """They are not the same, whatever they have in common."""

    @transition(field=state, source=LikenessState.APART, target=LikenessState.LIKELY)
    def ask_again(self) -> None:
        """That was too soon."""
