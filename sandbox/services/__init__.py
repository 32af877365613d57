"""Service addresses: what a Service promises, as one nftables table of our own.

plan      Services and EndpointSlices -> the address, port and protocol -> endpoints map (pure)
ruleset   that map -> the text of the table (pure)
sync      follows the store and loads the text, one atomic transaction per batch of changes
"""
