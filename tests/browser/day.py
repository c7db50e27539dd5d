"""A day with something of everything, for whoever looks at every page."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.test import Client as Browser

from audit import clock
from audit.access import system_actor
from audit.context import acting
from audit.models import Event
from audit.subject_refs import subject_ref
from exceptions import services
from exceptions.models import ExceptionCase, Waiver
from orders.campaigns.services.reviewing import submit_asset
from orders.fulfilment.models import Likeness, Order, Override
from orders.fulfilment.services.intake import place_orders
from orders.fulfilment.services.news import count_stock, take_news
from orders.sync.models import System
from rules.models import OwnershipRule, QualityCheck
from rules.services import freeze_rule_book
from rules.states import Layer
from tests.cast import House
from tests.doors import signed_in
from tests.factories import orders as make
from tests.orders.campaigns.conftest import begin
from tests.pages.conftest import open_cases
from tests.pages.test_dead_letters import letters
from tests.pages.test_gifts import GIFT
from tests.pages.test_many import broken

BUYERS = ("ida", "work")


def a_day(house: House) -> dict[str, list[str]]:
    """Where its pages are, by who looks at them."""
    gift, other, stopped = _orders(house)
    (case, *_), blocked = open_cases(house, 2), ExceptionCase.objects.get(subject_id=str(stopped.pk))
    broken(house, 3)
    by, now = system_actor("test"), clock.now()
    draft = services.draft_postmortem(case_id=case.pk, by=house.actor("amal"), now=now)
    asset = begin(house, now)
    asked = _asked(house, blocked)
    with acting(by, at=now):
        shop = System.objects.create(
            slug="shop", name="Shop", layer=Layer.STORE, client=gift.client, owner=house.owners["lee"]
        )
    (letter,) = letters(shop)
    amal = signed_in(house.users["amal"])
    amal.post(f"/orders/{other.key}/override/", {"field": "delivery_sla", "value": "expedited", "reason": "A wedding"})
    amal.post(f"/orders/{other.key}/holds/", {"words": "Moving house", "customer_words": "We wait until you moved."})
    pair, fix = Likeness.objects.get(), Override.objects.get()
    event = Event.objects.filter(subject_id=str(gift.pk))[0]
    assert gift.customer is not None
    return {
        "lee": [
            f"/orders/{gift.key}/",
            f"/orders/{gift.key}/trace/?event={event.pk}",
            f"/orders/{gift.key}/why/",
            f"/orders/{gift.key}/reroute/",
            f"/orders/{gift.key}/lines/1/gift/",
            f"/orders/{other.key}/holds/",
            f"/orders/{other.key}/override/",
            f"/orders/{other.key}/cancel/",
            f"/orders/{other.key}/same-order/?into={gift.key}",
            f"/quarantine/{stopped.key}/",
            "/overrides/",
            f"/overrides/{fix.key}/",
            "/checks/",
            f"/checks/{gift.key}-1/",
            "/customers/",
            f"/customers/alike/{pair.pk}/",
            f"/customers/{gift.customer.key}/",
            "/content/",
            f"/content/{asset.key}/",
            f"/content/{asset.key}/edit/",
            f"/dead-letters/{letter.key}/",
            f"/approvals/{asked.key}/",
            f"/audit/events/{event.pk}/",
            f"/audit/records/fulfilment.order/{gift.pk}/",
            f"/postmortems/{draft.key}/",
            f"/exceptions/{blocked.key}/",
            f"/exceptions/{case.key}/resolve/",
            f"/time-limited/new/?for={case.key}",
        ],
        "kim": _setting_up(),
    }


@dataclass(frozen=True)
class ClientLink:
    """A question to a client: the address of its link, and the page that showed it once."""

    path: str
    made: Any

    def answered(self) -> Any:
        """The page of whoever has just answered it, without an account."""
        browser = Browser()
        seen = browser.get(self.path).context["form"].initial["seen_hash"]
        return browser.post(self.path, {"decision": "agree", "name": "Jo", "comment": "", "seen_hash": seen})


def client_links(house: House) -> list[ClientLink]:
    """What the client is asked: about content in review, and about a time-limited exception."""
    asset, waiver, amal = begin(house, clock.now(), slug="spring-stoves"), Waiver.objects.get(), house.actor("amal")
    submit_asset(asset_id=asset.pk, by=amal, now=clock.now())
    asked = {"contact": "Jo Client", "preview": "https://cms.example/preview", "hours": "24"}
    pages = (f"/content/{asset.key}/client/", f"/time-limited/{waiver.key}/client/")
    made = [signed_in(house.users["amal"]).post(page, asked) for page in pages]
    return [ClientLink(urlsplit(one.context["link"]).path, one) for one in made]


def _setting_up() -> list[str]:
    rule = OwnershipRule.objects.exclude(predicate="")[0]
    return [
        "/clients/",
        "/clients/northwind/",
        "/clients/new/",
        "/clients/new/?template=shipped:own-warehouse",
        "/admin/",
        "/admin/rules/ownershiprule/",
        f"/admin/rules/ownershiprule/{rule.pk}/change/",
        "/admin/rules/rulebookversion/",
        "/admin/rules/rulebookversion/freeze/",
    ]


def _orders(house: House) -> list[Order]:
    """A gift that is packed and has to be checked, one of somebody who looks like the same buyer, and one that its address stops."""
    by, now, northwind = system_actor("test"), clock.now() - timedelta(minutes=5), house.clients["northwind"]
    with acting(by, at=now):
        QualityCheck.objects.filter(slug__in=["right-contents", "right-label"]).update(is_active=True)
    freeze_rule_book(by=by, now=now, note="checks")
    count_stock(news=[make.stock(northwind, now, "TENT-2", 10)], by=by, now=now)
    contacts = [{"email": f"{name}@example.org", "phone": "0301234567", "customer_id": name} for name in BUYERS]
    paid = {"paid_at": now.isoformat()}
    placed = [
        make.placed(northwind, now, lines=[make.line(gift=GIFT), make.line()], contact=contacts[0], **paid),
        make.placed(northwind, now, address={**make.BERLIN, "recipient": "I. Berg"}, contact=contacts[1], **paid),
        make.placed(northwind, now, address={**make.BERLIN, "postcode": "1011"}, **paid),
    ]
    orders = [Order.objects.get(pk=pk) for pk in place_orders(news=placed, by=by, now=now)]
    packed = make.news("shipment.packed", northwind, f"{orders[0].key}-1", now, task=f"{orders[0].key}-1")
    take_news(news=[packed], by=by, now=now)
    return orders


def _asked(house: House, case: ExceptionCase) -> Waiver:
    return services.request_waiver(
        gate="ship-despite-open-case",
        subject=subject_ref(Order.objects.get(pk=case.subject_id)),
        subject_key=case.subject_key,
        client_id=case.client_id,
        case_id=case.pk,
        reason="The customer confirmed the address by telephone.",
        plan="Correct it in the store today.",
        minutes=240,
        owner="amal",
        by=house.actor("amal"),
        now=clock.now(),
    )
