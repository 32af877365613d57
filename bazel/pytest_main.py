"""Run pytest on the file named on the command line, with the project's settings.

Bazel wants a result file in JUnit's form (XML_OUTPUT_FILE), from which tests are counted.
"""

import os
import sys

import pytest

_FLAGS = ["-q", "-p", "no:cacheprovider"]
if "XML_OUTPUT_FILE" in os.environ:
    _FLAGS.append("--junitxml=" + os.environ["XML_OUTPUT_FILE"])

sys.exit(pytest.main([*_FLAGS, *sys.argv[1:]]))
