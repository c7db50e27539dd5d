"""Where systems and flows are looked at, dead letters are worked and the sandbox is told to fail."""

from django.urls import path

from orders.sync import views

app_name = "sync"
urlpatterns = [
    path("systems/", views.systems, name="systems"),
    path("systems/<slug:system>/", views.system, name="system"),
    path("systems/<slug:system>/pause/", views.pause, name="pause"),
    path("systems/<slug:system>/call/", views.call, name="call"),
    path("flows/", views.flows, name="flows"),
    path("flows/<str:flow>/", views.flow, name="flow"),
    path("flows/<str:flow>/go-live/", views.go_live, name="go-live"),
    path("dead-letters/", views.dead_letters, name="dead-letters"),
    path("dead-letters/bulk/", views.bulk, name="bulk"),
    path("dead-letters/<str:key>/", views.dead_letter, name="dead-letter"),
    path("dead-letters/<str:key>/replay/", views.resolve, {"action": "replay"}, name="replay"),
    path("dead-letters/<str:key>/discard/", views.resolve, {"action": "discard"}, name="discard"),
    path("sandbox/", views.sandbox, name="sandbox"),
]
