"""Every form of the pages: its fields, its limits, and the sentences for input that is refused.

A sentence that names a limit prints the constant that the check uses.
"""
