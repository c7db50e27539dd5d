"""What the demo's clients sell, in which currency, and the people who buy it."""

import zlib
from dataclasses import dataclass
from typing import Any, Final

PLENTY: Final = 20
CURRENCIES: Final = {"northwind": "EUR", "fable": "GBP", "lumen": "USD"}


@dataclass(frozen=True)
class Good:
    """A product of a client: code, name, price in minor units, how it comes to the customer, and how many lie on the shelf.

    One weighs so many grams; its `size` is length, width and height in millimetres.
    """

    code: str
    name: str
    price: int
    grams: int
    size: tuple[int, int, int]
    sku_type: str = "stock"
    vendor: str = ""
    on_hand: int = 0

    @property
    def is_scarce(self) -> bool:
        """Whether more is soon ordered than lies on the shelf."""
        return self.sku_type == "stock" and self.on_hand < PLENTY

    @property
    def barcode(self) -> str:
        """A GTIN that is nobody's: of the range for use inside a shop, with its check digit."""
        digits = f"20{zlib.crc32(self.code.encode()) % 10**10:010}"
        odd, even = (sum(map(int, digits[start::2])) for start in (0, 1))
        return f"{digits}{-(odd + 3 * even) % 10}"

    def as_line(self, quantity: int) -> dict[str, Any]:
        """As a line of an `order.placed` event."""
        return {
            "sku": self.code,
            "title": self.name,
            "quantity": quantity,
            "unit_minor": self.price,
            "sku_type": self.sku_type,
            "vendor": self.vendor,
        }


GOODS: Final[dict[str, tuple[Good, ...]]] = {
    "northwind": (
        Good("NW-TENT-2P", "Ridgeline tent, 2 persons", 28_900, 2800, (480, 180, 180), on_hand=120),
        Good("NW-STOVE-G1", "Gas stove G1", 5_490, 410, (140, 120, 90), on_hand=80),
        Good("NW-BAG-45", "Backpack 45 l", 14_900, 1450, (650, 320, 240), on_hand=60),
        Good("NW-LAMP-S", "Camp lamp S", 3_290, 220, (110, 80, 80), on_hand=0),
        Good("NW-KAYAK-K2", "Kestrel K2 kayak", 89_000, 28_500, (4100, 700, 420), "drop_ship", "kestrel"),
        Good("NW-JACKET-26", "Storm jacket, spring 2027", 24_900, 620, (340, 260, 80), "preorder", "kestrel"),
    ),
    "fable": (
        Good("FB-CLOTH-ILI", "The Iliad, cloth-bound", 2_950, 780, (235, 160, 45), on_hand=200),
        Good("FB-BOX-BRONTE", "Brontë boxed set", 6_400, 1900, (215, 145, 120), on_hand=90),
        Good("FB-PRINT-A2", "Letterpress print A2", 4_200, 540, (640, 90, 90), "drop_ship", "pressworks"),
        Good("FB-SIGNED-01", "Signed first edition", 18_000, 650, (225, 150, 35), on_hand=3),
    ),
    "lumen": (
        Good("LC-HUB-DYN", "Dynamo hub", 12_900, 560, (150, 120, 120), on_hand=70),
        Good("LC-LIGHT-F8", "Front light F8", 8_900, 190, (120, 80, 60), on_hand=150),
        Good("LC-FRAME-54", "Steel frame 54 cm", 64_000, 2300, (980, 620, 180), "preorder", "forge"),
        Good("LC-BELL", "Brass bell", 1_900, 140, (80, 70, 60), on_hand=400),
    ),
}

ADDRESSES: Final[dict[str, tuple[dict[str, Any], ...]]] = {
    "northwind": (
        {
            "recipient": "Ida Berg",
            "email": "ida.berg@post.example",
            "street": "Torstraße 12",
            "postcode": "10119",
            "city": "Berlin",
            "country": "DE",
        },
        {
            "recipient": "Jelle de Wit",
            "email": "jelle.de.wit@post.example",
            "street": "Prinsengracht 300",
            "postcode": "1016HX",
            "city": "Amsterdam",
            "country": "NL",
        },
        {
            "recipient": "Lucie Perrin",
            "email": "lucie.perrin@post.example",
            "street": "14 rue de Bretagne",
            "postcode": "75003",
            "city": "Paris",
            "country": "FR",
        },
        {
            "recipient": "Matteo Riva",
            "email": "matteo.riva@post.example",
            "street": "Via Savona 9",
            "postcode": "20144",
            "city": "Milano",
            "region": "MI",
            "country": "IT",
        },
    ),
    "fable": (
        {
            "recipient": "Orla Byrne",
            "email": "orla.byrne@post.example",
            "street": "4 Merrion Row",
            "postcode": "D02 XY47",
            "city": "Dublin",
            "region": "Dublin",
            "country": "IE",
        },
        {
            "recipient": "Tom Ashworth",
            "email": "tom.ashworth@post.example",
            "street": "22 Broughton Street",
            "postcode": "EH13RP",
            "city": "Edinburgh",
            "country": "GB",
        },
        {
            "recipient": "Priya Nair",
            "email": "priya.nair@post.example",
            "street": "71 Lamb's Conduit Street",
            "postcode": "WC1N 3LX",
            "city": "London",
            "country": "GB",
        },
    ),
    "lumen": (
        {
            "recipient": "Dana Cole",
            "email": "dana.cole@post.example",
            "street": "88 Orchard Street",
            "postcode": "10002",
            "city": "New York",
            "region": "NY",
            "country": "US",
        },
        {
            "recipient": "Marcus Hill",
            "email": "marcus.hill@post.example",
            "street": "1200 NW Marshall St",
            "postcode": "97209",
            "city": "Portland",
            "region": "OR",
            "country": "US",
        },
        {
            "recipient": "Elena Ruiz",
            "email": "elena.ruiz@post.example",
            "street": "410 E 5th St",
            "postcode": "78701",
            "city": "Austin",
            "region": "TX",
            "country": "US",
        },
    ),
}
# What was sent, and why no carrier takes it.
BROKEN_ADDRESSES: Final[dict[str, dict[str, Any]]] = {
    "northwind": {
        "recipient": "Femke Vos",
        "email": "femke.vos@post.example",
        "street": "Overtoom 21",
        "postcode": "101 CT",
        "city": "Amsterdam",
        "country": "NL",
    },
    "fable": {
        "recipient": "Hugh Marsh",
        "email": "hugh.marsh@post.example",
        "street": "",
        "postcode": "BS1 4DJ",
        "city": "Bristol",
        "country": "GB",
    },
    "lumen": {
        "recipient": "Rae Kim",
        "email": "rae.kim@post.example",
        "street": "5 Court Sq",
        "postcode": "1110",
        "city": "Long Island City",
        "region": "NY",
        "country": "US",
    },
}
# The orders a demo begins with whose vendors say nothing.
UNCONFIRMED: Final = ("N6004", "F6004")
