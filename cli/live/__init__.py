"""Live requests in the terminal: what `mesh tap` and `mesh top` have in common.

question.py   arguments and flags into the path and body the tap API takes
options.py    those flags
stream.py     the tap API's answer, message by message
event.py      readers of one event
lines.py      an event as the line `mesh tap` prints
notices.py    what the stream says of itself, as lines
within.py     the stream, for a bounded time
tappable.py   which pods can be watched at all
documents.py  an event as the JSON `mesh tap -o json` prints
tally.py      completed calls added up, as `mesh top` shows them
table.py      the tally as a table
keys.py       keys pressed while a full-screen table is shown
"""
