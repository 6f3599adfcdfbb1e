from . import zadarma_call_demo
