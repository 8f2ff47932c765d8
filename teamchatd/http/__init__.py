"""
The door: HTTP in, JSON out, no rules and no SQL.

Each module holds the calls below one first segment of a path.  A route is one
door (L{signed_in<teamchatd.http.routes.signed_in>} or
L{open_to_all<teamchatd.http.routes.open_to_all>}), the reading of its fields, one
call of a rule, and its answer.  L{teamchatd.http.site} finds the route and sends
the answer.  Twisted reads requests, but for those that arrive in
L{one piece<teamchatd.http.whole>}.  What all promise is in C{openapi.yaml}.
"""
