"""Odoo's command line as a file: with several workers Odoo starts its bus process by the path of its own script."""

import odoo.cli

odoo.cli.main()
