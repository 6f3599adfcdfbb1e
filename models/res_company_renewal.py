# A new address is committed before Zadarma hears of it.
# pylint: disable=invalid-commit
import hashlib
import logging
import secrets
from datetime import timedelta
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import UserError

from .zadarma_check import Finding

_logger = logging.getLogger(__name__)

# Whoever presses so soon after somebody else, or once more after a conflict, means the same renewal.
_SAME_RENEWAL = timedelta(minutes=1)
# So many addresses are known that were renewed before Zadarma could be told.
_FORMER_KEPT = 5


class ResCompany(models.Model):
    """How the address for notifications is renewed: it is half of what opens the webhook, and may have leaked."""

    # A company has several sides, each in a file of its own.
    _inherit = "res.company"  # pylint: disable=consider-merging-classes-inherited

    def action_zadarma_renew_address(self):
        """Make the webhook address a new one, after which the former one is refused, and have Zadarma use it.

        :return: a notification that tells what is left to do by hand.
        :raise AccessError: for anybody but an administrator.
        """
        self.ensure_one()
        self.check_access("write")
        renewed_at = self.zadarma_renewed_at
        if not renewed_at or fields.Datetime.now() - renewed_at >= _SAME_RENEWAL:
            self._zadarma_renew_token()
        checks = self._zadarma_hand_on_address()
        # A thread that has read what was true before may have kept it since.
        self._zadarma_drop_accounts()
        return self._zadarma_tell_renewed(checks)

    def _zadarma_renew_token(self):
        """Make the token a new one, and all processes know it.

        Committed at once: Zadarma checks the new address while this request goes on, and rows that refer to the company
        have to wait until then.
        """
        former = [self._zadarma_digest(self.zadarma_token or ""), *(self.zadarma_former_digests or "").split()]
        self.write(
            {
                "zadarma_token": secrets.token_hex(20),
                "zadarma_former_digests": " ".join(former[:_FORMER_KEPT]),
                "zadarma_renewed_at": fields.Datetime.now(),
                "zadarma_renewed_by": self.env.uid,
            }
        )
        self.env.cr.commit()
        self.env.registry.signal_changes()
        _logger.info("Zadarma: user %s renewed the webhook address of company %s", self.env.uid, self.id)

    def _zadarma_hand_on_address(self):
        """Have Zadarma send to the new address what it sent to the former one.

        :return: what came of it; nothing where the account is not connected.
        :rtype: zadarma.check
        """
        checks = self.env["zadarma.check"]
        if not self.zadarma_connected_at:
            return checks
        try:
            client = self._zadarma_client(urgent=True)
        except UserError:
            return checks
        address = self._zadarma_run("address", partial(self._zadarma_set_address, client, takes_over=False))
        if address.state == "failed":
            if not address.reason.startswith("address_"):
                address = checks._note(self, "address", Finding("failed", "address_former"))
            return address | self._zadarma_run("test", partial(self._zadarma_send_test, client))
        steps = {
            "notifications": self._zadarma_set_notifications,
            "events": self._zadarma_set_events,
            "test": self._zadarma_send_test,
        }
        for code, step in steps.items():
            address |= self._zadarma_run(code, partial(step, client))
        return address

    def _zadarma_tell_renewed(self, checks):
        open_checks = checks.filtered(lambda check: check.state != "ok" and check.reason != "test_restricted")
        if not checks:
            kind = "warning"
            message = self.env._(
                "The address was renewed. Enter the new one by hand in your Zadarma account under Settings,"
                " Integrations and API, Notifications."
            )
        elif open_checks:
            kind = "warning"
            message = self.env._(
                "The address was renewed, but look at: %(names)s. The page says what to do.",
                names=", ".join(open_checks.mapped("display_name")),
            )
        else:
            kind, message = "success", self.env._("The address was renewed, and Zadarma uses the new one.")
        return self._zadarma_notification(kind, message)

    def _zadarma_is_former(self, url):
        """Tell whether an address was this company's own before it was renewed."""
        # sudo: res.company - only compared
        known = (self.sudo().zadarma_former_digests or "").split()
        return self._zadarma_digest(url.rpartition("/")[2]) in known

    @api.model
    def _zadarma_digest(self, token):
        return hashlib.sha256(token.encode(errors="replace")).hexdigest()
