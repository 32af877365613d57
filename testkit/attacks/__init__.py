"""Bytes that no well-behaved client sends, each with what a proxy must make of it.

`smuggling` is for HTTP/1, `frames` and `floods` for HTTP/2. Written by ourselves from RFC 9110, 9112 and
9113; the lists of known attacks served as check-lists only.
"""
