"""The whole story on this host, told step by step: `make demo`.

dashboard `mesh dashboard` in the background
steps     what the story consists of, in order
terminal  how steps and their results are shown, commands run, answers awaited
__main__  `python -m deploy.demo [--once]`
"""
