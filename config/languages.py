"""Which language a page is in: what the person chose, else what their browser asks for."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers

GetResponse = Callable[[HttpRequest], HttpResponse]
# Programs and those who set the product up read one language, whatever a browser between them asks for.
ENGLISH = ("/api/", "/admin/", "/problems/", "/healthz", "/readyz", "/metrics", "/status.json", "/.well-known/")


class PageLanguage:
    """A page speaks one of our languages; only while it is made, so that no other request inherits it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Make the page in its language, and say which that is."""
        if request.path.startswith(ENGLISH):
            with translation.override(settings.LANGUAGE_CODE):
                return self.get_response(request)
        with translation.override(translation.get_language_from_request(request)):
            response = self.get_response(request)
            response.headers.setdefault("Content-Language", translation.get_language() or settings.LANGUAGE_CODE)
        patch_vary_headers(response, ("Accept-Language", "Cookie"))
        return response


def other_languages(request: HttpRequest) -> dict[str, list[tuple[str, str]]]:
    """For templates: the languages one may change to, each as its code and its own name."""
    del request
    return {"other_languages": [one for one in settings.LANGUAGES if one[0] != translation.get_language()]}
