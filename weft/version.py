"""The one place the version is written: the CLI, the images and the control plane report this."""

VERSION = "0.1.0"
