"""What a record refers to, sent along where it is asked for: `expand=owner,client`, each as its own resource shows it to who asks."""

from collections.abc import Mapping, Sequence
from typing import Any

from audit.access import require
from audit.rest.pages import refused

Relations = Mapping[str, type[Any]]


def related(**resources: type[Any]) -> Relations:
    """The fields of a record that refer to another one, each with the resource that shows such records."""
    return resources


def wanted_relations(view: Any) -> list[str]:
    """What a request wants sent along. Raises `BadQuery` for what cannot be, `Refused` for what the asker may not see on its own either."""
    names = [name for name in view.request.query_params.get("expand", "").split(",") if name]
    if unknown := [name for name in names if name not in view.expands]:
        known = ", ".join(view.expands) or "nothing"
        raise refused("expand", f"“{unknown[0][:40]}” cannot be expanded here. What can be: {known}.")
    for name in names:
        require(view.by, view.expands[name].permission)
    return [name for name in view.expands if name in names]


def expanded(view: Any, rows: Sequence[Any], names: Sequence[str]) -> list[dict[str, Any]]:
    """For each row what it refers to; null for nothing, and for what is not the asker's to see. One question for each relation."""
    fields, told = view.get_serializer().fields, []
    for name in names:
        column = f"{fields[name].source.partition('.')[0]}_id"
        keys = [getattr(row, column) for row in rows]
        resource = view.expands[name](request=view.request, format_kwarg=None)
        records = list(resource.records().filter(pk__in={*keys} - {None}))
        shown = resource.get_serializer(records, many=True).data
        by_key = {record.pk: document for record, document in zip(records, shown, strict=True)}
        told.append([by_key.get(key) for key in keys])
    return [dict(zip(names, of_row, strict=True)) for of_row in zip(*told, strict=True)]
