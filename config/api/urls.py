"""Every address of the API, listed. A resource that is not here does not exist."""

from django.urls import URLPattern, path, re_path, register_converter
from drf_spectacular.views import SpectacularAPIView

from audit import api as audit
from config.api import reference
from config.api.keys import KeyConverter, NumberConverter
from config.api.views import Unknown
from exceptions.api import cases, notifications, reports, waivers
from orders.fulfilment import api as orders
from orders.sync import resources as sync
from rules import api as rules

register_converter(KeyConverter, "key")
register_converter(NumberConverter, "number")

app_name = "api"
urlpatterns: list[URLPattern] = [
    path("v1/audit-events", audit.EventList.as_view(), name="audit-events"),
    path("v1/audit-events/<uuid:key>", audit.EventRecord.as_view(), name="audit-event"),
    path("v1/seals", audit.SealList.as_view(), name="seals"),
    path("v1/seals/<number:key>", audit.SealRecord.as_view(), name="seal"),
    path("v1/clients", rules.ClientList.as_view(), name="clients"),
    path("v1/clients/<key:key>", rules.ClientRecord.as_view(), name="client"),
    path("v1/owners", rules.OwnerList.as_view(), name="owners"),
    path("v1/owners/<key:key>", rules.OwnerRecord.as_view(), name="owner"),
    path("v1/flows", rules.FlowList.as_view(), name="flows"),
    path("v1/flows/<key:key>", rules.FlowRecord.as_view(), name="flow"),
    path("v1/rules", rules.RuleList.as_view(), name="rules"),
    path("v1/rules/<key:key>", rules.RuleRecord.as_view(), name="rule"),
    path("v1/rule-versions", rules.BookList.as_view(), name="rule-versions"),
    path("v1/rule-versions/<number:key>", rules.BookRecord.as_view(), name="rule-version"),
    path("v1/contracts", rules.ContractList.as_view(), name="contracts"),
    path("v1/contracts/<key:key>", rules.ContractRecord.as_view(), name="contract"),
    path("v1/decisions", rules.DecisionList.as_view(), name="decisions"),
    path("v1/decisions/<uuid:key>", rules.DecisionRecord.as_view(), name="decision"),
    path("v1/orders", orders.OrderList.as_view(), name="orders"),
    path("v1/orders/<key:key>", orders.OrderRecord.as_view(), name="order"),
    path("v1/orders/<key:key>/trace", orders.OrderTrace.as_view(), name="order-trace"),
    path("v1/orders/<key:key>/export", orders.OrderExport.as_view(), name="order-export"),
    path("v1/skus", orders.SkuList.as_view(), name="skus"),
    path("v1/skus/<uuid:key>", orders.SkuRecord.as_view(), name="sku"),
    path("v1/orders/<key:key>/holds", orders.OrderHolds.as_view(), name="order-holds"),
    path("v1/orders/<key:key>/holds/<uuid:hold>/release", orders.ReleaseHold.as_view(), name="order-hold-release"),
    path("v1/orders/<key:key>/cancel", orders.CancelOrder.as_view(), name="order-cancel"),
    path("v1/orders/<key:key>/address", orders.CorrectAddress.as_view(), name="order-address"),
    path("v1/orders/<key:key>/resend-tasks", orders.ResendTasks.as_view(), name="order-resend-tasks"),
    path("v1/exceptions", cases.CaseList.as_view(), name="exceptions"),
    path("v1/exceptions/<key:key>", cases.CaseRecord.as_view(), name="exception"),
    path("v1/exceptions/<key:key>/payload", cases.CasePayload.as_view(), name="exception-payload"),
    path("v1/exceptions/<key:key>/available-actions", cases.CaseActions.as_view(), name="exception-available-actions"),
    path("v1/exceptions/<key:key>/acknowledge", cases.Acknowledge.as_view(), name="exception-acknowledge"),
    path("v1/exceptions/<key:key>/start", cases.Start.as_view(), name="exception-start"),
    path("v1/exceptions/<key:key>/reassign", cases.Reassign.as_view(), name="exception-reassign"),
    path("v1/exceptions/<key:key>/severity", cases.ChangeSeverity.as_view(), name="exception-severity"),
    path("v1/exceptions/<key:key>/rebase", cases.Rebase.as_view(), name="exception-rebase"),
    path("v1/exceptions/<key:key>/note", cases.Note.as_view(), name="exception-note"),
    path("v1/exceptions/<key:key>/link", cases.Link.as_view(), name="exception-link"),
    path("v1/exceptions/<key:key>/unlink", cases.Unlink.as_view(), name="exception-unlink"),
    path("v1/exceptions/<key:key>/wait", cases.Wait.as_view(), name="exception-wait"),
    path("v1/exceptions/<key:key>/resume", cases.Resume.as_view(), name="exception-resume"),
    path("v1/exceptions/<key:key>/steps/<number:number>", cases.DoStep.as_view(), name="exception-step"),
    path("v1/exceptions/<key:key>/resolve", cases.Resolve.as_view(), name="exception-resolve"),
    path("v1/exceptions/<key:key>/reopen", cases.Reopen.as_view(), name="exception-reopen"),
    path("v1/exceptions/<key:key>/close", cases.Close.as_view(), name="exception-close"),
    path("v1/exceptions/<key:key>/withdraw", cases.Withdraw.as_view(), name="exception-withdraw"),
    path("v1/exceptions/<key:key>/break-glass", cases.BreakGlass.as_view(), name="exception-break-glass"),
    path("v1/time-limited-exceptions", waivers.WaiverList.as_view(), name="time-limited-exceptions"),
    path("v1/reports/exceptions", reports.Accounting.as_view(), name="exception-accounting"),
    path("v1/time-limited-exceptions/<key:key>", waivers.WaiverRecord.as_view(), name="time-limited-exception"),
    path("v1/time-limited-exceptions/<key:key>/impact", waivers.WaiverImpact.as_view(), name="waiver-impact"),
    path("v1/time-limited-exceptions/<key:key>/edit", waivers.Edit.as_view(), name="waiver-edit"),
    path("v1/time-limited-exceptions/<key:key>/roll-back", waivers.RollBack.as_view(), name="waiver-roll-back"),
    path("v1/time-limited-exceptions/<key:key>/review", waivers.Review.as_view(), name="waiver-review"),
    path("v1/time-limited-exceptions/<key:key>/approve", waivers.Approve.as_view(), name="waiver-approve"),
    path("v1/time-limited-exceptions/<key:key>/extend", waivers.Extend.as_view(), name="waiver-extend"),
    path("v1/time-limited-exceptions/<key:key>/reject", waivers.Reject.as_view(), name="waiver-reject"),
    path("v1/time-limited-exceptions/<key:key>/withdraw", waivers.WithdrawRequest.as_view(), name="waiver-withdraw"),
    path("v1/time-limited-exceptions/<key:key>/revoke", waivers.Revoke.as_view(), name="waiver-revoke"),
    path("v1/notifications", notifications.NotificationList.as_view(), name="notifications"),
    path("v1/notification-preferences", notifications.Preferences.as_view(), name="notification-preferences"),
    path("v1/pages/<uuid:channel>/answers", notifications.PageAnswers.as_view(), name="page-answers"),
    path("v1/events", sync.Events.as_view(), name="events"),
    path("v1/events/<uuid:key>", sync.EventRecord.as_view(), name="event"),
    path("v1/hooks/<slug:system>", sync.Hooks.as_view(), name="hooks"),
    path("v1/dead-letters", sync.LetterList.as_view(), name="dead-letters"),
    path("v1/dead-letters/<key:key>", sync.LetterRecord.as_view(), name="dead-letter"),
    path("v1/dead-letters/<key:key>/replay", sync.Replay.as_view(), name="dead-letter-replay"),
    path("v1/dead-letters/<key:key>/discard", sync.Discard.as_view(), name="dead-letter-discard"),
    path("v1/outbox", sync.MessageList.as_view(), name="outbox"),
    path("v1/outbox/<uuid:key>", sync.MessageRecord.as_view(), name="message"),
    path("v1/runs", sync.RunList.as_view(), name="runs"),
    path("v1/runs/<uuid:key>", sync.RunRecord.as_view(), name="run"),
    path("v1/systems", sync.SystemList.as_view(), name="systems"),
    path("v1/systems/<key:key>", sync.SystemRecord.as_view(), name="system"),
    path("v1/fulfilments", orders.FulfilmentList.as_view(), name="fulfilments"),
    path("v1/fulfilments/<key:key>", orders.FulfilmentRecord.as_view(), name="fulfilment"),
    path("schema/", SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[]), name="schema"),
    path("docs/", reference.reference, name="docs"),
    re_path("", Unknown.as_view(), name="unknown"),
]
