"""Gates that stand only before one kind of subject: nobody is offered them for another."""

_only: dict[str, str] = {}


def register(gate: str, label: str) -> None:
    """Declare a gate that stands only before subjects of this kind. Raises `ValueError` when it is taken."""
    if gate in _only:
        raise ValueError(f"Before what {gate} stands is already registered")
    _only[gate] = label


def gates_elsewhere(label: str) -> list[str]:
    """The gates that cannot be asked for about subjects of this kind, because they stand only before others."""
    return [gate for gate, only in _only.items() if only != label]
