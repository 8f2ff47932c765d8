"""
The record: what was said, kept on disk.  Only in this package is SQL.

L{teamchatd.store.database.Database} runs pieces of work: C{change} in the one
writer's thread, many in one transaction, and C{read} likewise on a connection of
its own, both in L{batches<teamchatd.store.batch>}; who waits for either stands in a
L{line<teamchatd.store.line>}.
Every noun has a module whose private functions are those pieces of work, with a
class in front of them that the rules call.  A change writes the events that it
causes into the L{journal<teamchatd.store.journal>}, in its own transaction.
"""
