#include "agent/exec/record.h"

#include <gtest/gtest.h>

#include <csignal>

#include "common/base/status.h"

namespace dbfleet::agent {
namespace {

StoredSpec ExampleSpec() {
  StoredSpec spec;
  spec.id = "0123";
  spec.pipeline.commands = {{{"/bin/a", "-x", "with space", "\"quoted\"\n"}, {{"LC_ALL", "C"}}},
                            {{"/bin/b"}, {}}};
  spec.pipeline.stdin_path = "/in";
  spec.pipeline.stdout_path = "/out";
  spec.pipeline.working_folder = "/work";
  return spec;
}

ProcessStatus Process(const std::string& program, int exit_code, int signal, int order) {
  ProcessStatus process;
  process.program = program;
  process.exit_code = signal != 0 ? -1 : exit_code;
  process.signal = signal;
  process.end_order = order;
  return process;
}

TEST(RecordTest, SpecificationSurvivesTheRoundTrip) {
  const StoredSpec spec = ExampleSpec();
  const absl::StatusOr<std::string> json = SpecToJson(spec);
  ASSERT_TRUE(json.ok()) << json.status();
  const absl::StatusOr<StoredSpec> read = SpecFromJson(*json);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->id, spec.id);
  ASSERT_EQ(read->pipeline.commands.size(), 2u);
  EXPECT_EQ(read->pipeline.commands[0].argv, spec.pipeline.commands[0].argv);
  EXPECT_EQ(read->pipeline.commands[0].env, spec.pipeline.commands[0].env);
  EXPECT_EQ(read->pipeline.stdin_path, "/in");
  EXPECT_EQ(read->pipeline.stdout_path, "/out");
  EXPECT_EQ(read->pipeline.working_folder, "/work");
}

TEST(RecordTest, SpecificationsThatCannotBePassedToAChildAreRefused) {
  StoredSpec spec = ExampleSpec();
  spec.pipeline.commands[0].argv[1] = "\xff";
  EXPECT_EQ(ReasonOf(SpecToJson(spec).status()), "BAD_ARGUMENT");
  spec = ExampleSpec();
  spec.pipeline.commands[1].argv = {"relative"};
  EXPECT_EQ(ReasonOf(SpecToJson(spec).status()), "BAD_PIPELINE");
  spec = ExampleSpec();
  spec.pipeline.commands.clear();
  EXPECT_EQ(ReasonOf(SpecToJson(spec).status()), "BAD_PIPELINE");
}

TEST(RecordTest, StatusSurvivesTheRoundTripAndStderrBecomesPrintable) {
  PipelineStatus status;
  status.processes = {Process("dump", 2, 0, 1), Process("zstd", 0, SIGKILL, 2)};
  status.processes[0].stderr_tail = "bad\x1b[31m \xff line\nnext";
  status.stdout_bytes = 42;
  status.stdout_sha256 = "ab";
  status.stdout_error = "DISK_FULL: write";
  const absl::StatusOr<PipelineStatus> read = StatusFromJson(StatusToJson(status));
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->processes.size(), 2u);
  EXPECT_EQ(read->processes[0].exit_code, 2);
  EXPECT_EQ(read->processes[0].stderr_tail, "bad\\x1b[31m \\xff line\nnext");
  EXPECT_EQ(read->processes[1].signal, SIGKILL);
  EXPECT_EQ(read->processes[1].exit_code, -1);
  EXPECT_EQ(read->processes[1].end_order, 2);
  EXPECT_EQ(read->stdout_bytes, 42);
  EXPECT_EQ(read->stdout_sha256, "ab");
  EXPECT_EQ(read->stdout_error, "DISK_FULL: write");
}

TEST(RecordTest, BrokenRecordsAreErrorsAndNeverSuccess) {
  PipelineStatus status;
  status.processes = {Process("dump", 0, 0, 1)};
  const std::string good = StatusToJson(status);
  ASSERT_TRUE(StatusFromJson(good)->ok());
  for (
      const std::string& bad :
      {std::string(), std::string("{}"), good.substr(0, good.size() / 2), std::string("[1]"),
       std::string(
           R"({"version":1,"processes":[],"stdout_bytes":0,"stdout_sha256":"","stdout_error":""})"),
       std::string(R"({"version":2,"processes":[]})")}) {
    EXPECT_EQ(ReasonOf(StatusFromJson(bad).status()), "BROKEN_RECORD") << bad;
  }
}

TEST(PipelineStatusTest, OkNeedsEveryProcessAndTheOutput) {
  PipelineStatus status;
  EXPECT_FALSE(status.ok()) << "no process at all";
  status.processes = {Process("a", 0, 0, 1), Process("b", 0, 0, 2)};
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.Problem(), "");
  status.stdout_error = "DISK_FULL: write /x";
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.Problem(), "DISK_FULL: write /x");
  status.stdout_error.clear();
  status.processes[0].exit_code = 1;
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.Problem(), "a exited with status 1");
}

TEST(PipelineStatusTest, TheProblemIsTheCauseAndNotItsConsequence) {
  PipelineStatus status;
  status.processes = {Process("dump", 0, SIGPIPE, 1), Process("zstd", 1, 0, 2)};
  status.processes[1].stderr_tail = "zstd: no space\n";
  EXPECT_EQ(status.Problem(), "zstd exited with status 1: zstd: no space");

  status.processes = {Process("dump", 5, 0, 2), Process("zstd", 0, SIGKILL, 1)};
  EXPECT_EQ(status.Problem(), "zstd was killed by signal 9 (Killed)");

  status.processes = {Process("dump", 0, SIGTERM, 1), Process("zstd", -1, 0, 2)};
  status.processes[1].error = "cannot start /bin/zstd: No such file or directory";
  EXPECT_EQ(status.Problem(), "cannot start /bin/zstd: No such file or directory");
}

}  // namespace
}  // namespace dbfleet::agent
