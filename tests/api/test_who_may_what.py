"""Every address, every method, every role; and that another client's record is as good as none."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse

from audit import clock
from audit.access import GRANTS, Role
from audit.context import Actor
from config.api.urls import urlpatterns
from exceptions.models import ExceptionCase
from orders.fulfilment.models import Order
from tests.api import world
from tests.api.conftest import Api
from tests.api.world import ELSEWHERE, MATRIX, NOBODYS, Rule, family
from tests.cast import House
from tests.doors import FROM_LEAST, IN_TURN, Visit, signed_in, visit


@pytest.fixture
def keys(house: House, order: Order, case: ExceptionCase, system: Actor) -> dict[str, Any]:
    """The key of one Northwind record per resource."""
    return world.build(house, order, case, by=system, now=clock.now())


def address(name: str, keys: dict[str, Any], *, key: Any = None) -> str:
    """The address of Northwind's record, or of `key` instead."""
    pattern = next(one for one in urlpatterns if one.name == name)
    kinds = pattern.pattern.converters
    given: dict[str, Any] = {"key": key or keys.get(family(name)), "hold": keys["hold"], "number": 1}
    given |= {"subject_type": "fulfilment.order", "subject_id": str(keys["order-id"])}
    return reverse(f"api:{name}", kwargs={kind: given[kind] for kind in kinds})


def ask(api: Api, method: str, url: str, rule: Rule, keys: dict[str, Any]) -> Any:
    body = dict(rule.body or {})
    if "exception" in body:
        body["exception"] = keys["exception"]
    return api.get(url) if method == "GET" else api.post(url, body)


def cases() -> list[tuple[str, str]]:
    return [(name, method) for name, methods in MATRIX.items() for method in methods]


def test_every_address_is_in_the_matrix_with_every_method_it_has() -> None:
    served = {
        str(one.name): {
            method.upper()
            for method in ("get", "post", "patch", "put", "delete")
            if hasattr(vars(one.callback)["cls"], method)
        }
        for one in urlpatterns
        if one.name not in ELSEWHERE
    }
    served["events"].discard("POST")  # proven by a signature, not by a role: tests/orders/sync
    assert served == {name: set(methods) for name, methods in MATRIX.items()}


def test_every_role_gets_in_where_it_has_the_permission_and_nowhere_else(house: House, keys: dict[str, Any]) -> None:
    """The first whom an act is allowed to does it; the others are asked for what they have to say."""
    wrong: list[object] = []
    visits: dict[tuple[str, str, bool], list[Visit]] = defaultdict(list)
    apis = {
        person: Api(house.users[person], cookies=signed_in(house.users[person]).cookies) for _, person in FROM_LEAST
    }
    for allowed, role, person in IN_TURN:
        for name, method in cases():
            rule, url, before = MATRIX[name][method], address(name, keys), visits[name, method, allowed]
            if allowed != (rule.permission in GRANTS[role] and _may_read(name, role)):
                continue
            if any(one.tells_of(role, let_in=allowed) for one in before):
                continue
            if allowed and method == "POST" and before:
                answer, this = visit(role, apis[person].bare, url)
            else:
                answer, this = visit(role, ask_in_vain, apis[person], method, url, rule, keys)
            status = answer.status_code
            if (status == 403) == allowed or status in {401, 404} or status >= 500:
                wrong.append((person, method, name, status))
            else:
                before.append(this)
    assert "\n".join(map(str, wrong)) == ""


def _may_read(name: str, role: Role) -> bool:
    """An act also needs the permission to see what it acts on."""
    return not family(name) or MATRIX[family(name)]["GET"].permission in GRANTS[role]


def ask_in_vain(api: Api, method: str, url: str, rule: Rule, keys: dict[str, Any]) -> Any:
    """Ask, and take back what it did, so that the next asker finds the same."""
    with transaction.atomic():
        answer = ask(api, method, url, rule, keys)
        transaction.set_rollback(True)
    return answer


def test_another_clients_record_is_as_good_as_none(noor: Api, keys: dict[str, Any]) -> None:
    told = []
    for name, method in cases():
        rule = MATRIX[name][method]
        if rule.shared or rule.permission not in GRANTS[Role.ACCOUNT_MANAGER]:
            continue
        theirs = ask(noor, method, address(name, keys), rule, keys)
        if family(name):
            absent = NOBODYS.get(family(name), "nobody-knows")
            nobodys = ask(noor, method, address(name, keys, key=absent), rule, keys)
            same = _anonymous(theirs.json(), keys[family(name)]) == _anonymous(nobodys.json(), absent)
            told += [] if same and theirs.status_code == 404 else [(method, name, theirs.status_code)]
        elif any(word in json.dumps(theirs.json()).lower() for word in ("northwind", "nw-")):
            told.append((method, name, theirs.status_code))
    assert told == []


def _anonymous(problem: dict[str, Any], key: Any) -> dict[str, Any]:
    return {name: str(value).replace(str(key), "…") for name, value in problem.items() if name != "trace_id"}


def test_what_noor_asks_for_with_northwinds_names_is_not_known(noor: Api, keys: dict[str, Any]) -> None:
    for listed in ("orders", "exceptions", "decisions", "fulfilments", "runs"):
        answer = noor.get(f"{listed}?client=northwind")
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/bad-query/")
        assert "northwind" not in answer.json()["detail"].replace("“northwind”", "")


def test_no_act_takes_a_field_of_the_record_it_does_not_declare(kim: Api, keys: dict[str, Any]) -> None:
    smuggled = {"id": 1, "version": 7, "state": "closed", "client": "fable", "decided_by": "me", "is_staff": True}
    swallowed = []
    for name in [name for name, methods in MATRIX.items() if "POST" in methods]:
        answer = kim.post(address(name, keys), {**(MATRIX[name]["POST"].body or {}), **smuggled})
        pointers = {error["pointer"] for error in answer.json().get("errors", [])}
        foreign = smuggled.keys() - _declared(name)
        if answer.status_code != 422 or not {f"/{field}" for field in foreign} <= pointers:
            swallowed.append((name, answer.status_code))
    assert swallowed == []


def _declared(name: str) -> set[str]:
    """What the operation takes by this name itself: the one client somebody may decide about, say."""
    view = vars(next(one for one in urlpatterns if one.name == name).callback)["cls"]
    return set(view.input_class().fields) if hasattr(view, "input_class") else set()
