"""The Helm chart in `weft/`, generated from what renders `mesh install`. Nothing of it is written by hand
but the helpers in helpers.tpl.

The renderer is asked, not read: every value is replaced by a token that survives rendering, so that a token
in an object shows where the value goes; and every value that decides something (a switch, an empty text, a
choice) is tried in each of its ways, so that the difference of two renderings shows what it decides.

leaves     the values, the token of each, the ways in which each may decide
rendering  objects for an assignment of values
compiling  renderings compared into one tree with conditions
template   that tree as a Helm template
files      every file of the chart
__main__   `python -m deploy.chart [--check]`: write the files, or fail when one is stale
"""
