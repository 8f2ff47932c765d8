"""
Letters, and the postman.

L{teamchatd.mail.letters} is what we write: pure functions that return a message.
L{teamchatd.mail.postman} carries it to the mail server of the configuration;
L{teamchatd.mail.conversation} is what they say to each other, and puts into plain
words why that did not work (L{teamchatd.mail.undelivered}).  Who gets a letter, and when it is
tried again, is decided elsewhere (L{teamchatd.auth.letters}).
"""
