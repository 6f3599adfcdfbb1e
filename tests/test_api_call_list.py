from odoo.tests import BaseCase

from ..zadarma_api.call_list import Candidate, Reason, sort_out
from ..zadarma_api.numbers import parse_typed_number

OWN, BLOCKED = "+493012345678", "+4917099999999"
# What is written in the record, whether they asked not to be called, and why they are left out.
CASES = [
    ("+49 170 12345678", False, None),
    ("0170 12345679", False, None),
    ("", False, Reason.NO_NUMBER),
    ("   ", False, Reason.NO_NUMBER),
    ("101", False, Reason.NOT_CALLABLE),
    ("ask Anna", False, Reason.NO_NUMBER),
    ("030 12345678", False, Reason.OWN_NUMBER),
    ("+49 170 12345670", True, Reason.DO_NOT_CALL),
    (BLOCKED, False, Reason.BLOCKED),
    ("+49 (170) 123456-78", False, Reason.DUPLICATE),
]


def candidate(written, is_do_not_call=False):
    """Return a candidate with a number as people write it."""
    return Candidate(parse_typed_number(written, "DE"), is_do_not_call)


class TestCallList(BaseCase):
    def test_reasons_to_leave_somebody_out(self):
        candidates = [candidate(written, is_do_not_call) for written, is_do_not_call, _reason in CASES]
        found = sort_out(candidates, own={OWN}, blocked={BLOCKED})
        for (written, _is_do_not_call, expected), reason in zip(CASES, found, strict=True):
            self.assertEqual(reason, expected, written)

    def test_who_may_not_be_called_takes_nobodys_place(self):
        number = "+49 170 12345678"
        self.assertEqual(sort_out([candidate(number, True), candidate(number)]), [Reason.DO_NOT_CALL, None])

    def test_number_that_is_listed_already_is_left_out(self):
        self.assertEqual(sort_out([candidate("0170 12345678")], listed=["+4917012345678"]), [Reason.DUPLICATE])
