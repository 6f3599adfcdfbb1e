from . import zadarma_call_report
