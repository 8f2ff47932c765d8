"""
Who is asking: passwords, tokens, sessions, and how often one may try.
"""
