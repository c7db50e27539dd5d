"""Where the trail is read."""

from django.urls import path

from audit import views

app_name = "audit"
urlpatterns = [
    path("audit/", views.trail, name="trail"),
    path("audit/verify/", views.verify, name="verify"),
    path("audit/verify/token/", views.token, name="token"),
    path("audit/verify/checkpoints.jsonl", views.checkpoint_file, name="checkpoints"),
    path("audit/events/<uuid:event_id>/", views.event, name="event"),
    path("audit/records/<str:subject_type>/<str:subject_id>/", views.history, name="history"),
]
