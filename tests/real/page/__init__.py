"""
The page, in a real browser, before a real daemon: what its users see and do.

One browser serves all tests; everybody who visits has a profile of their own in it.  Things
are found the way people find them who cannot see the page: by role and name.
"""
