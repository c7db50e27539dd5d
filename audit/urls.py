"""Where the trail is read."""

from django.urls import path

from audit import views

app_name = "audit"
urlpatterns = [
    path("audit/", views.trail, name="trail"),
    path("audit/events/<uuid:event_id>/", views.event, name="event"),
    path("audit/records/<str:subject_type>/<str:subject_id>/", views.history, name="history"),
]
