"""Every address of the API, listed. A resource that is not here does not exist."""

from django.urls import URLPattern, path, re_path, register_converter

from audit import api as audit
from config.api.keys import KeyConverter, NumberConverter
from config.api.views import Unknown

register_converter(KeyConverter, "key")
register_converter(NumberConverter, "number")

app_name = "api"
urlpatterns: list[URLPattern] = [
    path("v1/audit-events", audit.EventList.as_view(), name="audit-events"),
    path("v1/audit-events/<uuid:key>", audit.EventRecord.as_view(), name="audit-event"),
    path("v1/seals", audit.SealList.as_view(), name="seals"),
    path("v1/seals/<number:key>", audit.SealRecord.as_view(), name="seal"),
    re_path("", Unknown.as_view(), name="unknown"),
]
