"""
Tests of letters and the postman.
"""
