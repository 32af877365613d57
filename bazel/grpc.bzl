"""py_grpc_library(): .proto files become an importable Python library, never committed."""

_SUFFIXES = ["_pb2.py", "_pb2.pyi", "_pb2_grpc.py"]

def _py_grpc_library_impl(ctx):
    outs = [
        ctx.actions.declare_file(proto.basename[:-len(".proto")] + suffix)
        for proto in ctx.files.srcs
        for suffix in _SUFFIXES
    ]
    imported = [src for dep in ctx.attr.imports for src in dep[_Protos].files.to_list()]
    out_root = ctx.bin_dir.path + "/" + ctx.attr.root
    flags = ["--python_out=", "--pyi_out=", "--grpc_python_out="]
    ctx.actions.run(
        executable = ctx.executable._protoc,
        arguments = ["-I" + ctx.attr.root] + [flag + out_root for flag in flags] + [p.path for p in ctx.files.srcs],
        inputs = ctx.files.srcs + imported,
        outputs = outs,
        mnemonic = "PyGrpc",
        use_default_shell_env = True,
    )
    deps = ctx.attr.deps + ctx.attr.imports
    runfiles = ctx.runfiles(files = outs)
    for dep in deps:
        runfiles = runfiles.merge(dep[DefaultInfo].default_runfiles)
    return [
        DefaultInfo(files = depset(outs), runfiles = runfiles),
        _Protos(files = depset(ctx.files.srcs, transitive = [dep[_Protos].files for dep in ctx.attr.imports])),
        PyInfo(
            transitive_sources = depset(
                [out for out in outs if out.extension == "py"],
                transitive = [dep[PyInfo].transitive_sources for dep in deps],
            ),
            imports = depset(
                [ctx.workspace_name + "/" + ctx.attr.root],
                transitive = [dep[PyInfo].imports for dep in deps],
            ),
        ),
    ]

_Protos = provider(fields = ["files"])

py_grpc_library = rule(
    implementation = _py_grpc_library_impl,
    attrs = {
        "srcs": attr.label_list(allow_files = [".proto"]),
        "root": attr.string(default = "proto", doc = "the folder that imports are relative to"),
        "imports": attr.label_list(providers = [_Protos]),
        "deps": attr.label_list(default = ["@wheels//:all"], providers = [PyInfo]),
        "_protoc": attr.label(default = "//bazel:protoc", executable = True, cfg = "exec"),
    },
)
