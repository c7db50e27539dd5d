"""What went wrong, who has it, and what was allowed for how long."""

from exceptions.models.absences import StandIn
from exceptions.models.alerts import Alert
from exceptions.models.approvals import ClientApproval, ClientQuestion, Delegation, WaiverVote
from exceptions.models.case_words import CaseWords
from exceptions.models.cases import CaseNote, CaseStep, ExceptionCase
from exceptions.models.causes import SharedCause
from exceptions.models.channels import NotificationChannel, Page
from exceptions.models.evidence import CaseAttachment, CaseLink, CaseWatch, WithdrawnFile
from exceptions.models.jobs import Job, JobItem, JobPlan, JobWork
from exceptions.models.notifications import Notification, NotificationDelivery, NotificationPreference
from exceptions.models.postmortems import Postmortem, PostmortemAction, PostmortemCase
from exceptions.models.saved_views import DefaultView, SavedView
from exceptions.models.timers import Timer
from exceptions.models.waiver_traces import WaiverUse, WaiverWatch
from exceptions.models.waivers import Waiver

__all__ = [
    "Alert",
    "CaseAttachment",
    "CaseLink",
    "CaseNote",
    "CaseStep",
    "CaseWatch",
    "CaseWords",
    "ClientApproval",
    "ClientQuestion",
    "DefaultView",
    "Delegation",
    "ExceptionCase",
    "Job",
    "JobItem",
    "JobPlan",
    "JobWork",
    "Notification",
    "NotificationChannel",
    "NotificationDelivery",
    "NotificationPreference",
    "Page",
    "Postmortem",
    "PostmortemAction",
    "PostmortemCase",
    "SavedView",
    "SharedCause",
    "StandIn",
    "Timer",
    "Waiver",
    "WaiverUse",
    "WaiverVote",
    "WaiverWatch",
    "WithdrawnFile",
]
