"""How the description of the API tells of the two ways in."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class ByTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the reference describes tokens."""

    target_class = "rules.authentication.ByToken"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """A bearer token."""
        del auto_schema
        return {"type": "http", "scheme": "bearer", "description": "An API token with scopes, clients and an end."}


class BySessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the reference describes sessions."""

    target_class = "rules.authentication.BySession"
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """The session cookie."""
        del auto_schema
        return {"type": "apiKey", "in": "cookie", "name": "session", "description": "Signed in in the browser."}
