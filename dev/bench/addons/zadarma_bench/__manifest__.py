{
    "name": "Zadarma Benchmark",
    "summary": "What the benchmark compares the webhook with; never installed anywhere else",
    "version": "19.0.1.0.0",
    "category": "Hidden",
    "license": "LGPL-3",
    "author": "Zadarma for Odoo contributors",
    "website": "https://zadarma.com",
    "depends": ["zadarma"],
}
