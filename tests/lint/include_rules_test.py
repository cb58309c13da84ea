#!/usr/bin/env python3
"""Checks a source tree against rules.py: include_rules_test.py ROOT

Prints one line per violation, "file:line: what (why)", and exits with 1 if there is any.
"""

import pathlib
import re
import sys

import rules

SOURCE_FOLDERS = ("agent", "common", "controller", "tests")
MODULE_FOLDERS = ("agent", "common", "controller")
SKIPPED_FOLDERS = {".git", "build", "node_modules", "__pycache__"}
TEXT_ENDINGS = {".h", ".cc", ".cmake", ".txt", ".proto", ".py", ".sh", ".md", ".json", ".yaml",
                ".yml", ".sql", ".service", ".ts", ".html", ".css", ""}


def within(path, allowed):
    return any(path.startswith(a) if a.endswith("/") else path == a for a in allowed)


def without_comments(text, keep_strings):
    """The text with comments (and what stands in literals) blanked; line breaks stay."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^\s()\\]{0,16})\(.*?\)(?P=tag)"'
        r'|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
        re.DOTALL)

    def blank(match):
        found = match.group(0)
        if keep_strings and not found.startswith("/"):
            return found
        return re.sub(r"[^\n]", " ", found)

    return pattern.sub(blank, text)


class Tree:
    def __init__(self, root):
        self.root = pathlib.Path(root).resolve()
        self.problems = []
        self.files = sorted(self._files())
        self.sources = [f for f in self.files
                        if f.split("/")[0] in SOURCE_FOLDERS and f.endswith((".h", ".cc"))]
        self.text = {f: (self.root / f).read_text(errors="replace") for f in self.sources}
        self.modules = {}    # Folder -> names in DEPS.
        self.binaries = {}   # Path of a main file -> names in DEPS.
        self._read_cmake()

    def _files(self):
        folders = [self.root]
        while folders:
            for entry in sorted(folders.pop().iterdir()):
                if entry.is_symlink():
                    continue
                if entry.is_dir():
                    if entry.name not in SKIPPED_FOLDERS:
                        folders.append(entry)
                elif entry.suffix in TEXT_ENDINGS:
                    yield entry.relative_to(self.root).as_posix()

    def _read_cmake(self):
        for file in self.files:
            if not file.endswith("CMakeLists.txt") or file.split("/")[0] not in MODULE_FOLDERS:
                continue
            folder = file.rpartition("/")[0]
            text = re.sub(r"#[^\n]*", "", (self.root / file).read_text())
            for call in re.finditer(r"\bdbfleet_module\(([^)]*)\)", text):
                deps = re.search(r"\bDEPS\b(.*?)(\bTEST_DEPS\b|$)", call.group(1), re.DOTALL)
                self.modules[folder] = deps.group(1).split() if deps else []
            for call in re.finditer(r"\bdbfleet_binary\(\s*\S+\s+(\S+)\s+DEPS\b([^)]*)\)", text):
                self.binaries[f"{folder}/{call.group(1)}"] = call.group(2).split()

    def report(self, file, line, what, why):
        self.problems.append(f"{file}:{line}: {what} ({why})")

    def includes(self, file):
        code = without_comments(self.text[file], keep_strings=True)
        for number, line in enumerate(code.split("\n"), 1):
            found = re.match(r'\s*#\s*include\s*(["<][^">]+[">])', line)
            if found:
                yield number, found.group(1)

    # The modules ------------------------------------------------------------------------------

    def folder_of(self, library):
        return next((f for f in self.modules if f.replace("/", "_") == library), None)

    def reachable(self, deps):
        seen, waiting = set(), list(deps)
        while waiting:
            library = waiting.pop()
            if library in seen:
                continue
            seen.add(library)
            if library == "dbfleet_grpc":
                waiting.append("dbfleet_proto")
            waiting.extend(self.modules.get(self.folder_of(library), []))
        return seen

    def check_modules(self):
        for folder, deps in self.modules.items():
            file = f"{folder}/CMakeLists.txt"
            for dep in deps:
                target = self.folder_of(dep)
                for who, whom, why in rules.NEVER:
                    if target and f"{folder}/".startswith(who) and f"{target}/".startswith(whom):
                        self.report(file, 1, f"depends on {dep}", why)
            if folder.replace("/", "_") in self.reachable(deps):
                self.report(file, 1, f"{folder} depends on itself, through {' '.join(deps)}",
                            "the modules are layers: no cycles")

    def check_includes(self):
        for file in self.sources:
            top, folder = file.split("/")[0], file.rpartition("/")[0]
            main = re.search(r"(^|/)main[^/]*\.cc$", file) is not None
            deps = None
            if top != "tests":
                if main and file in self.binaries:
                    deps = self.binaries[file]
                elif folder in self.modules:
                    deps = [folder.replace("/", "_")]
                elif not main:
                    self.report(file, 1, "lies in no module",
                                "a folder without dbfleet_module is never built")
            reach = self.reachable(deps) if deps is not None else None
            for number, include in self.includes(file):
                self.check_include(file, number, include, reach)

    def check_include(self, file, number, include, reach):
        path = include[1:-1]
        for who, whom, why in rules.NEVER:
            if file.startswith(who) and path.startswith(whom):
                self.report(file, number, f"includes {path}", why)
        if path.endswith(".grpc.pb.h") and not within(file, rules.GRPC_STUBS_IN):
            self.report(file, number, f"includes {path}",
                        "gRPC stubs belong to the API, the link, common/rpc and the CLI")
        if within(file, rules.PURE):
            for pattern, what in rules.NOT_PURE:
                if re.match(pattern, include):
                    self.report(file, number, f"includes {path}",
                                f"this folder is pure and does without {what}")
        if reach is None or include[0] == "<":
            return
        needed = None
        if path.endswith(".pb.h"):
            needed = "dbfleet_grpc" if path.endswith(".grpc.pb.h") else "dbfleet_proto"
        elif path in rules.HEADER_ONLY and rules.HEADER_ONLY[path] in reach:
            return
        elif path.split("/")[0] in MODULE_FOLDERS:
            needed = path.rpartition("/")[0].replace("/", "_")
        if needed and needed not in reach:
            self.report(file, number, f"includes {path} without a way to {needed}",
                        "DEPS of dbfleet_module is the dependency table: add it there, if the "
                        "layers allow it")

    # The rest ---------------------------------------------------------------------------------

    def check_words(self):
        for file in self.sources:
            code = without_comments(self.text[file], keep_strings=False).split("\n")
            for pattern, allowed, why in rules.WORDS:
                if within(file, allowed):
                    continue
                for number, line in enumerate(code, 1):
                    found = re.search(pattern, line)
                    if found:
                        self.report(file, number, f"uses {found.group(0).strip()}", why)

    def check_sizes(self):
        for file in self.sources:
            limit = rules.line_limit(file)
            lines = self.text[file].count("\n")
            if lines > limit:
                self.report(file, limit + 1, f"has {lines} lines, more than {limit}",
                            "split it by meaning")

    def check_mirrors(self):
        for file in self.sources:
            for kind, ending in rules.MIRRORS.items():
                if file.startswith(tuple(rules.PROGRAMS)) or (
                        not file.startswith(kind + "/") or not file.endswith(".cc")):
                    continue
                folder = file[len(kind) + 1:].rpartition("/")[0]
                if folder not in self.modules:
                    self.report(file, 1, f"there is no module {folder}",
                                "tests mirror the sources, and only modules' tests are built")
                if not file.endswith(ending):
                    self.report(file, 1, f"does not end in {ending}", "it would not be built")

    def check_machine_paths(self):
        for file in self.files:
            text = (self.root / file).read_text(errors="replace")
            for pattern in rules.MACHINE_PATHS:
                for found in re.finditer(pattern, text):
                    line = text.count("\n", 0, found.start()) + 1
                    self.report(file, line, f"names {found.group(0)}",
                                "paths of one machine mean nothing on another")

    def check(self):
        self.check_modules()
        self.check_includes()
        self.check_words()
        self.check_sizes()
        self.check_mirrors()
        self.check_machine_paths()
        return self.problems


def main():
    if len(sys.argv) != 2:
        print("usage: include_rules_test.py ROOT", file=sys.stderr)
        return 2
    tree = Tree(sys.argv[1])
    if not tree.modules or not tree.sources:
        print(f"{sys.argv[1]} has no modules: is it the right folder?", file=sys.stderr)
        return 2
    problems = tree.check()
    for problem in problems:
        print(problem)
    print(f"{len(tree.sources)} sources in {len(tree.modules)} modules, {len(problems)} violations")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
