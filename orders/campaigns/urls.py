"""Where content is read and worked on."""

from django.urls import path

from orders.campaigns import views

app_name = "campaigns"
urlpatterns = [
    path("content/", views.assets, name="assets"),
    path("content/new/", views.new_asset, name="asset-new"),
    path("content/<str:key>/", views.asset, name="asset"),
    path("content/<str:key>/edit/", views.edit_asset, name="asset-edit"),
    path("content/<str:key>/sign/", views.sign, name="asset-sign"),
    path("content/<str:key>/do/<slug:act>/", views.act, name="asset-act"),
    path("content/<str:key>/messaging/", views.messaging, name="messaging"),
    path("content/<str:key>/messaging/decide/", views.decide, name="messaging-decide"),
]
