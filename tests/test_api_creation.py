from hypothesis import given, settings, strategies as st

from odoo.tests import BaseCase

from ..zadarma_api.creation import CallKind, Facts, Reason, Rule, decide, preview

ALL = frozenset(CallKind)
INCOMING = frozenset({CallKind.INCOMING_ANSWERED, CallKind.INCOMING_MISSED})
DEAL = Rule(contact=False, lead="opportunity", kinds=INCOMING, after_days=30)
NUMBER = "+4917012345678"
CALL = Facts("inbound", True, NUMBER)
OUT = Facts("outbound", True, NUMBER)


def _rule(**changes):
    return Rule(**{**DEAL.__dict__, **changes})


# The facts, the rule, what is created (a contact, a lead) and why.
CASES = (
    (CALL, DEAL, (False, "opportunity"), Reason.NEW_CUSTOMER),
    (CALL._replace(is_taken=False), DEAL, (False, "opportunity"), Reason.NEW_CUSTOMER),
    (CALL, _rule(lead="lead"), (False, "lead"), Reason.NEW_CUSTOMER),
    (CALL, _rule(contact=True), (True, "opportunity"), Reason.NEW_CUSTOMER),
    (CALL, _rule(contact=True, lead=""), (True, ""), Reason.NEW_CUSTOMER),
    # Which calls count.
    (OUT, DEAL, (False, ""), Reason.KIND_OFF),
    (OUT, _rule(kinds=ALL), (False, "opportunity"), Reason.NEW_CUSTOMER),
    (OUT._replace(is_taken=False), _rule(kinds=frozenset({CallKind.OUTGOING_ANSWERED})), (False, ""), Reason.KIND_OFF),
    (CALL, _rule(kinds=frozenset({CallKind.INCOMING_MISSED})), (False, ""), Reason.KIND_OFF),
    (CALL._replace(is_taken=False), _rule(kinds=frozenset({CallKind.INCOMING_ANSWERED})), (False, ""), Reason.KIND_OFF),
    # Who is no new customer whatever the rule.
    (CALL._replace(direction="internal"), _rule(kinds=ALL), (False, ""), Reason.INTERNAL),
    (CALL._replace(is_blocked=True), DEAL, (False, ""), Reason.BLOCKED),
    (CALL._replace(is_blocked=True, has_open_lead=True), DEAL, (False, ""), Reason.BLOCKED),
    (CALL._replace(is_withheld=True, number=""), DEAL, (False, ""), Reason.WITHHELD),
    (CALL._replace(number=""), DEAL, (False, ""), Reason.NO_NUMBER),
    (CALL._replace(is_own=True), _rule(for_contacts=True), (False, ""), Reason.OWN),
    (CALL._replace(is_own=True, has_contact=True), _rule(for_contacts=True), (False, ""), Reason.OWN),
    (CALL._replace(is_ambiguous=True), DEAL, (False, ""), Reason.AMBIGUOUS),
    # Who is known is not doubled.
    (CALL._replace(has_open_lead=True), _rule(contact=True), (False, ""), Reason.OPEN_LEAD),
    (CALL._replace(has_contact=True), DEAL, (False, ""), Reason.KNOWN_CONTACT),
    (CALL._replace(has_contact=True), _rule(for_contacts=True), (False, "opportunity"), Reason.NEW_DEAL),
    (CALL._replace(has_contact=True), _rule(for_contacts=True, contact=True), (False, "opportunity"), Reason.NEW_DEAL),
    (CALL._replace(has_contact=True), _rule(for_contacts=True, lead=""), (False, ""), Reason.KNOWN_CONTACT),
    (CALL._replace(has_contact=True, has_open_lead=True), _rule(for_contacts=True), (False, ""), Reason.OPEN_LEAD),
    # When the last lead was closed.
    (CALL._replace(closed_days=29), DEAL, (False, ""), Reason.CLOSED_LEAD),
    (CALL._replace(closed_days=30), DEAL, (False, "opportunity"), Reason.NEW_CUSTOMER),
    (CALL._replace(closed_days=0), _rule(after_days=0), (False, "opportunity"), Reason.NEW_CUSTOMER),
    (CALL._replace(closed_days=3, has_contact=True), _rule(for_contacts=True), (False, ""), Reason.CLOSED_LEAD),
    (
        CALL._replace(closed_days=90, has_contact=True),
        _rule(for_contacts=True),
        (False, "opportunity"),
        Reason.NEW_DEAL,
    ),
    (CALL._replace(closed_days=3, has_contact=True), DEAL, (False, ""), Reason.KNOWN_CONTACT),
)
ANY_FACTS = st.builds(
    Facts,
    direction=st.sampled_from(("inbound", "outbound", "internal")),
    is_taken=st.booleans(),
    number=st.sampled_from(("", NUMBER, "+442037691880")),
    is_withheld=st.booleans(),
    is_blocked=st.booleans(),
    is_own=st.booleans(),
    is_ambiguous=st.booleans(),
    has_contact=st.booleans(),
    has_open_lead=st.booleans(),
    closed_days=st.none() | st.integers(0, 100),
)
ANY_RULE = st.builds(
    Rule,
    contact=st.booleans(),
    lead=st.sampled_from(("", "lead", "opportunity")),
    kinds=st.frozensets(st.sampled_from(CallKind)),
    for_contacts=st.booleans(),
    after_days=st.integers(0, 100),
)


class TestCreation(BaseCase):
    def test_table_of_cases(self):
        for facts, rule, created, reason in CASES:
            with self.subTest(facts=facts, rule=rule):
                decision = decide(facts, rule)
                self.assertEqual((decision.contact, decision.lead), created)
                self.assertEqual(decision.reason, reason)
                self.assertEqual(bool(decision), any(created))

    @settings(deadline=None)
    @given(st.lists(ANY_FACTS | st.sampled_from((CALL, OUT)), max_size=30), ANY_RULE)
    def test_a_caller_never_gets_two_open_leads_or_contacts(self, calls, rule):
        result = preview(enumerate(calls), rule)
        numbers = {facts.number for facts in calls if facts.number}
        self.assertLessEqual(result.contacts, len(numbers))
        self.assertLessEqual(result.leads, len(numbers))
        self.assertEqual(sum(result.counts.values()), len(calls))

    def test_what_an_earlier_call_creates_a_later_one_finds(self):
        calls = [CALL, CALL._replace(is_taken=False), CALL._replace(number="+442037691880"), OUT]
        result = preview(enumerate(calls), _rule(kinds=ALL))
        self.assertEqual(result.counts, {Reason.NEW_CUSTOMER: 2, Reason.OPEN_LEAD: 2})
        self.assertEqual(result.leads, 2)
        self.assertEqual(result.kinds, {CallKind.INCOMING_ANSWERED: 2})
        result = preview(enumerate(calls), _rule(kinds=ALL, contact=True, lead=""))
        self.assertEqual(result.counts, {Reason.NEW_CUSTOMER: 2, Reason.KNOWN_CONTACT: 2})
        self.assertEqual((result.contacts, result.leads), (2, 0))

    def test_latest_calls_are_the_examples(self):
        result = preview(enumerate([CALL._replace(is_withheld=True, number="")] * 5), DEAL, examples=2)
        self.assertEqual(result.examples, {Reason.WITHHELD: [3, 4]})
