"""What the API server asks before it stores a policy resource or an ExternalWorkload: is it right?

rules       an object -> what is wrong with it; reads by the readers of `policy`, so that what is refused is
            what could not be used (pure)
webhook     bytes of a review in, bytes of an answer out
"""
