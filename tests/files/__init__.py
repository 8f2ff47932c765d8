"""
Tests of pictures, the darkroom and the shelf.
"""
