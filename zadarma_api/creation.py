"""What a call of somebody new creates in the CRM, and why another one creates nothing."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple


class CallKind(str, Enum):
    """What a call is to the rule."""

    INCOMING_ANSWERED = "incoming_answered"
    INCOMING_MISSED = "incoming_missed"
    OUTGOING_ANSWERED = "outgoing_answered"
    OUTGOING_UNANSWERED = "outgoing_unanswered"


class Reason(str, Enum):
    """Why a call creates something, or nothing."""

    NEW_CUSTOMER = "new_customer"
    NEW_DEAL = "new_deal"
    INTERNAL = "internal"
    BLOCKED = "blocked"
    WITHHELD = "withheld"
    NO_NUMBER = "no_number"
    OWN = "own"
    AMBIGUOUS = "ambiguous"
    OPEN_LEAD = "open_lead"
    KNOWN_CONTACT = "known_contact"
    CLOSED_LEAD = "closed_lead"
    KIND_OFF = "kind_off"


class Facts(NamedTuple):
    """What the rule needs to know of a call and of the other party at that time.

    :ivar number: in E.164, empty where it cannot be a customer's.
    :ivar is_own: it is one of the company's own numbers or people.
    :ivar is_ambiguous: contacts of several companies have the number.
    :ivar closed_days: full days since the caller's last lead was won or lost; none where there is none.
    """

    direction: str
    is_taken: bool
    number: str
    is_withheld: bool = False
    is_blocked: bool = False
    is_own: bool = False
    is_ambiguous: bool = False
    has_contact: bool = False
    has_open_lead: bool = False
    closed_days: int | None = None

    @property
    def kind(self) -> CallKind:
        """What the call is to the rule, internal ones aside."""
        if self.direction == "outbound":
            return CallKind.OUTGOING_ANSWERED if self.is_taken else CallKind.OUTGOING_UNANSWERED
        return CallKind.INCOMING_ANSWERED if self.is_taken else CallKind.INCOMING_MISSED


@dataclass(frozen=True)
class Rule:
    """What the company wants to be created.

    :ivar contact: a contact for callers without one.
    :ivar lead: ``lead``, ``opportunity``, or empty for neither.
    :ivar kinds: for which calls.
    :ivar for_contacts: a new lead for known contacts too, where none is open.
    :ivar after_days: so long after the caller's last lead was closed no new one is made.
    """

    contact: bool
    lead: str
    kinds: frozenset[CallKind]
    for_contacts: bool = False
    after_days: int = 0


@dataclass(frozen=True)
class Decision:
    """What a call creates: a contact, a lead (``lead``, ``opportunity`` or nothing), and why."""

    reason: Reason
    contact: bool = False
    lead: str = ""

    def __bool__(self) -> bool:
        return self.contact or bool(self.lead)


def decide(facts: Facts, rule: Rule) -> Decision:
    """Return what a call creates, one thing a caller: whoever is known is linked and never doubled."""
    if reason := _no_customer(facts) or _known(facts, rule):
        return Decision(reason)
    if facts.kind not in rule.kinds:
        return Decision(Reason.KIND_OFF)
    if facts.has_contact:
        return Decision(Reason.NEW_DEAL, lead=rule.lead)
    return Decision(Reason.NEW_CUSTOMER, contact=rule.contact, lead=rule.lead)


def _no_customer(facts: Facts) -> Reason | None:
    """Return why nobody new can be behind a number, whatever the rule."""
    reasons = {
        Reason.INTERNAL: facts.direction == "internal",
        Reason.BLOCKED: facts.is_blocked,
        Reason.WITHHELD: facts.is_withheld,
        Reason.NO_NUMBER: not facts.number,
        Reason.OWN: facts.is_own,
        Reason.AMBIGUOUS: facts.is_ambiguous,
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def _known(facts: Facts, rule: Rule) -> Reason | None:
    """Return as whom the caller is known, so that nothing new is wanted."""
    if facts.has_open_lead:
        return Reason.OPEN_LEAD
    if facts.has_contact and not (rule.for_contacts and rule.lead):
        return Reason.KNOWN_CONTACT
    if facts.closed_days is not None and facts.closed_days < rule.after_days:
        return Reason.CLOSED_LEAD
    return None


@dataclass
class Preview:
    """What the rule would have done with past calls.

    :ivar counts: calls by reason.
    :ivar kinds: of those that create something, by kind of call.
    :ivar contacts: how many contacts.
    :ivar leads: how many leads or opportunities.
    :ivar examples: the ids of the latest calls with each reason.
    """

    counts: Counter[Reason] = field(default_factory=Counter)
    kinds: Counter[CallKind] = field(default_factory=Counter)
    contacts: int = 0
    leads: int = 0
    examples: dict[Reason, list[int]] = field(default_factory=dict)


def preview(calls: Iterable[tuple[int, Facts]], rule: Rule, examples: int = 3) -> Preview:
    """Return what a rule would have done with calls, in the order in which they came.

    What an earlier call would have created, a later one of the same number finds.

    :param calls: ids and facts, the oldest first.
    :param examples: how many calls are kept as examples of each reason.
    """
    result = Preview()
    contacts: set[str] = set()
    leads: set[str] = set()
    for call_id, facts in calls:
        if facts.number in contacts or facts.number in leads:
            facts = facts._replace(
                has_contact=facts.has_contact or facts.number in contacts,
                has_open_lead=facts.has_open_lead or facts.number in leads,
            )
        decision = decide(facts, rule)
        if decision.contact:
            contacts.add(facts.number)
        if decision.lead:
            leads.add(facts.number)
        result.counts[decision.reason] += 1
        if decision:
            result.kinds[facts.kind] += 1
            result.contacts += decision.contact
            result.leads += bool(decision.lead)
        latest = result.examples.setdefault(decision.reason, [])
        latest.append(call_id)
        if len(latest) > examples:
            del latest[0]
    return result
