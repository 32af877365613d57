"""The reference pages in docs/reference, generated from the code.

pages     every page: its file name and what writes it
errors, metrics, settings, values, commands, checks   one page each
__main__  `python -m deploy.docs [--check]`: write them, or fail when one is stale
"""
