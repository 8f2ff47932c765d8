"""
Who is listening now.

A L{stream<teamchatd.live.stream>} is one client; the L{hub<teamchatd.live.hub>}
knows them all and hands each the bytes of what it may hear, encoded
L{once<teamchatd.live.frames>}.  Nothing here asks who may hear what: the rule
decided that when it wrote the journal.
"""
