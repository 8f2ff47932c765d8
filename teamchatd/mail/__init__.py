"""
Letters, and the postman.

L{teamchatd.mail.letters} is what we write: pure functions that return a message.
L{teamchatd.mail.postman} carries it to the mail server of the configuration, and
says in plain words why that did not work.  Who gets a letter, and when it is
tried again, is decided elsewhere (L{teamchatd.auth.letters}).
"""
