"""Where other systems talk to us."""

from django.urls import path

from orders.sync import api

app_name = "sync"
urlpatterns = [
    path("api/v1/events", api.events, name="events"),
    path("api/v1/hooks/<slug:system>", api.hooks, name="hooks"),
]
