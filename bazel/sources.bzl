"""Where the sources of a library lie, and under which name a program imports each."""

def write_source_listing(ctx, library):
    """Declare a file of lines `path<tab>path as imported`; returns it and the files it names."""
    info = library[PyInfo]
    runfiles = library[DefaultInfo].default_runfiles.files
    everything = depset(transitive = [info.transitive_sources, runfiles]).to_list()
    files = [f for f in everything if not f.short_path.startswith("../")]
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
    return listing, files
