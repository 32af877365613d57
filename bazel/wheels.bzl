"""wheels(): every third-party wheel of the project, installed once from the hashed lock file."""

# One folder stands for thousands of files: a test's runfiles then hold one link to it, and starting
# a test costs milliseconds. The folder changes only when this rule runs again.
_BUILD = """
py_library(
    name = "all",
    data = ["{site}"],
    imports = ["{site}"],
    visibility = ["//visibility:public"],
)

filegroup(
    name = "environment",
    srcs = ["venv"],
    visibility = ["//visibility:public"],
)
"""

def _wheels_impl(ctx):
    lock = str(ctx.path(ctx.attr.requirements))

    # Debian's python3 has no pip of its own; a virtual environment brings one.
    made = ctx.execute(["/usr/bin/python3", "-m", "venv", "venv"])
    if made.return_code:
        fail("python3 -m venv failed (is python3-venv installed?):\n" + made.stdout + made.stderr)
    pip = ["venv/bin/pip", "install", "--quiet", "--require-hashes", "--no-deps"]
    result = ctx.execute(pip + ["-r", lock], timeout = 1200)
    if result.return_code:
        fail("pip could not install the wheels:\n" + result.stderr)
    version = ctx.execute(["venv/bin/python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
    site = "venv/lib/python%s/site-packages" % version.stdout.strip()
    ctx.file("BUILD", _BUILD.format(site = site))

wheels = repository_rule(
    implementation = _wheels_impl,
    attrs = {"requirements": attr.label(allow_single_file = True)},
)
