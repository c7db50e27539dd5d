"""What systems of each kind are asked and told, and what they say: one contract for every adapter, whoever wrote it.

An adapter is whatever stands behind an address: a vendor's own product, or a connector that reads its payloads. It knows us by contracts
alone. The apps above declare which ones; nothing here decides anything.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rules.states import Layer


@dataclass(frozen=True)
class Told:
    """A message a system gets: its contract, and what of that it asks (`pick_pack` of `task.requested`), where it asks several things."""

    contract: str
    kind: str = ""


@dataclass(frozen=True)
class Adapter:
    """Everything that passes between us and systems of one kind."""

    layer: Layer
    told: tuple[Told, ...] = ()
    says: tuple[str, ...] = ()

    @property
    def contracts(self) -> list[str]:
        """The contracts of all of it, by name."""
        return sorted({one.contract for one in self.told} | set(self.says))


_adapters: dict[Layer, Adapter] = {}


def declare(layer: Layer, *, told: Iterable[tuple[str, str]] = (), says: Iterable[str] = ()) -> None:
    """Add what an app says to systems of this kind, and hears from them. Raises `ValueError` for what is declared already."""
    known = _adapters.get(layer, Adapter(layer))
    more, heard = tuple(Told(*one) for one in told), tuple(says)
    if twice := {str(one) for one in (*more, *heard)} & {str(one) for one in (*known.told, *known.says)}:
        raise ValueError(f"{layer}: {', '.join(sorted(twice))} is declared already")
    _adapters[layer] = Adapter(layer, known.told + more, known.says + heard)


def registered() -> Mapping[Layer, Adapter]:
    """Every adapter there has to be, in the order of the kinds."""
    return {layer: _adapters[layer] for layer in Layer if layer in _adapters}


def adapter_of(layer: str) -> Adapter:
    """What passes between us and a system of this kind; nothing for a kind nobody has declared."""
    return _adapters.get(Layer(layer), Adapter(Layer(layer)))
