"""Where every address leads."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from audit.api import jwks
from config import languages, probes, views
from config.api.reference import problem, problems

handler500 = "config.outages.failed"
urlpatterns: list[URLPattern | URLResolver] = [
    path("api/", include("config.api.urls")),  # first: programs ask most often, and addresses are tried in this order
    path("", views.home, name="home"),
    path("", include("config.signin.urls")),
    path("search/", views.search, name="search"),
    path("help/", views.help_page, name="help"),
    path("status/", views.status, name="status"),
    path("language/", languages.choose, name="set_language"),
    path("", include("exceptions.urls")),
    path("", include("rules.urls")),
    path("", include("orders.fulfilment.urls")),
    path("", include("orders.campaigns.urls")),
    path("", include("orders.sync.urls")),
    path("", include("audit.urls")),
    path("help/<slug:part>/", views.help_part, name="help-part"),
    path("admin/", admin.site.urls),
    path("problems/", problems, name="problems"),
    path("problems/<slug:slug>/", problem, name="problem"),
    path("healthz", probes.alive, name="healthz"),
    path("readyz", probes.ready, name="readyz"),
    path("metrics", probes.metrics, name="metrics"),
    path("status.json", probes.StatusDocument.as_view(), name="status-document"),
    path(".well-known/jwks.json", jwks, name="jwks"),
]
