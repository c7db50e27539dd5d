"""Where those who answer for contracts find them, and everybody who may look at rules their books."""

from django.urls import path

from rules import views

app_name = "rules"
urlpatterns = [
    path("rules/books/", views.books, name="books"),
    path("rules/books/<str:number>/", views.book, name="book"),
    path("contracts/", views.contracts, name="contracts"),
    path("contracts/<str:contract>/", views.contract, name="contract"),
    path("contracts/<str:contract>/<slug:act>/", views.act, name="contract-act"),
]
