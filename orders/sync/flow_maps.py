"""The steps of each kind of flow, declared by the apps that take them: who says what to whom, and which state follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from audit.context import Actor
from audit.subject_refs import SubjectRef
from rules.models import Flow
from rules.states import HERE, FlowKind


@dataclass(frozen=True)
class Step:
    """One step: what is done, by whom (a kind of system, or us), told to whom and by which contract, and what changes its state.

    `before` and `after` are labels of states of the record; both empty where nothing changes.
    """

    does: str
    by: str = HERE
    to: str = ""
    contract: str = ""
    record: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class FlowMap:
    """How flows of a kind go, and what went along one lately; of what exists for the actor."""

    steps: Callable[[Flow], Sequence[Step]]
    lately: Callable[[Actor, Flow, int], Sequence[SubjectRef]] | None = None


_maps: dict[FlowKind, FlowMap] = {}


def register(kind: FlowKind, flow_map: FlowMap) -> None:
    """Declare how flows of this kind go. Raises `ValueError` when it is known."""
    if kind in _maps:
        raise ValueError(f"{kind} has its map already")
    _maps[kind] = flow_map


def map_of(kind: str) -> FlowMap:
    """How flows of this kind go."""
    return _maps[FlowKind(kind)]


def change(model: type[Model], act: str, before: str) -> tuple[str, str]:
    """The labels of the state a transition leaves and of the one it enters, read from the machine that runs. Raises `LookupError`."""
    field: Any = model._meta.get_field("state")
    labels = dict(field.flatchoices)
    for edge in field.get_all_transitions(model):
        if (edge.name, str(edge.source)) == (act, str(before)):
            return str(labels[edge.source]), str(labels[edge.target])
    raise LookupError(f"{model.__name__} has no {act} from {before}")
