"""mesh_executable(): a program and its wheels as one file that runs wherever Python is."""

load("//bazel:sources.bzl", "write_source_listing")

def _mesh_executable_impl(ctx):
    listing, files = write_source_listing(ctx, ctx.attr.library)
    out = ctx.actions.declare_file(ctx.label.name)
    environment = ctx.files._environment[0]
    ctx.actions.run(
        executable = environment.path + "/bin/python",
        arguments = [ctx.file._tool.path, listing.path, out.path, environment.path, ctx.attr.module] + ctx.attr.wheels,
        inputs = files + [listing, environment, ctx.file._tool],
        outputs = [out],
        mnemonic = "Pex",
        use_default_shell_env = True,
        execution_requirements = {"no-sandbox": "1"},
    )
    return [DefaultInfo(files = depset([out]), executable = out)]

mesh_executable = rule(
    implementation = _mesh_executable_impl,
    executable = True,
    attrs = {
        "library": attr.label(providers = [PyInfo]),
        "module": attr.string(),
        "wheels": attr.string_list(doc = "distributions the program imports; what they need comes along"),
        "_environment": attr.label(default = "@wheels//:environment", allow_files = True),
        "_tool": attr.label(default = "//bazel:pex_main.py", allow_single_file = True),
    },
)
