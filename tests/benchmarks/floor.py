"""An empty view with one durable INSERT, behind the web server and the connections of the product and nothing else of it."""

import os

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()
settings.MIDDLEWARE, settings.ROOT_URLCONF = [], __name__


def insert_durably(request: HttpRequest) -> HttpResponse:
    """One row of 0.4 kB, committed."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO floor_insert (body) VALUES (%s)", [request.body.decode()[:400]])
    return HttpResponse(status=202)


urlpatterns = [path("floor/", csrf_exempt(insert_durably))]
application = WSGIHandler()
