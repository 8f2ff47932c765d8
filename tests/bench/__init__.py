"""
How fast, how many, how much memory: C{make bench}.

Nothing here passes or fails by time.  Goals stand beside the figures to be read
by a person, who knows what else the machine was doing.  README.rst explains the
table and the load generator.
"""
