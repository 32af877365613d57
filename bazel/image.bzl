"""mesh_image(): a deployable as an OCI layout in one archive, with its bill of materials beside it."""

load("//bazel:sources.bzl", "write_source_listing")

def _mesh_image_impl(ctx):
    listing, files = write_source_listing(ctx, ctx.attr.library)
    archive = ctx.actions.declare_file(ctx.label.name + ".tar")
    bill = ctx.actions.declare_file(ctx.label.name + ".spdx.json")
    environment = ctx.files._environment[0]
    ctx.actions.run(
        executable = environment.path + "/bin/python",
        arguments = [
            "-m",
            "deploy.images.bazel",
            ctx.attr.image,
            listing.path,
            archive.path,
            bill.path,
        ],
        inputs = files + [listing, environment] + ctx.files._builder,
        outputs = [archive, bill],
        mnemonic = "OciImage",
        env = {"PYTHONPATH": "."},
        use_default_shell_env = True,
        # Debian's packages are fetched by apt, which knows the machine's sources.
        execution_requirements = {"no-sandbox": "1", "requires-network": "1"},
    )
    return [DefaultInfo(files = depset([archive, bill]))]

mesh_image = rule(
    implementation = _mesh_image_impl,
    attrs = {
        "library": attr.label(providers = [PyInfo]),
        "image": attr.string(doc = "a name of deploy/images/catalogue.py"),
        "_environment": attr.label(default = "@wheels//:environment", allow_files = True),
        "_builder": attr.label(default = "//deploy:image_builder"),
    },
)
