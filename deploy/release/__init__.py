"""A folder somebody else can install from: the `mesh` executable, images, chart, manifests, what is inside each
image, checksums of all, and a script that checks them.

contents   which files there are, and how each is made
__main__   `python -m deploy.release`: write the folder
install.sh the script, as it lies in the folder
"""
