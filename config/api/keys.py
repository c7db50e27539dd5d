"""What a key in an address may look like; anything else is an address that does not exist."""


class KeyConverter:
    """EX-20418, NW-104233-1, order.placed, client-success."""

    regex = r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}"

    def to_python(self, value: str) -> str:
        """As it is."""
        return value

    def to_url(self, value: str) -> str:
        """As it is."""
        return value


class NumberConverter:
    """A positive number that fits a column."""

    regex = r"[0-9]{1,9}"

    def to_python(self, value: str) -> int:
        """The number."""
        return int(value)

    def to_url(self, value: int) -> str:
        """As it is written."""
        return str(value)
