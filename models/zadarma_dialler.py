import re
from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain

from ..zadarma_api.numbers import format_number, number_prefixes, prefix_range

_MAX_PARTNERS = 6
_MAX_LEADS = 4
_MAX_WORDS = 5
_MAX_RECENT = 10
_RECENT_DAYS = 30
# Trigrams, of which the indexes of names are made, have three characters.
_INDEXED_LENGTH = 3
_MIN_LETTERS = 2
_MIN_DIGITS = 3
# With fewer digits from the middle of a number nearly everybody is found.
_MIN_INNER_DIGITS = 6
_CALLER_ID_PERIOD = timedelta(days=1)


class ZadarmaDialler(models.AbstractModel):
    """What the dialler in the top bar asks, always for the user who asks and with that user's rights."""

    _name = "zadarma.dialler"
    _description = "Zadarma Dialler"

    @api.model
    def _get_extension(self):
        """Return the extension the user calls out with, none where the company's account is not connected.

        :rtype: zadarma.extension
        """
        company, extension = self.env["zadarma.call"]._find_request_extension()
        # sudo: res.company - whether there are credentials, not which
        company_sudo = company.sudo()
        is_connected = company_sudo.zadarma_key and company_sudo.zadarma_secret
        return extension if is_connected else extension.browse()

    # === RPC OF THE WEB CLIENT === #

    @api.model
    def get_dialler_state(self):
        """Return whose phone it is and the user's recent calls.

        :rtype: dict
        """
        # sudo: zadarma.extension - the user's own phone
        extension_sudo = self._get_extension().sudo()
        return {
            "extension": extension_sudo.number or "",
            "own_number": format_number(extension_sudo.caller_id or ""),
            "recent": self._get_recent_calls() if extension_sudo else [],
        }

    @api.model
    def get_own_number(self):
        """Return the number that the user's customers see, asked of Zadarma once a day.

        :rtype: str
        """
        # sudo: zadarma.extension - the user's own phone
        extension_sudo = self._get_extension().sudo()
        asked_at = extension_sudo.caller_id_at
        if extension_sudo and not (asked_at and asked_at > fields.Datetime.now() - _CALLER_ID_PERIOD):
            extension_sudo._load_caller_id()
        return format_number(extension_sudo.caller_id or "")

    @api.model
    def find_people(self, term):
        """Return contacts and open leads with a number, by name or by the beginning of the number.

        Every query is served by an index, or finds its few rows early in the order that it walks.

        :param str term: what was typed so far.
        :rtype: list[dict]
        """
        term = str(term or "")[:100]
        if not self._get_extension():
            return []
        if re.search(r"[^\W\d_]", term):
            return self._find_by_name(term)
        return self._find_by_number(term)

    # === SEARCH === #

    def _find_by_name(self, term):
        # What stands for "anything" in a pattern is not asked for.
        words = re.sub(r"[%_\\]", " ", term).split()[:_MAX_WORDS]
        # Not in the order of names: in its index, all who have one of the words may stand far from the beginning.
        partners = self._search_readable(
            "res.partner", self._get_words_domain(words, ["complete_name"]), "id desc", _MAX_PARTNERS
        )
        leads = self._search_readable(
            "crm.lead", self._get_words_domain(words, ["contact_name", "partner_name", "name"]), "id desc", _MAX_LEADS
        )
        rows = [*map(self._format_partner, partners), *map(self._format_lead, leads)]
        start = " ".join(words).casefold()
        return sorted(rows, key=lambda row: not row["name"].casefold().startswith(start))

    def _get_words_domain(self, words, names):
        """Return the domain of records that have each of the words in one of the fields, none where words are short."""
        longest = max(map(len, words), default=0)
        if longest < _MIN_LETTERS:
            return Domain.FALSE
        if longest < _INDEXED_LENGTH:
            # The beginning of a word has a trigram of its own, which the middle of one lacks.
            start = " ".join(words)
            return Domain.OR(
                Domain(name, "=ilike", pattern) for name in names for pattern in (f"{start}%", f"% {start}%")
            )
        return Domain.AND(Domain.OR(Domain(name, "ilike", word) for name in names) for word in words)

    def _find_by_number(self, term):
        digits = re.sub(r"\D", "", term)
        if len(digits) < _MIN_DIGITS:
            return []
        partners, leads = self.env["res.partner"], self.env["crm.lead"]
        for prefix in number_prefixes(term, self.env.company.country_id.code or ""):
            domain = self._get_prefix_domain(prefix)
            partners |= self._search_readable("res.partner", domain, "phone_sanitized, id", _MAX_PARTNERS)
            leads |= self._search_readable("crm.lead", domain, "phone_sanitized, id", _MAX_LEADS)
        if not (partners or leads) and len(digits) >= _MIN_INNER_DIGITS and self.env.registry.has_trigram:
            domain = Domain("phone_mobile_search", "ilike", digits)
            partners = self._search_readable("res.partner", domain, "id", _MAX_PARTNERS)
            leads = self._search_readable("crm.lead", domain, "id", _MAX_LEADS)
        return [*map(self._format_partner, partners[:_MAX_PARTNERS]), *map(self._format_lead, leads[:_MAX_LEADS])]

    def _get_prefix_domain(self, prefix):
        first, beyond = prefix_range(prefix)
        domain = Domain("phone_sanitized", ">=", first)
        return domain & Domain("phone_sanitized", "<", beyond) if beyond else domain

    def _search_readable(self, model, domain, order, limit):
        """Search what has a number, as the user; nothing where they may not read the model at all."""
        records = self.env[model]
        if not records.has_access("read"):
            return records
        domain &= Domain("phone", "!=", False)
        if model == "crm.lead":
            domain &= Domain("stage_id.is_won", "!=", True)
        return records.search(domain, order=order, limit=limit)

    # === ROWS === #

    def _format_partner(self, partner):
        company = partner.commercial_company_name if partner.commercial_partner_id != partner else ""
        return self._format_row(partner, partner.name, company)

    def _format_lead(self, lead):
        name = lead.contact_name or lead.partner_name
        return self._format_row(lead, name or lead.name, lead.name if name else "")

    def _format_row(self, record, name, detail):
        return {
            "model": record._name,
            "id": record.id,
            "name": name or "",
            "detail": detail or "",
            "number": record.phone,
            "number_display": format_number(record.phone_sanitized) if record.phone_sanitized else record.phone,
        }

    # === RECENT CALLS === #

    def _get_recent_calls(self):
        """Return the user's last calls that ended, the newest first."""
        calls = self.env["zadarma.call"]
        if not calls.has_access("read"):
            return []
        since = fields.Datetime.now() - timedelta(days=_RECENT_DAYS)
        domain = (
            Domain("company_id", "=", self.env.company.id)
            & Domain("state", "=", "ended")
            & Domain("date_start", ">", since)
            & (Domain("user_id", "=", self.env.uid) | Domain("leg_ids.user_id", "=", self.env.uid))
        )
        return [self._format_call(call) for call in calls.search(domain, limit=_MAX_RECENT)]

    def _format_call(self, call):
        partner, lead = call.partner_id._filtered_access("read"), call.lead_id._filtered_access("read")
        record = partner or lead
        # Colleagues are dialled from the phone itself.
        is_callable = bool(call.number) and not call.is_withheld and call.direction != "internal"
        return {
            "call": call.id,
            "model": record._name if record else False,
            "id": record.id,
            "name": partner.display_name or call._get_lead_caller(lead),
            "number": call.number if is_callable else "",
            "number_display": call._get_number_display(),
            "direction": call.direction,
            "missed": call.is_missed,
            "result": call._get_result_label(),
            "date": fields.Datetime.to_string(call.date_start),
            "duration": call.duration,
        }
