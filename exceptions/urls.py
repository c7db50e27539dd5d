"""Where working exceptions happens."""

from django.urls import path

from exceptions.views import bulk, cases, notifications, people, queue, reports, saved_views, timers, waivers

app_name = "exceptions"
urlpatterns = [
    path("queue/", queue.mine, name="queue"),
    path("queue/team/", queue.team, name="team"),
    path("queue/unowned/", queue.unowned, name="unowned"),
    path("queue/live/<slug:scope>/", queue.queue_live, name="queue-live"),
    path("queue/next/", queue.start_next, name="start-next"),
    path("queue/bulk/", bulk.bulk, name="bulk"),
    path("queue/causes/", queue.causes, name="causes"),
    path("queue/<str:scope>.csv", queue.export, name="export"),
    path("views/", saved_views.views, name="views"),
    path("views/new/<slug:page>/", saved_views.save, name="view-save"),
    path("views/first/<slug:page>/", saved_views.make_default, name="view-default"),
    path("views/<int:number>/change/", saved_views.change, name="view-change"),
    path("views/<int:number>/query/", saved_views.change_query, name="view-query"),
    path("views/<int:number>/delete/", saved_views.delete, name="view-delete"),
    path("exceptions/<str:key>/", cases.case, name="case"),
    path("exceptions/<str:key>/live/", cases.case_live, name="case-live"),
    path("presence/", cases.presence, name="presence"),
    path("exceptions/<str:key>/payload.json", cases.payload, name="payload"),
    path("exceptions/<str:key>/files/<int:number>/", cases.file, name="file"),
    path("exceptions/<str:key>/step/<int:index>/", cases.step, name="step"),
    path("exceptions/<str:key>/<slug:action>/", cases.act, name="act"),
    path("reports/exceptions/", reports.accounting, name="accounting"),
    path("timers/escalate-overdue/", timers.escalate_overdue, name="escalate-overdue"),
    path("time-limited/new/", waivers.ask, name="ask"),
    path("time-limited/<str:key>/", waivers.waiver, name="waiver"),
    path("time-limited/<str:key>/extend/", waivers.extend, name="extend"),
    path("time-limited/<str:key>/revoke/", waivers.end, {"action": "revoke"}, name="revoke"),
    path("time-limited/<str:key>/withdraw/", waivers.end, {"action": "withdraw"}, name="withdraw"),
    path("notifications/", notifications.notifications, name="notifications"),
    path("notifications/read/", notifications.read, name="notifications-read"),
    path("settings/notifications/", notifications.preferences, name="preferences"),
    path("settings/notifications/test/", notifications.test_notice, name="test-notice"),
    path("people/away/", people.away, name="away"),
    path("people/away/back/", people.back, name="back"),
    path("people/away/take-back/", people.take_back, name="take-back"),
    path("people/<str:username>/handover/", people.handover, name="handover"),
    path("approvals/", waivers.approvals, name="approvals"),
    path("approvals/<str:key>/", waivers.waiver, name="decide"),
]
