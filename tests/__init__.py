from . import (
    test_access,
    test_call,
    test_caller,
    test_event,
    test_popup,
    test_settings,
    test_webhook,
)
