"""mesh_executable(): a program and its wheels as one file that runs wherever Python is."""

def _mesh_executable_impl(ctx):
    info = ctx.attr.library[PyInfo]
    runfiles = ctx.attr.library[DefaultInfo].default_runfiles.files
    files = [f for f in depset(transitive = [info.transitive_sources, runfiles]).to_list() if not f.short_path.startswith("../")]
    prefix = ctx.workspace_name + "/"
    roots = [i[len(prefix):] + "/" for i in info.imports.to_list() if i.startswith(prefix)]
    lines = []
    for f in files:
        inside = f.short_path
        for root in roots:
            if inside.startswith(root):
                inside = inside[len(root):]
                break
        lines.append("%s\t%s" % (f.path, inside))
    listing = ctx.actions.declare_file(ctx.label.name + ".files")
    ctx.actions.write(listing, "\n".join(lines) + "\n")
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
