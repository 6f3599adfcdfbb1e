"""What Zadarma speaks: signatures, the HTTP client, events, numbers and the fold of events into a call.

Pure Python without an ``odoo`` import, so that it can be read, typed and tested on its own.
"""
