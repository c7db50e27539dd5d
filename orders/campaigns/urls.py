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
    path("content/<str:key>/client/", views.ask_client, name="asset-ask-client"),
    path("content/<str:key>/client/take-back/", views.take_link_back, name="asset-client-take-back"),
    path("client-approval/content/<str:token>/", views.client_answer, name="client-answer"),
    path("content/<str:key>/messaging/", views.messaging, name="messaging"),
    path("content/<str:key>/messaging/decide/", views.decide, name="messaging-decide"),
]
