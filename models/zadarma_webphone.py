from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..zadarma_api.errors import RefusedError, ZadarmaError
from ..zadarma_api.widget import is_script_address, widget_logins

# A key is good for 72 hours. A page that took one early in these hours still has more than two days.
_KEY_PERIOD = timedelta(hours=20)
# A key younger than this is not to blame where a login fails, however often pages say so.
_TRUSTED_PERIOD = timedelta(hours=1)


class ZadarmaWebphone(models.AbstractModel):
    """The phone in the browser: who may have it, and the key to it.

    Whoever has a key and comes from a registered site can make calls at the company's expense. A key is therefore given
    to the user of its extension alone, who cannot name any other, and can be read by nobody, administrators included.
    """

    _name = "zadarma.webphone"
    _description = "Zadarma Phone in the Browser"

    @api.model
    def _get_extension(self):
        """Return the extension whose phone is in the user's browser, none where it is not switched on.

        :rtype: zadarma.extension
        """
        if not self.env.user.zadarma_webrtc:
            return self.env["zadarma.extension"]
        # sudo: zadarma.extension - the user's own phone
        extension_sudo = self.env["zadarma.dialler"]._get_extension().sudo()
        return extension_sudo.filtered("company_id.zadarma_webrtc").with_env(self.env)

    @api.model
    def get_login(self, failed_login=False):
        """Return what the widget needs to log in as the user's own extension.

        :param str failed_login: the login that the widget just refused, so that a new key is tried, then another login.
        :rtype: dict
        :raise UserError: where there is none, with what to do.
        """
        # sudo: zadarma.extension - the user's own phone, which they cannot name
        extension_sudo = self._get_extension().sudo()
        if not extension_sudo:
            raise UserError(self.env._("The phone in the browser is switched off. Choose it in your preferences."))
        if failed_login:
            self._mend_login(extension_sudo, failed_login)
        if not self._has_fresh_key(extension_sudo, _KEY_PERIOD):
            self._renew_key(extension_sudo)
        return {
            "key": extension_sudo.webrtc_key,
            "login": self._get_login_name(extension_sudo),
            "scripts": self._get_scripts(extension_sudo.company_id),
        }

    @api.model
    def _get_scripts(self, company):
        """Return the addresses of the widget's scripts in the order in which they are run."""
        # sudo: ir.config_parameter - where Zadarma is, to tell whether scripts may come from there
        api_url = self.env["ir.config_parameter"].sudo().get_param("zadarma.api_url") or ""
        scripts = [company.zadarma_webrtc_lib_url or "", company.zadarma_webrtc_fn_url or ""]
        if not all(is_script_address(script, api_url) for script in scripts):
            raise UserError(
                self.env._(
                    "The phone in the browser has no secure address to come from. Ask an administrator to correct the"
                    " addresses of its scripts in Settings, Zadarma."
                )
            )
        return scripts

    def _get_logins(self, extension_sudo):
        return widget_logins(extension_sudo.company_id.zadarma_pbx_id or "", extension_sudo.number)

    def _get_login_name(self, extension_sudo):
        return self._get_logins(extension_sudo)[-1 if extension_sudo.webrtc_bare_login else 0]

    def _has_fresh_key(self, extension_sudo, period):
        made_at = extension_sudo.webrtc_key_at
        return bool(extension_sudo.webrtc_key and made_at and made_at > fields.Datetime.now() - period)

    def _mend_login(self, extension_sudo, failed_login):
        """Have an old key be replaced by a new one; where the key is new, have the other login be tried."""
        if not self._has_fresh_key(extension_sudo, _TRUSTED_PERIOD):
            extension_sudo.webrtc_key = False
        elif failed_login == self._get_login_name(extension_sudo):
            extension_sudo.webrtc_bare_login = not extension_sudo.webrtc_bare_login

    def _renew_key(self, extension_sudo):
        """Fetch a new key, by the full login first."""
        company = extension_sudo.company_id
        client = company._zadarma_client(urgent=True)
        try:
            if not company.zadarma_pbx_id:
                company._zadarma_keep_pbx_id(client.get("/v1/pbx/internal/"))
            key = self._fetch_key(client, self._get_logins(extension_sudo))
        except ZadarmaError as error:
            raise UserError(
                self.env._(
                    "The phone in the browser gets no key for extension %(extension)s. %(reason)s",
                    extension=extension_sudo.number,
                    reason=company._zadarma_explain(error),
                )
            ) from error
        extension_sudo.write({"webrtc_key": key, "webrtc_key_at": fields.Datetime.now()})

    def _fetch_key(self, client, logins):
        for login in logins:
            try:
                key = client.get("/v1/webrtc/get_key/", {"sip": login}).get("key")
            except RefusedError:
                if login == logins[-1]:
                    raise
            else:
                if key:
                    return str(key)
        raise RefusedError(self.env._("the answer holds no key"))
