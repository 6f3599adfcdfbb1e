from tempfile import TemporaryFile

from werkzeug.wsgi import wrap_file

from odoo import http
from odoo.http import Response, content_disposition, request


class ZadarmaNumberData(http.Controller):
    """The door to an export of what is known of a number."""

    @http.route("/zadarma/number/<int:wizard_id>/export", type="http", auth="user", methods=["GET"])
    def export(self, wizard_id, part=1, **_params):
        """Send a part of an export as a file.

        :param int wizard_id: of a ``zadarma.number.data``, which is its user's alone.
        :param str part: from 1 on.
        :return: a zip; 404 for what is not there or not the user's.
        """
        wizard = request.env["zadarma.number.data"].browse(wizard_id).exists()
        is_own = wizard and wizard.has_access("read") and wizard.create_uid == request.env.user
        if not is_own or not str(part).isdecimal() or not int(part):
            raise request.not_found()
        # The answer closes the file, which is gone by that.
        file = TemporaryFile()  # noqa: SIM115
        wizard._write_export(file, int(part))
        size = file.tell()
        file.seek(0)
        headers = [
            ("Content-Type", "application/zip"),
            ("Content-Length", str(size)),
            ("Content-Disposition", content_disposition(f"calls-{part}.zip")),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        return Response(wrap_file(request.httprequest.environ, file), headers=headers, direct_passthrough=True)
