"""The macros every folder uses: mesh_library(), mesh_service(), mesh_tests().

Bazel's built-in Python rules are wrapped here once, so that a move to rules_python is one file.
"""

load("//bazel:image.bzl", "mesh_image")

_WHEELS = ["@wheels//:all"]

def mesh_library(name, deps = [], visibility = None, testonly = False, **kwargs):
    """A top-level folder that is its own package, and one test target per test file in it."""
    native.py_library(
        name = name,
        srcs = native.glob(["**/*.py"], exclude = ["**/tests/**"]),
        data = native.glob(["**/*"], exclude = ["**/*.py", "**/tests/**", "BUILD", "**/__pycache__/**"]),
        deps = deps + _WHEELS,
        testonly = testonly,
        visibility = visibility,
        **kwargs
    )

def mesh_tests(deps, package = "", slow = [], data = []):
    """One py_test per test file: identity/tests/test_core.py is :tests/test_core.

    The package's name is left out of a service's targets, so that no target's output lies inside a
    folder that another target's output file is named after. Tests run on this machine as it is,
    not in Bazel's sandbox: some make network namespaces, and all of them start faster.
    """
    prefix = package + "/" if package else ""
    fixtures = native.glob([prefix + "**/tests/**"], exclude = ["**/__pycache__/**"])
    for src in native.glob([prefix + "**/tests/test_*.py"]):
        native.py_test(
            name = src[len(prefix):-len(".py")],
            size = "large" if src in slow else "medium",
            srcs = ["//bazel:pytest_main.py"] + [f for f in fixtures if f.endswith(".py")],
            main = "//bazel:pytest_main.py",
            args = ["$(location %s)" % src],
            data = ["//:pyproject.toml"] + [f for f in fixtures if not f.endswith(".py")] + data,
            imports = ["."] if package else [],
            tags = ["no-sandbox"] + (["slow", "exclusive"] if src in slow else []),
            deps = deps + _WHEELS,
        )

def mesh_service(package, deps, test_deps = [], slow = [], data = []):
    """A deployable: //services/identity is its library, :server its binary, :image its image."""
    folder = native.package_name().rpartition("/")[2]
    native.py_library(
        name = folder,
        srcs = native.glob([package + "/**/*.py"], exclude = [package + "/**/tests/**"]),
        data = native.glob(
            [package + "/**/*"],
            exclude = [package + "/**/*.py", package + "/**/tests/**", "**/__pycache__/**"],
        ) + data,
        imports = ["."],
        deps = deps + _WHEELS,
        visibility = [
            "//bench:__pkg__",
            "//cli:__pkg__",
            "//deploy:__subpackages__",
            "//tests:__subpackages__",
        ],
    )
    native.py_binary(
        name = "server",
        srcs = [package + "/__main__.py"],
        main = package + "/__main__.py",
        deps = [":" + folder],
        visibility = ["//visibility:public"],
    )
    mesh_image(
        name = "image",
        image = folder,
        library = ":" + folder,
        tags = ["manual"],
    )
    mesh_tests(package = package, deps = [":" + folder, "//testkit"] + test_deps, slow = slow)
