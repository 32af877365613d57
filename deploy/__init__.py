"""What turns the checkout into something running: set-up, images, the demo, generated pages.

setup    Debian packages, the virtual environment, generated code (a shell script: it comes first)
chart    the Helm chart, generated from what renders `mesh install`
release  a folder to install from: executable, images, chart, checksums
counts   how many tests ran, from Bazel's result files
"""
