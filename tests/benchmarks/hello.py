"""The product's addresses and one more: a page that says hello to somebody signed in and asks nothing else."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.urls import urlpatterns as product


@login_required
def hello(request: HttpRequest) -> HttpResponse:
    """The least a page can do behind the same middleware."""
    return HttpResponse(f"Hello {request.user}.")


urlpatterns = [*product, path("hello/", hello)]
