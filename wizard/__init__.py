from . import (
    zadarma_call_outcome_wizard,
    zadarma_creation_wizard,
    zadarma_routing_test,
)
