"""
Who is listening now.

A L{stream<teamchatd.live.stream>} is one client; the L{hub<teamchatd.live.hub>}
knows them all.  What happens is encoded L{once<teamchatd.live.frames>}, handed out in
L{slices<teamchatd.live.fanout>} of time, and kept for a while in the
L{tail<teamchatd.live.tail>}, for those who come back.  Nothing here asks who may hear
what: the rule decided that when it wrote the journal.
"""
