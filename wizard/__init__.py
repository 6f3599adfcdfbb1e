from . import zadarma_call_outcome_wizard
