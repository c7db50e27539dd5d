"""What the help page says: how each role begins, what each page is for, and the words."""

from collections.abc import Collection
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from audit.access import Role

Text = str | Promise


@dataclass(frozen=True)
class Start:
    """How people of one role begin, step by step."""

    role: Role
    title: Text
    steps: tuple[Text, ...]


STARTS = (
    Start(
        Role.ACCOUNT_MANAGER,
        _("Account managers"),
        (
            _("Open “My queue”: the most urgent exception is on top."),
            _("“Start next” takes the most urgent one nobody has taken. Taking it stops the acknowledge clock."),
            _("Follow its playbook, write down what came of each step, and resolve it; the order goes on by itself."),
            _("When the rule is in the way, ask for a time-limited exception. Somebody else decides."),
            _("Orders that lack something are in “Quarantine”: fill in just what is missing."),
        ),
    ),
    Start(
        Role.OPS_LEAD,
        _("Ops leads"),
        (
            _("“Approvals” shows what waits for your decision; read what it lets through before you choose."),
            _("“Team queues” shows what is late and what nobody has taken. Select rows to reassign them."),
            _("“Dead letters” keeps every message that could not be processed: mend the cause, then replay."),
        ),
    ),
    Start(
        Role.ADMIN,
        _("Admins"),
        (
            _(
                "Edit rules, calendars, contracts and playbooks in “Admin”. Nothing is in force before the rule book is frozen."
            ),
            _("Systems and their secrets are there too; a secret is shown once."),
        ),
    ),
    Start(
        Role.AUDITOR,
        _("Auditors"),
        (
            _("“Audit trail” says who did what, when and why. Every record links to all its versions."),
            _("“Verification” checks now whether the trail is whole, and whether an audit token is genuine."),
        ),
    ),
    Start(
        Role.SUPPORT,
        _("Support"),
        (
            _("Find an order by any number the customer or a system has for it: press / and type."),
            _("Its page says what started it, who owns the next step and until when."),
        ),
    ),
    Start(
        Role.PACKER,
        _("Packers"),
        (
            _("“Checks” lists the parcels that wait for you. Scan a parcel to open it."),
            _("Do the check on top: scan, weigh, tick or take a photo. A scanner sends by itself."),
            _("When a check fails, the page says what to do; the parcel stays until it is right."),
        ),
    ),
    Start(
        Role.INTEGRATOR,
        _("Integrators"),
        (
            _("The API does everything these pages do: its reference is at /api/docs/."),
            _("What breaks its contract becomes a dead letter with the field named; send it corrected, or replay it."),
        ),
    ),
)

PAGES: dict[str, tuple[Text, Text]] = {
    "exceptions:queue": (
        _("My queue"),
        _("What needs you, most urgent first. A team's exceptions are yours too."),
    ),
    "exceptions:team": (
        _("Team queues"),
        _(
            "What needs anybody. Select rows to take, reassign, spread or note many at once. A team's people stand beside its queue."
        ),
    ),
    "exceptions:case": (
        _("An exception"),
        _(
            "What is wrong, who has it until when, what happens if nobody acts, and the steps of its playbook. Take it, do the steps, "
            "resolve it; wait for others or reassign it where that is right. What happened so far stands below."
        ),
    ),
    "exceptions:views": (
        _("Views"),
        _(
            "Filters, order and columns of a list under a name: yours, or shared with a team. One of them is seen first."
        ),
    ),
    "exceptions:approvals": (
        _("Approvals"),
        _("Requests for time-limited exceptions. Nobody decides about an own request; every one ends by itself."),
    ),
    "exceptions:waiver": (
        _("A time-limited exception"),
        _(
            "What is asked for, why, for whom and how long; who decides and who has. It can be shortened, extended, withdrawn or revoked; "
            "without any of that it ends by itself."
        ),
    ),
    "exceptions:break-glass": (
        _("Break-glass"),
        _(
            "Lets something pass at once when nobody can be asked. Leads are told, somebody else reviews it, and one click takes it back."
        ),
    ),
    "exceptions:jobs": (
        _("Jobs"),
        _("Acts on many at once: how far each is, what came of every one, and a way to stop it or take it back."),
    ),
    "fulfilment:orders": (_("Orders"), _("Every order with its state in words, its owner and its deadline.")),
    "fulfilment:checks": (
        _("Checks"),
        _(
            "Parcels that have to pass a quality check before they are picked, labelled or handed over. Works on a phone."
        ),
    ),
    "fulfilment:shipments": (
        _("Shipments"),
        _("Parcels of several orders that go to one buyer together, and those that could."),
    ),
    "fulfilment:quality": (
        _("Quality"),
        _("How many parcels passed a check and came back for what it should have found, by kind of check."),
    ),
    "fulfilment:duplicates": (
        _("Customers"),
        _(
            "Two customers that look alike: the same phone number, or the same name and postcode. You say whether they are the same. "
            "Both ways can be taken back."
        ),
    ),
    "fulfilment:quarantine": (
        _("Quarantine"),
        _(
            "Orders that may not go on: a field is missing or an address cannot be right. They go on where they stopped."
        ),
    ),
    "fulfilment:product": (
        _("A product"),
        _(
            "Its barcode, weight and size, by which parcels are checked; whoever sees that they are wrong puts them right."
        ),
    ),
    "fulfilment:stock": (
        _("Stock"),
        _("What lies in which place and of which lot, for whom it is set aside, and whose turn it is when more comes."),
    ),
    "fulfilment:overrides": (
        _("Overrides"),
        _("Fields that somebody set by hand. They hold at once; somebody else takes each over for good, or back."),
    ),
    "campaigns:assets": (
        _("Content"),
        _(
            "What is written, reviewed and published: who has it until when, who signed what, and what has to follow. Raise here that "
            "sales needs different messaging."
        ),
    ),
    "fulfilment:clients": (
        _("Clients"),
        _(
            "Whom we work for, and whether orders of each can come: what is missing, with a link. Admins set up a new client, brand "
            "or product line from a template. Each has a report of any days, as a page, a table and a document to send."
        ),
    ),
    "sync:flows": (
        _("All flows"),
        _(
            "How each goes, who touches it, what it says of itself, and whether it is live. Admins let one go live, and pause it."
        ),
    ),
    "rules:books": (
        _("Rule books"),
        _(
            "The frozen versions of the rules: who froze each, when and why, what it changed, and what it decided lately."
        ),
    ),
    "sync:systems": (
        _("Systems"),
        _(
            "Everything that is told and that tells: its adapter and contracts, who answers for it, and whether it is on time. "
            "A system's page shows what waits for it and what failed; leads pause what it is told, and test the connection."
        ),
    ),
    "rules:contracts": (
        _("Contracts"),
        _("What systems agreed to send each other, and what waits for you where you are one of a contract's owners."),
    ),
    "sync:dead-letters": (
        _("Dead letters"),
        _("Messages that could not be processed. Nothing is lost or tried twice."),
    ),
    "sync:sandbox": (_("Sandbox"), _("The demo's systems: whether orders come in, and how often something fails.")),
    "exceptions:accounting": (
        _("Accounting"),
        _("How many exceptions and time-limited exceptions there were in some days, and how long they lasted."),
    ),
    "audit:trail": (_("Audit trail"), _("Every act, with before and after. Nothing in it can be changed.")),
    "audit:verify": (_("Verification"), _("Whether the trail is as it was recorded, seals, and audit tokens.")),
    "exceptions:gaps": (
        _("Ownership"),
        _("What nobody is behind any more, and what nobody took in time. A sweep looks every minute."),
    ),
    "exceptions:rotation": (
        _("Rotation"),
        _(
            "Who has answered for which flow, rule and contract since when. What is due passes to the next of the team with one click."
        ),
    ),
    "exceptions:gates": (
        _("Gates"),
        _("What may only pass when a condition holds, who may let it pass all the same, and for how long."),
    ),
    "exceptions:temporary": (
        _("Temporary owners"),
        _(
            "Who has for a while what comes to somebody else, or what comes of a kind of exception. It goes back by itself."
        ),
    ),
    "exceptions:handover": (
        _("Handover"),
        _("Everything somebody answers for. Before an account is switched off, all of it needs somebody else."),
    ),
    "exceptions:away": (
        _("Away"),
        _(
            "Say when you are away and who stands in; take back what others did meanwhile. Leads enter it for their teams."
        ),
    ),
    "exceptions:display": (
        _("Display"),
        _(
            "Light or dark colours, how close the rows of lists stand, what is shown once an exception is resolved, single keys, and the "
            "zone of all times."
        ),
    ),
    "exceptions:tokens": (
        _("API tokens"),
        _(
            "Let a program of yours use the API in your name: for chosen clients, with chosen permissions, until a date."
        ),
    ),
    "exceptions:preferences": (
        _("How you are told"),
        _(
            "Choose per event and channel: at once, in a digest or only in the product. Quiet hours hold back all but P1 "
            "and pages. Try out each way."
        ),
    ),
    "exceptions:notifications": (
        _("Notifications"),
        _("What you and your teams were told, and whether it was sent. Reading stops no clock."),
    ),
    "exceptions:runbooks": (
        _("Runbooks"),
        _(
            "What to do when something fails. Whoever works proposes changes; the owner of the runbook accepts them or not."
        ),
    ),
    "exceptions:postmortems": (
        _("Postmortems"),
        _(
            "What happened, why it could, and who does what by when. Drafted by itself after a P1, and when a kind of exception "
            "takes longer than promised on average."
        ),
    ),
    "security": (
        _("Security"),
        _("Your password, a second factor (an app or a passkey) and codes for the day the phone is lost."),
    ),
    "sessions": (_("Sessions"), _("Where you are signed in, and signing out everywhere else.")),
    "search": (
        _("Search"),
        _(
            "By any number: an order, an exception, a dead letter, a product, an event. Exact ones open at once; words are looked for."
        ),
    ),
    "status": (_("Status"), _("Whether timers, intake and delivery run, and what waits for them.")),
}

# What addresses of single records begin with; the others begin with the address of their list.
RECORDS: dict[str, str] = {
    "exceptions:case": "/exceptions/",
    "exceptions:waiver": "/time-limited/",
    "exceptions:handover": "/people/",
    "fulfilment:product": "/products/",
    "exceptions:break-glass": "/break-glass/",
}

# Who may open what is explained here and is no place of the navigation; the rest of those is everybody's.
PERMISSIONS: dict[str, str] = {
    **dict.fromkeys(
        ("exceptions:views", "exceptions:away", "exceptions:preferences", "exceptions:notifications"),
        "exceptions.view_case",
    ),
    **dict.fromkeys(
        ("exceptions:rotation", "exceptions:gates", "exceptions:temporary", "rules:books"), "rules.view_rules"
    ),
}

GLOSSARY: tuple[tuple[Text, Text], ...] = (
    (_("Exception"), _("A case in a queue: something went off its path and needs a person. EX-20418.")),
    (_("Time-limited exception"), _("An approved deviation with reason, owner, scope and end. TLX-318.")),
    (_("Owner, backup"), _("Who has it now, and who gets it when the owner is away or does not act.")),
    (_("Take it (acknowledge)"), _("I have seen it and it is mine.")),
    (_("Reassign, escalate"), _("Given to somebody else by a person, or by a timer.")),
    (
        _("Hold"),
        _("Stops an order or a parcel; it has a placer, a reason, words for the customer and a release condition."),
    ),
    (_("Override"), _("A field set by hand: events leave it alone until somebody else has reviewed it. OV-12.")),
    (_("Quarantine"), _("Where an order waits until its fields and audit steps are complete.")),
    (_("Gate"), _("A condition something has to pass.")),
    (_("Quality check"), _("What a parcel has to pass before its next step, with what was expected and found.")),
    (_("Playbook"), _("The steps for one type of exception.")),
    (_("Runbook"), _("What to do when something fails, in words; it has an owner and versions.")),
    (_("Postmortem"), _("What happened, why, and who does what by when so that it does not come again. PM-7.")),
    (_("Dead letter"), _("A message that could not be processed. DL-9917.")),
    (_("Replay"), _("Sending a message through the same door again; nothing happens twice.")),
    (_("Cause"), _("What several exceptions share: solve it once, and all of them go on.")),
    (
        _("Break-glass"),
        _("A time-limited exception nobody was asked for. Leads are told at once, and somebody else reviews it."),
    ),
    (_("Flow"), _("The way something goes, step by step, with an owner and a service level.")),
    (_("Contract"), _("What systems agreed to send each other, in versions; what breaks it becomes a dead letter.")),
    (_("Rule book"), _("All rules of one moment, frozen: every decision names the one it was made by.")),
    (_("Time left, late"), _("The rest of a deadline, in business time where the calendar says so.")),
    (_("Seal"), _("A signed statement over everything that happened since the seal before.")),
    (_("Audit token"), _("A signed pointer from an export to the event that made it; anyone can check it.")),
)


def starts_for(roles: Collection[str]) -> list[tuple[Start, bool]]:
    """Every role's beginning, the reader's own first; with whether it is the reader's."""
    return sorted(((start, start.role in roles) for start in STARTS), key=lambda pair: not pair[1])


def anchor(route: str) -> str:
    """Where on the help page a page is explained."""
    return f"page-{route.replace(':', '-')}" if route in PAGES else "start"
