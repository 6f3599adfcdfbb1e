from . import (
    test_acceptance,
    test_access,
    test_call,
    test_caller,
    test_event,
    test_fuzz,
    test_popup,
    test_settings,
    test_webhook,
)
