"""What the commands that ask the stats API share.

flags    flags of several commands, and which of them contradict each other
missing  what is said of resources without a row; absent: whether they exist, asked when nothing was found
asking   a request in, a message out; and a note when its numbers are not where they should be from
"""
