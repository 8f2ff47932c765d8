"""
The rules: who may do what, and what follows from it.

An operation is named by its verb, takes the one who acts first, gets hold of
what it works on through L{teamchatd.chat.access}, hands the store one piece of
work, and returns the record.  It tells nobody: that is in the journal, and the
database tells what it has committed.
"""
