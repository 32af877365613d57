"""OCI images of every part of Weft, made without a daemon.

catalogue  which images there are and what goes into each
base       Debian packages unpacked into one root: Python, iptables, what they need
wheels     third-party packages: the closure of a few names in this environment
tree       files of a layer: copied, pruned, compiled, in one order
tarball    a folder as reproducible bytes: sorted, one date, root's
layout     OCI layouts: layers, configuration, index
sbom       what is inside, as SPDX
cache      where layers are kept
bazel      one image, for `bazel build //services/NAME:image`
__main__   `python -m deploy.images [NAME ...]`

Three layers, the first two shared between images: the base, the wheels, our own code. The debug image is one layer of
Debian packages.
"""
