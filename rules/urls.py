"""Where those who answer for contracts find them."""

from django.urls import path

from rules import views

app_name = "rules"
urlpatterns = [
    path("contracts/", views.contracts, name="contracts"),
    path("contracts/<str:contract>/", views.contract, name="contract"),
    path("contracts/<str:contract>/<slug:act>/", views.act, name="contract-act"),
]
