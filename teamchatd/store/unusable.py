"""
Why a database cannot be worked with.
"""


class Unusable(Exception):
    """
    This database cannot be worked with.  Says why, for the operator.
    """
