"""Who a caller is, from the records that carry the number."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Caller:
    """What the CRM knows of a number.

    :ivar partner_id: the contact or company, 0 for none or for several.
    :ivar lead_id: the newest open lead with this number, 0 for none.
    :ivar name: the contact's name, else the lead's.
    :ivar company: the name of the company the contact belongs to.
    :ivar is_ambiguous: contacts of different companies share the number.
    """

    partner_id: int = 0
    lead_id: int = 0
    name: str = ""
    company: str = ""
    is_ambiguous: bool = False


def resolve(rows: Iterable[Sequence[Any]]) -> Caller:
    """Decide who is calling.

    Contacts of one company that share its number mean the company; contacts of several are for people to choose.

    :param rows: ``(kind, id, commercial entity's id, name, company's name, …)``; of the contacts at least the first and
        the last one in the order of entity and id, of the leads the newest. A deal of the contact's that has another
        number is of the kind ``deal``.
    """
    rows = list(rows)
    partners = [row for row in rows if row[0] == "partner"]
    lead = next((row for row in rows if row[0] == "lead"), None)
    lead_id = lead[1] if lead else 0
    entities = {row[2] for row in partners}
    if len(entities) > 1:
        return Caller(lead_id=lead_id, is_ambiguous=True)
    if len({row[1] for row in partners}) > 1:
        entity = partners[0][2]
        own_row = next((row for row in partners if row[1] == entity), partners[0])
        _kind, _id, _entity, name, company = own_row[:5]
        return Caller(entity, lead_id, company or name or "")
    if partners:
        _kind, partner_id, _entity, name, company = partners[0][:5]
        return Caller(partner_id, lead_id, name or "", company or "")
    if lead:
        return Caller(0, lead_id, lead[3] or "", lead[4] or "")
    return Caller()
