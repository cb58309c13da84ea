#!/usr/bin/env python3
"""Every rule finds what it is for, and nothing in a tree that keeps them."""

import pathlib
import tempfile
import unittest

import include_rules_test

GOOD = {
    "common/base/CMakeLists.txt": "dbfleet_module(DEPS absl::status)\n",
    "common/base/text.h": "#pragma once\n",
    "common/time/CMakeLists.txt": "dbfleet_module(DEPS common_base)  # Real time.\n",
    "common/time/clock.h": "#pragma once\n",
    "common/time/clock.cc": "auto t = absl::Now();\n",
    "common/sql/CMakeLists.txt": "dbfleet_module(DEPS common_base)\n",
    "common/sql/sql.cc": '#include "common/base/text.h"\n// absl::Now() and throw in a comment\n',
    "agent/CMakeLists.txt": "dbfleet_binary(a main.cc DEPS agent_link)\n",
    "agent/main.cc": '#include "agent/link/link.h"\n',
    "agent/link/CMakeLists.txt": "dbfleet_module(DEPS common_time dbfleet_grpc)\n",
    "agent/link/link.h": '#include "common/base/text.h"\n#include "dbfleet/work/v1/work.pb.h"\n',
    "agent/link/link.cc": '#include "dbfleet/agent/v1/link_service.grpc.pb.h"\n',
    "controller/domain/CMakeLists.txt": "dbfleet_module(DEPS common_base)\n",
    "controller/domain/types.cc": 'const char* k = "throw absl::Mutex";\nint n = 1\'000;\n',
    "tests/unit/common/sql/sql_test.cc": "\n",
}


class RulesTest(unittest.TestCase):
    def problems(self, changes):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**GOOD, **changes}.items():
                file = pathlib.Path(root, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return include_rules_test.Tree(root).check()

    def assert_found(self, changes, *parts):
        problems = self.problems(changes)
        self.assertTrue(any(all(p in problem for p in parts) for problem in problems),
                        f"{parts} not in {problems}")

    def test_a_tree_that_keeps_the_rules_has_no_violations(self):
        self.assertEqual(self.problems({}), [])

    def test_agent_and_controller_do_not_include_each_other(self):
        self.assert_found({"controller/domain/types.cc": '\n#include "agent/link/link.h"\n'},
                          "controller/domain/types.cc:2:", "agent/link/link.h")
        self.assert_found({"agent/link/link.cc": '#include "controller/domain/types.h"\n'},
                          "agent/link/link.cc:1:")

    def test_common_includes_neither(self):
        self.assert_found({"common/sql/sql.cc": '#include "agent/link/link.h"\n'},
                          "common/sql/sql.cc:1:", "below both")

    def test_deps_point_downwards(self):
        self.assert_found({"common/sql/CMakeLists.txt": "dbfleet_module(DEPS agent_link)\n"},
                          "depends on agent_link")

    def test_modules_have_no_cycle(self):
        self.assert_found({"common/base/CMakeLists.txt": "dbfleet_module(DEPS common_sql)\n"},
                          "common/base/CMakeLists.txt:1:", "no cycles")

    def test_an_include_needs_its_module_in_deps(self):
        self.assert_found({"common/sql/sql.cc": '#include "common/time/clock.h"\n'},
                          "without a way to common_time")
        self.assert_found({"agent/main.cc": '#include "common/sql/sql.h"\n'},
                          "without a way to common_sql")
        self.assert_found({"common/time/clock.cc": '#include "dbfleet/work/v1/work.pb.h"\n'},
                          "without a way to dbfleet_proto")

    def test_stubs_stay_in_their_folders(self):
        self.assert_found({"common/time/clock.cc": '#include "dbfleet/api/v1/a.grpc.pb.h"\n'},
                          "gRPC stubs")

    def test_pure_folders_stay_pure(self):
        for include in ('"dbfleet/work/v1/work.pb.h"', '"common/time/clock.h"', "<fstream>",
                        "<sys/stat.h>", '"common/base/files.h"'):
            self.assert_found({"common/sql/sql.cc": f"#include {include}\n"}, "is pure")

    def test_raw_mutexes_are_found(self):
        for word in ("absl::Mutex mu;", "std::mutex mu;", "std::condition_variable cv;"):
            self.assert_found({"agent/link/link.cc": word + "\n"}, "link.cc:1:", "ThreadSanitizer")

    def test_real_time_is_found(self):
        for word in ("absl::Now()", "std::chrono::system_clock::now()", "sleep(1)", "usleep (1)",
                     "absl::SleepFor(d)", "std::this_thread::sleep_for(d)", "time(nullptr)"):
            self.assert_found({"agent/link/link.cc": word + ";\n"}, "take a Clock")

    def test_exceptions_are_found(self):
        for word in ("throw 1;", "try { f(); }", "} catch (...) {"):
            self.assert_found({"agent/link/link.cc": word + "\n"}, "absl::Status")
        self.assertEqual(self.problems({"agent/link/link.cc": "// try { throw }\n"}), [])

    def test_long_files_are_found(self):
        self.assert_found({"agent/link/link.h": "\n" * 201}, "link.h:201:")
        self.assert_found({"agent/link/link.cc": "\n" * 601}, "link.cc:601:")

    def test_tests_mirror_sources(self):
        self.assert_found({"tests/unit/common/nowhere/x_test.cc": "\n"}, "no module common/nowhere")
        self.assert_found({"tests/unit/common/sql/helper.cc": "\n"}, "would not be built")

    def test_a_folder_without_module_is_found(self):
        self.assert_found({"agent/lost/lost.cc": "\n"}, "lies in no module")

    def test_paths_of_a_machine_are_found(self):
        self.assert_found({"docs/guide.md": "see /" + "work/main\n"}, "docs/guide.md:1:")
        self.assertEqual(self.problems({"docs/guide.md": "dbfleet/" + "work/v1\n"}), [])


if __name__ == "__main__":
    unittest.main()
