"""Rules, owners, contracts and decisions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from audit import filtering
from audit.filtering import FilterSet
from audit.rest.views import ActResource, CreateMixin, ListResource, RecordResource, Resource
from rules import selectors, serializers, services
from rules.selectors import registry
from rules.states import Direction, OwnerKind

BY_SLUG = {"key": ("slug", "pk"), "-key": ("-slug", "-pk")}
ACTIVE = filtering.flag("active", "is_active")


class _Configured(Resource):
    permission = "rules.view_rules"
    key_field = "slug"


class _Clients(_Configured):
    noun = "client"
    serializer_class = serializers.ClientSerializer

    def records(self) -> QuerySet[Any]:
        """Those the asker works for."""
        return registry.clients_for(self.by)


class ClientList(_Clients, ListResource):
    """The clients you work for."""

    filters = FilterSet(filters=(filtering.search("name", "slug"),), sorts=BY_SLUG)


class ClientRecord(_Clients, RecordResource):
    """One client."""


class _Owners(_Configured):
    noun = "owner"
    serializer_class = serializers.OwnerSerializer

    def records(self) -> QuerySet[Any]:
        """Everyone accountable."""
        return registry.owners_for(self.by)


class OwnerList(_Owners, ListResource):
    """Everyone who can be accountable."""

    filters = FilterSet(
        filters=(filtering.choice("kind", "kind", OwnerKind.values), ACTIVE, filtering.search("name", "slug")),
        sorts=BY_SLUG,
    )


class OwnerRecord(_Owners, RecordResource):
    """One owner."""


class _Gates(_Configured):
    noun = "gate"
    serializer_class = serializers.GateRecordSerializer

    def records(self) -> QuerySet[Any]:
        """As they are edited."""
        return registry.gates_for(self.by)


class GateList(_Gates, ListResource):
    """The gates a time-limited exception can open."""

    filters = FilterSet(filters=(ACTIVE,), sorts=BY_SLUG)


class GateRecord(_Gates, RecordResource):
    """One gate."""


class DescribeGate(_Gates, ActResource):
    """Say anew what a gate stops and what it asks for; its content owner does."""

    tells_who_was_faster = False
    input_class = serializers.DescribeGateInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Say it."""
        services.describe_gate(slug=record.slug, seen=self.seen, by=self.by, now=now, **given)


class _Rules(_Configured):
    noun = "rule"
    serializer_class = serializers.RuleSerializer

    def records(self) -> QuerySet[Any]:
        """As they are edited."""
        return registry.rules_for(self.by)


class RuleList(_Rules, ListResource):
    """The ownership rules, in the order in which they are asked."""

    filters = FilterSet(
        filters=(
            filtering.record_of("owner", "owner", registry.owners_for),
            filtering.record_of("flow", "flow", registry.flows_for),
            ACTIVE,
            filtering.search("name", "slug", "predicate"),
        ),
        sorts={"position": ("position", "pk"), **BY_SLUG},
    )


class RuleRecord(_Rules, RecordResource):
    """One ownership rule."""


class _Books(Resource):
    permission = "rules.view_rules"
    noun = "rule book version"
    key_field = "number"
    serializer_class = serializers.BookSerializer

    def records(self) -> QuerySet[Any]:
        """All of them."""
        return registry.books_for(self.by)


class BookList(_Books, CreateMixin, ListResource):
    """The frozen rule books, newest first; freezing makes a new one of the rules as they are edited."""

    filters = FilterSet(
        filters=(ACTIVE, filtering.moment("frozen", "frozen_at")),
        sorts={"-number": ("-number",), "number": ("number",)},
    )
    input_class = serializers.FreezeInput

    def create(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Freeze."""
        return services.freeze_rule_book(by=self.by, now=now, note=given["note"])


class BookRecord(_Books, RecordResource):
    """One rule book with everything it says."""

    serializer_class = serializers.WholeBookSerializer


class _Contracts(Resource):
    permission = "rules.view_rules"
    noun = "contract"
    key_field = "name"
    serializer_class = serializers.ContractSerializer

    def records(self) -> QuerySet[Any]:
        """All of them, with their versions."""
        return registry.contracts_for(self.by)


class ContractList(_Contracts, ListResource):
    """What systems agreed to send each other."""

    filters = FilterSet(
        filters=(filtering.choice("direction", "direction", Direction.values), filtering.search("name", "description")),
        sorts={"key": ("name", "pk"), "-key": ("-name", "-pk")},
    )


class ContractRecord(_Contracts, RecordResource):
    """One contract with its versions."""

    is_whole = False


class _ContractAct(_Contracts, ActResource):
    tells_who_was_faster = False


class DraftVersion(_ContractAct):
    """Write the next version of a contract; its contract owner does."""

    input_class = serializers.DraftInput
    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Write it."""
        services.draft_contract_version(
            contract=record, schema=given["schema"], pii=given.get("pii", []), by=self.by, now=now
        )


class PublishVersion(_ContractAct):
    """Put a drafted version of a contract in force; its contract owner does."""

    input_class = serializers.VersionInput
    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Publish it."""
        version = selectors.contract_version(record, given["number"])
        services.publish_contract_version(version_id=version.pk, reason=given.get("reason"), by=self.by, now=now)


class RetireVersion(_ContractAct):
    """Stop accepting a version of a contract that was replaced; its contract owner does."""

    input_class = serializers.VersionInput
    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Retire it."""
        version = selectors.contract_version(record, given["number"])
        services.retire_contract_version(version_id=version.pk, reason=given.get("reason"), by=self.by, now=now)


class DescribeContract(_ContractAct):
    """Say anew what a contract means; its contract owner does."""

    input_class = serializers.TextInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Say it."""
        services.describe_contract(name=record.name, description=given["text"], seen=self.seen, by=self.by, now=now)


class WriteRunbook(_ContractAct):
    """Say what to do when a contract breaks, and what runs by itself; its execution owner does."""

    input_class = serializers.TextInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Write it."""
        services.write_runbook(name=record.name, runbook=given["text"], seen=self.seen, by=self.by, now=now)


class AcceptRisk(_ContractAct):
    """Accept what is known to go wrong with a contract; its business owner does, in person."""

    input_class = serializers.TextInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Accept it."""
        services.accept_contract_risk(name=record.name, risk=given["text"], seen=self.seen, by=self.by, now=now)


class _Runbooks(Resource):
    permission = "rules.view_runbook"
    noun = "runbook"
    key_field = "slug"
    serializer_class: Any = serializers.RunbookSerializer

    def records(self) -> QuerySet[Any]:
        """All of them, with what is in force and what is proposed."""
        return selectors.runbooks_for(self.by)


class RunbookList(_Runbooks, CreateMixin, ListResource):
    """What to do when something fails; proposing a new one, which its owner accepts or not."""

    input_class = serializers.BeginRunbookInput

    filters = FilterSet(
        filters=(filtering.record_of("owner", "owner", registry.owners_for), filtering.search("title", "slug")),
        sorts=BY_SLUG,
    )

    def create(self, given: Mapping[str, Any], *, now: datetime) -> Any:
        """Propose it."""
        version = services.begin_runbook(**given, by=self.by, now=now)
        return self.find(version.runbook.slug)


class _WholeRunbooks(_Runbooks):
    serializer_class = serializers.WholeRunbookSerializer

    def records(self) -> QuerySet[Any]:
        """With every version there ever was."""
        return selectors.whole_runbooks_for(self.by)


class RunbookRecord(_WholeRunbooks, RecordResource):
    """One runbook: what it says now, and its versions."""

    is_whole = False


class ProposeRevision(_WholeRunbooks, ActResource):
    """Propose what a runbook should say instead of the version `base` that is in force."""

    input_class = serializers.RevisionInput
    is_versioned = False

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Propose it."""
        services.propose_revision(runbook_id=record.pk, **given, by=self.by, now=now)


class _RevisionAct(_WholeRunbooks, ActResource):
    input_class = serializers.NumberInput
    is_versioned = False

    def version(self, record: Any, given: Mapping[str, Any]) -> Any:
        """The version the act is about."""
        return selectors.version_called(self.by, record.slug, given["number"]).pk


class AcceptRevision(_RevisionAct):
    """Put a proposed version in force; the runbook's owner does, and never who wrote it."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Accept it."""
        services.accept_revision(version_id=self.version(record, given), by=self.by, now=now)


class RejectRevision(_RevisionAct):
    """Leave a runbook as it is, and say why; the runbook's owner does."""

    input_class = serializers.RejectInput

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Reject it."""
        services.reject_revision(version_id=self.version(record, given), comment=given["comment"], by=self.by, now=now)


class WithdrawRevision(_RevisionAct):
    """Take back what you proposed."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Take it back."""
        services.withdraw_revision(version_id=self.version(record, given), by=self.by, now=now)


class ConfirmReading(_RevisionAct):
    """Say that you have read the version in force."""

    def act(self, record: Any, given: Mapping[str, Any], *, now: datetime) -> None:
        """Keep it."""
        services.confirm_reading(version_id=self.version(record, given), by=self.by, now=now)


class _Decisions(Resource):
    permission = "rules.view_rules"
    noun = "decision"
    key_field = "pk"
    serializer_class = serializers.DecisionSerializer

    def records(self) -> QuerySet[Any]:
        """About the asker's clients."""
        return registry.decisions_for(self.by)


class DecisionList(_Decisions, ListResource):
    """Decisions, newest first."""

    filters = FilterSet(
        filters=(
            filtering.exact("subject", "subject_key"),
            filtering.exact("rule", "rule_slug"),
            filtering.record_of("client", "client", selectors.clients_of),
            filtering.record_of("book", "book", registry.books_for, field="number"),
            filtering.moment("at", "at", label="Time"),
        ),
        sorts={"-at": ("-at", "-pk"), "at": ("at", "pk")},
    )


class DecisionRecord(_Decisions, RecordResource):
    """One decision."""
