"""One module per command: its flags, its help, and calls into the folders that do the work.

`cli.command_table` names them; nothing here is imported until the command is run.
"""
