from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from ..zadarma_api.blocking import PatternError, is_range, parse_pattern, patterns_of


class ZadarmaBlockedNumber(models.Model):
    """A number, or a range of numbers, that must not get through to a company.

    Whoever takes calls may block a single number and take back their own blocks; the rest is for supervisors. A block
    that was taken back is archived: it tells who did what, and how often the number tried.
    """

    _name = "zadarma.blocked.number"
    _inherit = ["mail.thread", "zadarma.numbered", "zadarma.sealed"]
    _description = "Blocked Number"
    _order = "date desc, id desc"
    _rec_name = "number"
    _rec_names_search = ["number_display"]

    number = fields.Char(
        required=True,
        tracking=True,
        help="A number, e.g. +49 170 12345678, or the beginning of a range of numbers and a star, e.g. +49 12*.",
    )
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, ondelete="cascade", index=True
    )
    reason = fields.Char(tracking=True, help="Why calls from here are not taken, for colleagues who wonder.")
    active = fields.Boolean(default=True, tracking=True)
    user_id = fields.Many2one(
        "res.users",
        string="Blocked By",
        default=lambda self: self.env.uid,
        readonly=True,
        ondelete="set null",
        tracking=True,
    )
    date = fields.Datetime(string="Blocked On", default=lambda self: fields.Datetime.now(), readonly=True)
    call_ids = fields.One2many("zadarma.call", "blocked_number_id", string="Calls")
    try_count = fields.Integer(string="Tries", readonly=True, copy=False, help="How many calls heard the busy tone.")
    last_try = fields.Datetime(readonly=True, copy=False)

    _number_uniq = models.Constraint("UNIQUE (company_id, number)", "This number is in the list already.")

    @api.depends("number_display")
    def _compute_display_name(self):
        for block in self:
            block.display_name = block.number_display or ""

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        """Override to keep one form of a number, and to block again what was blocked before.

        :return: one record a set of values, in their order; for a number that is in the list already, that record.
        """
        self.check_access("create")
        for vals in vals_list:
            company = self.env["res.company"].browse(vals.setdefault("company_id", self.env.company.id))
            self._check_company_is_mine(company)
            vals["number"] = self._read_pattern(company, vals.get("number"))
        known = self._get_known(vals_list)
        new = {}
        for vals in vals_list:
            key = (vals["company_id"], vals["number"])
            if key in known:
                known[key]._block_again(vals)
            else:
                new.setdefault(key, vals)
        known |= dict(zip(new, super().create(list(new.values())), strict=True))
        return self.browse(known[vals["company_id"], vals["number"]].id for vals in vals_list)

    def write(self, vals):
        """Override to keep one form of a number, and blocks in the user's own companies."""
        if "company_id" in vals:
            self._check_company_is_mine(self.env["res.company"].browse(vals["company_id"]))
        if vals.get("number"):
            for company in self.company_id:
                vals = {**vals, "number": self._read_pattern(company, vals["number"])}
        return super().write(vals)

    @api.model
    def _check_company_is_mine(self, company):
        """Let nobody decide who gets through to another company. Rules look at what was there before.

        :raise AccessError: otherwise.
        """
        if company not in self.env.companies and not self.env.su:
            raise AccessError(self.env._("Numbers are blocked for one's own companies. Choose one of yours."))

    def _get_known(self, vals_list):
        """Return the records that are there already, those of a lifted block too, by company and number."""
        # sudo: zadarma.blocked.number - whoever may block may block again what somebody else once blocked
        blocks_sudo = self.sudo().with_context(active_test=False)
        found = blocks_sudo.search(
            [
                ("company_id", "in", [vals["company_id"] for vals in vals_list]),
                ("number", "in", [vals["number"] for vals in vals_list]),
            ]
        )
        return {(block.company_id.id, block.number): block for block in found}

    def _block_again(self, vals):
        """Put a lifted block back into force, in the name of who does it now."""
        self.ensure_one()
        if not self.active and vals.get("active", True):
            now = {"active": True, "user_id": self.env.uid, "date": fields.Datetime.now()}
            self.write({**now, "reason": vals.get("reason") or self.reason})

    @api.model
    def _read_pattern(self, company, raw):
        """Return the form in which a number or range is kept.

        :raise ValidationError: where it is none, or must not be blocked.
        """
        try:
            pattern = parse_pattern(raw, company.country_id.code or "")
        except PatternError as error:
            raise ValidationError(self._explain_problem(error.problem, raw or "")) from error
        if pattern in company._zadarma_own_numbers():
            raise ValidationError(
                self.env._("%(number)s is a number of your own account and cannot be blocked.", number=raw)
            )
        if is_range(pattern) and not (self.env.su or self.env.user.has_group("zadarma.group_zadarma_manager")):
            raise ValidationError(
                self.env._("Only supervisors block ranges of numbers. Ask yours to block %(range)s.", range=raw)
            )
        return pattern

    def _explain_problem(self, problem, raw):
        if problem == "internal":
            return self.env._("%(number)s is an extension and cannot be blocked. Enter an outside number.", number=raw)
        if problem == "country":
            return self.env._(
                "It is not clear which country %(range)s belongs to. Start with + and the country code, e.g. +4912*.",
                range=raw,
            )
        return self.env._(
            "%(number)s is no telephone number. Use the international form, e.g. +48 22 123 45 67, or +4822* for all"
            " numbers that begin so.",
            number=raw or self.env._("(empty)"),
        )

    # === ACTIONS === #

    def action_unarchive(self):
        """Override to note who blocks the number again, and when."""
        lifted = self.filtered(lambda block: not block.active)
        result = super().action_unarchive()
        # sudo: zadarma.blocked.number - who it is and when, nobody says themselves
        lifted.sudo().write({"user_id": self.env.uid, "date": fields.Datetime.now()})
        return result

    @api.model
    def _action_block(self, company, number):
        """Return the action that asks for the reason and blocks a number, or shows what blocks it already.

        :param res.company company: whose calls.
        :param str number: in any form.
        :raise UserError: where blocking is switched off.
        """
        if not company.zadarma_block_numbers:
            raise UserError(
                self.env._(
                    "Blocking is switched off for %(company)s. An administrator switches it on in the settings.",
                    company=company.name,
                )
            )
        block = self._find_block(company.id, company._zadarma_parse_number(number).e164)
        dialog = self.env.ref("zadarma.zadarma_blocked_number_view_form_dialog").id
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Block Calls") if not block else self.env._("Blocked Number"),
            "res_model": self._name,
            "res_id": block.id,
            "views": [(False if block else dialog, "form")],
            "target": "current" if block else "new",
            "context": {} if block else {"default_number": number, "default_company_id": company.id},
        }

    def action_view_calls(self):
        """Open the calls that heard the busy tone."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("zadarma.zadarma_call_action")
        action["domain"] = [("blocked_number_id", "=", self.id)]
        action["context"] = {}
        return action

    # === LOOK-UP === #

    @api.model
    def _find_block(self, company_id, e164):
        """Return what blocks a number, the narrowest of several.

        Nothing blocks the company's own numbers, and nothing at all where blocking is switched off.

        :param int company_id: whose list.
        :param str e164: ``+`` and digits; empty finds nothing.
        :rtype: zadarma.blocked.number
        """
        # sudo: zadarma.blocked.number, res.company - that a number is blocked holds for all, whoever asks
        blocks_sudo, company_sudo = self.sudo(), self.env["res.company"].sudo().browse(company_id)
        if not (e164 and company_sudo.zadarma_block_numbers) or e164 in company_sudo._zadarma_own_numbers():
            return self.browse()
        domain = [("company_id", "=", company_id), ("number", "in", patterns_of(e164))]
        block_sudo = max(blocks_sudo.search(domain), key=lambda block: len(block.number), default=blocks_sudo.browse())
        return block_sudo.with_env(self.env)
