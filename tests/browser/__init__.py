"""The dashboard in a real browser: Debian's Chromium, spoken to in its DevTools protocol.

chromium     starts it and installs it when it is missing
tab          one tab: go somewhere, wait until, press, take a picture, count what it asked for
axe          axe-core on a page
dashboard    the web service with a cluster and proxies made for the test
live         `mesh dashboard` before it, and a tap API that tells what a test tells it
test_pages   every page, its empty, failing and crowded states, and that nothing is asked of others
test_live    tap, top and live calls
test_story   the voting application in a running cluster, through `mesh dashboard`
"""
