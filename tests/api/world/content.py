"""Content and the wishes for different messaging. URL name → method → what it needs."""

from typing import Final

from tests.api.world.rule import REASON, Rule

VIEW_ASSET: Final = "content.view_asset"
WORK_ASSET: Final = "content.work_asset"
DESCRIBED: Final = {"title": "Tents", "owner": "amal", "backup": "bo", "content_owner": "lee"}
ABOUT: Final = {"kind": "blog-post", **DESCRIBED}
CONTENT: Final[dict[str, dict[str, Rule]]] = {
    "assets": {"GET": Rule(VIEW_ASSET), "POST": Rule(WORK_ASSET, {"client": "northwind", "slug": "tent", **ABOUT})},
    "asset": {"GET": Rule(VIEW_ASSET)},
    "asset-describe": {"POST": Rule(WORK_ASSET, {**DESCRIBED, **REASON})},
    "asset-submit": {"POST": Rule(WORK_ASSET)},
    "asset-sign": {"POST": Rule(WORK_ASSET, {"item": "Facts and prices are right", "revision": 1})},
    "asset-ask-client": {"POST": Rule(WORK_ASSET, {"contact": "Iris Vogt", "preview": "https://cms.example/p"})},
    "asset-withdraw": {"POST": Rule(WORK_ASSET, REASON)},
    "asset-messaging": {"POST": Rule(WORK_ASSET, {"wanted": "Say that it keeps dry"})},
}
