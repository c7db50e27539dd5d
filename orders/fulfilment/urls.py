"""Where orders are read."""

from django.urls import path

from orders.fulfilment import views

app_name = "fulfilment"
urlpatterns = [
    path("orders/", views.orders, name="orders"),
    path("orders.csv", views.orders_csv, name="orders-csv"),
    path("orders/<str:key>/", views.order, name="order"),
    path("orders/<str:key>/holds/", views.holds, name="holds"),
    path("orders/<str:key>/holds/<uuid:hold>/release/", views.release, name="release"),
    path("orders/<str:key>/cancel/", views.cancel, name="cancel"),
    path("orders/<str:key>/return/", views.announce, name="return"),
    path("orders/<str:key>/reroute/", views.reroute, name="reroute"),
    path("orders/<str:key>/override/", views.override, name="override"),
    path("orders/<str:key>/same-order/", views.same_order, name="same-order"),
    path("orders/<str:key>/trace/", views.trace, name="trace"),
    path("orders/<str:key>/export.json", views.export, name="export"),
    path("overrides/", views.overrides, name="overrides"),
    path("overrides/stock/", views.override_stock, name="override-stock"),
    path("overrides/<str:key>/", views.review, name="review"),
    path("clients/", views.clients, name="clients"),
    path("clients/new/", views.new_client, name="client-new"),
    path("clients/<str:key>/", views.client, name="client"),
    path("clients/<str:key>/store/", views.client_store, name="client-store"),
    path("clients/<str:key>/lines/new/", views.new_line, name="line-new"),
    path("customers/", views.duplicates, name="duplicates"),
    path("customers/alike/<uuid:key>/", views.duplicate, name="duplicate"),
    path("customers/<str:key>/", views.customer, name="customer"),
    path("customers/<str:key>/merge/", views.merge, name="customer-merge"),
    path("customers/<str:key>/split/", views.split, name="customer-split"),
    path("checks/", views.checks, name="checks"),
    path("checks/<str:key>/", views.parcel, name="parcel"),
    path("checks/<str:key>/hand-over/", views.hand_over, name="hand-over"),
    path("photos/<uuid:check>/<int:number>/", views.photo, name="photo"),
    path("products/<uuid:sku>/", views.product, name="product"),
    path("quality/", views.quality, name="quality"),
    path("stock/", views.stock, name="stock"),
    path("stock/<uuid:key>/", views.stock_of, name="stock-of"),
    path("stock/<uuid:key>/receive/", views.receive, name="receive"),
    path("stock/<uuid:key>/keep-back/", views.keep_back, name="keep-back"),
    path("stock/<uuid:key>/recall/", views.recall, name="recall"),
    path("stock/<uuid:key>/readmit/", views.readmit, name="readmit"),
    path("stock/<uuid:key>/parts/", views.parts, name="parts"),
    path("quarantine/", views.quarantine, name="quarantine"),
    path("quarantine/<str:key>/", views.quarantined, name="quarantined"),
]
