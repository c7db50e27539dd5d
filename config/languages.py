"""Which language a page is in: what the person chose, else what was chosen in this browser, else what the browser asks for."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from audit import clock
from exceptions import services

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


def speak(request: HttpRequest) -> None:
    """From here on in the language that who is signed in has chosen, whatever the browser asks for."""
    chosen = getattr(request.user, "language", "")
    if chosen in dict(settings.LANGUAGES) and not request.path.startswith(ENGLISH):
        translation.activate(chosen)


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep the choice in this browser, and with whoever is signed in."""
    by = getattr(request, "actor", None)
    if by is not None and by.user_id is not None:
        services.choose_language(language=request.POST.get("language", ""), by=by, now=clock.now())
    return set_language(request)


def other_languages(request: HttpRequest) -> dict[str, list[tuple[str, str]]]:
    """For templates: the languages one may change to, each as its code and its own name."""
    del request
    return {"other_languages": [one for one in settings.LANGUAGES if one[0] != translation.get_language()]}
