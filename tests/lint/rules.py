"""The rules that the source tree keeps, in one place: what, where, and why.

include_rules_test.py applies them. An exception is a line in one of the allow-lists below, with its
reason; there are no markers in the sources. A path that ends in "/" means the folder and all below.
"""

# (1) Who may never include whom.
NEVER = [
    ("controller/", "agent/", "the two talk only through the protocol"),
    ("agent/", "controller/", "the two talk only through the protocol"),
    ("common/", "controller/", "common is below both"),
    ("common/", "agent/", "common is below both"),
]

# (2) Headers without a library behind them: what including one needs instead of its module. The
# module common/concurrency stands above some that lock.
HEADER_ONLY = {"common/concurrency/mutex.h": "absl::synchronization"}

# (3) Stubs cost seconds of compilation per file and tie code to the transport.
GRPC_STUBS_IN = ["controller/api/", "controller/cli/", "agent/link/", "common/rpc/", "tests/"]

# (4) Folders of pure functions: values in, values out.
PURE = ["controller/domain/", "controller/policy/", "controller/rules/", "controller/schedules/",
        "controller/windows/",
        "common/cron/", "common/sql/"]
NOT_PURE = [
    (r'"[^"]*\.pb\.h"', "protocol messages"),
    (r'"common/time/clock\.h"', "a clock: time comes in as a parameter"),
    (r'"common/base/files\.h"', "files"),
    (r'"common/(log|metrics|http|rpc)/', "logging, metrics or the network"),
    (r"<(fstream|iostream|filesystem|thread|cstdio|stdio\.h|unistd\.h|fcntl\.h)>", "I/O"),
    (r"<(sys|netinet|arpa)/", "I/O"),
]

# What may stand in code only in some places. Comments and string literals do not count.
# (pattern, where it is allowed, reason)
WORDS = [
    # (5)
    (r"\babsl::(Mutex|MutexLock|ReaderMutexLock|WriterMutexLock|CondVar)\b"
     r"|\bstd::(mutex|shared_mutex|recursive_mutex|timed_mutex|condition_variable\w*)\b",
     ["common/concurrency/",
      # Stands below every other module.
      "common/base/failpoint.cc"],
     "use common/concurrency/mutex.h: ThreadSanitizer cannot see into the others"),
    # (6)
    (r"\babsl::(Now|SleepFor)\s*\(|\babsl::GetCurrentTimeNanos\b"
     r"|\bstd::chrono::(system_clock|steady_clock|high_resolution_clock)\b"
     r"|\b(sleep|usleep|nanosleep|clock_nanosleep|gettimeofday|clock_gettime)\s*\("
     r"|\bsleep_(for|until)\s*\(|(?<![\w.>:])time\s*\(\s*(nullptr|NULL|0)\s*\)",
     ["common/time/",
      # The supervisor outlives the agent and has no composition root that could give it a clock.
      "agent/exec/main.cc",
      # gRPC's deadlines are in real time.
      "tests/unit/common/rpc/", "tests/unit/agent/link/",
      # Real servers run in real time.
      "tests/mini/", "tests/integration/", "tests/e2e/", "tests/chaos/", "tests/bench/"],
     "take a Clock (common/time), so that tests can turn it"),
    # (7)
    (r"\b(throw|catch)\b|\btry\s*\{",
     ["agent/engines/",        # Drivers throw; it ends there.
      "agent/app/", "controller/app/",   # Last resort around a whole process.
      "common/http/",          # Boost.Beast.
      "common/config/",        # yaml-cpp.
      "common/log/",           # spdlog.
      "controller/cli/",       # CLI11, yaml-cpp.
      "common/metrics/",       # prometheus-cpp.
      "common/concurrency/executor.cc",  # Last resort around a task.
      "common/audit/",         # nlohmann-json, as below.
      "agent/exec/", "agent/actions/backup/", "agent/actions/verify/",
      "controller/store/sqlite/",
      "tests/"],
     "errors are absl::Status; what a library throws is caught where it is called"),
]

# (8) Above this a file has grown a second subject.
MAX_LINES = {".h": 200, ".cc": 600}
LONGER = {"controller/domain/types.h": 330}   # The domain's whole vocabulary, data only.

MAX_TEST_HEADER = 400   # A fixture is read with its tests, not instead of them.


def line_limit(file):
    if file in LONGER:
        return LONGER[file]
    if file.startswith("tests/") and file.endswith(".h"):
        return MAX_TEST_HEADER
    return MAX_LINES["." + file.rpartition(".")[2]]


# (9) tests/<kind>/<folder> mirrors <folder>; only files with this ending are built.
# Programs among the tests, built by a CMakeLists.txt of their own.
PROGRAMS = ["tests/bench/fleet/", "tests/bench/floors/", "tests/bench/growth/"]
MIRRORS = {"tests/unit": "_test.cc", "tests/integration": "_test.cc", "tests/bench": "_bench.cc"}

# (10) A path of the machine on which it was written. Put together, so as not to find itself.
MACHINE_PATHS = [r"(?<![\w.})*-])/" + r"work/", r"(?<![\w.})-])/" + r"root/\."]
