"""The emoji voting application: four small programs that know nothing of a mesh.

catalogue  the emoji
ballots    votes, counted
emoji      gRPC: the catalogue              `python -m demo emoji`
voting     gRPC: the ballot box             `python -m demo voting`
web        the page and its REST API        `python -m demo web`
vote_bot   a visitor who never tires        `python -m demo vote-bot`
serving    what the gRPC programs share: addresses, metrics, an orderly end
ending     an orderly end, when asked to
settings   what each program reads from its environment
"""
