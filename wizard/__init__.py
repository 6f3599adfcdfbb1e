from . import (
    zadarma_call_outcome_wizard,
    zadarma_creation_wizard,
    zadarma_import_wizard,
    zadarma_number_data,
    zadarma_routing_test,
)
