#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "absl/strings/match.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/audit/export.h"
#include "common/audit/record.h"
#include "tests/unit/controller/cli/cli_fixture.h"

namespace dbfleet::cli {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST_F(CliTest, UsageErrorsAreTwoAndHelpIsZero) {
  EXPECT_EQ(RunCli({}), 2);
  EXPECT_EQ(RunCli({"nonsense"}), 2);
  EXPECT_EQ(RunCli({"job"}), 2);
  EXPECT_EQ(RunCli({"job", "get"}), 2);
  EXPECT_EQ(RunCli({"job", "get", "a", "b"}), 2);
  EXPECT_EQ(RunCli({"job", "list", "--kind", "dance"}), 2);
  EXPECT_EQ(RunCli({"job", "list", "--state", "dancing"}), 2);
  EXPECT_EQ(RunCli({"job", "list", "-o", "xml"}), 2);
  EXPECT_EQ(RunCli({"job", "wait", "x", "--timeout", "soon"}), 2);
  EXPECT_EQ(RunCli({"backup", "run", "x", "--timeout", "5m"}), 2);
  EXPECT_EQ(RunCli({"job", "resolve", "x", "--as", "maybe", "--reason", "r"}), 2);
  EXPECT_EQ(RunCli({"job", "resolve", "x", "--as", "applied"}), 2);
  EXPECT_EQ(RunCli({"login", "--server", "x:1", "--token-file", "-"}), 2);
  EXPECT_EQ(RunCli({"change", "submit", "--dir", "d", "-e", "e", "-i", "i", "-d", "x", "--client"}),
            2);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(RunCli({"change", "submit", "--help"}), 0);
  EXPECT_THAT(out_, HasSubstr("--approve-destructive"));
  EXPECT_EQ(err_, "");
}

TEST_F(CliTest, AnEscapeInAnArgumentIsNotEchoedRaw) {
  EXPECT_EQ(RunCli({"\x1b[2J"}), 2);
  EXPECT_THAT(err_, Not(HasSubstr("\x1b")));
}

TEST_F(CliTest, ListsFollowEveryPageInEveryForm) {
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    controller_.instances.emplace_back().set_name(absl::StrCat("instances/", name));
  }
  controller_.instances[0].set_endpoint("\x1b[2J");
  EXPECT_EQ(RunCli({"instance", "list", "-o", "name"}), 0);
  EXPECT_EQ(out_, "instances/a\ninstances/b\ninstances/c\ninstances/d\ninstances/e\n");
  EXPECT_EQ(RunCli({"-o", "jsonl", "instance", "list"}), 0);
  EXPECT_EQ(std::count(out_.begin(), out_.end(), '\n'), 5);
  EXPECT_EQ(RunCli({"instance", "list", "--output=json"}), 0);
  EXPECT_THAT(out_, StartsWith("[\n"));
  EXPECT_EQ(RunCli({"instance", "list", "-o", "yaml"}), 0);
  EXPECT_THAT(out_, StartsWith("- name: \"instances/a\"\n"));
  EXPECT_EQ(RunCli({"instance", "list", "-o", "wide"}), 0);
  EXPECT_THAT(out_, HasSubstr("ENDPOINT"));
  EXPECT_THAT(out_, Not(HasSubstr("\x1b")));
  EXPECT_EQ(RunCli({"instance", "list"}), 0);
  EXPECT_THAT(out_, Not(HasSubstr("ENDPOINT")));
}

TEST_F(CliTest, ErrorsAreSaidOnStderrWithTheirReason) {
  EXPECT_EQ(RunCli({"job", "get", "unknown"}), 1);
  EXPECT_EQ(out_, "");
  EXPECT_EQ(err_, "dbfleet: no such job [JOB_NOT_FOUND]\n");
  controller_.next_error = Error(absl::StatusCode::kPermissionDenied, "ROLE_MISSING", "no\x1b[2J");
  EXPECT_EQ(RunCli({"job", "get", "01J"}), 4);
  EXPECT_THAT(err_, Not(HasSubstr("\x1b")));
}

TEST_F(CliTest, WithoutLoginTheErrorSaysHow) {
  env_["DBFLEET_CONFIG"] = folder_ + "/none.json";
  EXPECT_EQ(RunCli({"whoami"}), 4);
  EXPECT_THAT(err_, HasSubstr("dbfleet login --server"));
}

TEST_F(CliTest, TheEnvironmentChoosesContextAndToken) {
  env_["DBFLEET_TOKEN_FILE"] = Write("token", "dbft_WRONG\n");
  EXPECT_EQ(RunCli({"whoami"}), 4);
  Write("token", absl::StrCat(kToken, "\n"));
  EXPECT_EQ(RunCli({"whoami"}), 0);
  env_["DBFLEET_CONTEXT"] = "other";
  EXPECT_EQ(RunCli({"whoami"}), 1);
  EXPECT_EQ(RunCli({"whoami", "--context", "default"}), 0);
}

TEST_F(CliTest, LoginTriesTheTokenBeforeKeepingIt) {
  env_["DBFLEET_CONFIG"] = folder_ + "/new/config.json";
  const std::string ca = Write("ca.pem", "CA");
  EXPECT_EQ(
      RunCli({"login", "--server", "c:1", "--token-file", "-", "--ca-file", ca}, "dbft_WRONG\n"),
      4);
  EXPECT_FALSE(std::filesystem::exists(env_["DBFLEET_CONFIG"]));
  EXPECT_EQ(
      RunCli({"login", "--server", "c:1", "--token-file", "-", "--ca-file", ca, "--name", "prod"},
             absl::StrCat(kToken, "\n")),
      0);
  EXPECT_THAT(err_, HasSubstr("as users/ada"));
  EXPECT_EQ(RunCli({"context", "show", "-o", "name"}), 0);
  EXPECT_EQ(out_, "prod\n");
  EXPECT_EQ(RunCli({"context", "list", "-o", "json"}), 0);
  EXPECT_THAT(out_, Not(HasSubstr("CANARY")));
  EXPECT_EQ(RunCli({"context", "use", "nothing"}), 1);
}

TEST_F(CliTest, ALoginThatChangesWhereCommandsGoSaysSo) {
  env_["DBFLEET_CONFIG"] = folder_ + "/new/config.json";
  const std::string ca = Write("ca.pem", "CA");
  const auto login = [&](const std::string& name) {
    return RunCli(
        {"login", "--server", "c:1", "--token-file", "-", "--ca-file", ca, "--name", name},
        absl::StrCat(kToken, "\n"));
  };
  EXPECT_EQ(login("dev"), 0);
  EXPECT_EQ(login("dev"), 0);
  EXPECT_THAT(err_, Not(HasSubstr("from now on"))) << "they went there before";
  EXPECT_EQ(login("prod"), 0);
  EXPECT_THAT(err_,
              HasSubstr("Commands go there from now on, and no longer to the context \"dev\"; "
                        "to go back: dbfleet context use dev"));
}

TEST_F(CliTest, AWriteIsRetriedWithTheSameRequestId) {
  controller_.unavailable_times = 2;
  EXPECT_EQ(RunCli({"job", "resolve", "01J", "--as", "not-applied", "--reason", "looked"}), 0);
  ASSERT_EQ(controller_.request_ids.size(), 3u);
  EXPECT_FALSE(controller_.request_ids[0].empty());
  EXPECT_EQ(controller_.request_ids[0], controller_.request_ids[2]);
  EXPECT_EQ(controller_.resolved.resolution(), api::v1::ResolveTaskRequest::RESOLUTION_NOT_APPLIED);
  EXPECT_EQ(controller_.resolved.name(), "jobs/01J");
}

TEST_F(CliTest, ACallThatAStoppingControllerCutsOffIsTriedAgain) {
  controller_.unavailable_code = grpc::StatusCode::CANCELLED;
  controller_.unavailable_times = 2;
  EXPECT_EQ(RunCli({"job", "get", "01J"}), 0);
  controller_.unavailable_times = 100;
  EXPECT_EQ(RunCli({"job", "get", "01J"}), 7);
  EXPECT_THAT(err_, HasSubstr("the controller ended the call"));
}

TEST_F(CliTest, AControllerThatStaysAwayIsUnreachable) {
  controller_.unavailable_times = 100;
  EXPECT_EQ(RunCli({"job", "get", "01J"}), 7);
  EXPECT_THAT(err_, HasSubstr("cannot be reached at controller:7443"));
}

TEST_F(CliTest, ApprovingNeedsTheDigestThatWasSeen) {
  EXPECT_EQ(RunCli({"change", "approve", "01J"}), 2);
  EXPECT_THAT(err_, HasSubstr("--digest is needed"));
  EXPECT_EQ(RunCli({"change", "approve", "01J", "--digest", "abcdef01234"}), 2);
  EXPECT_EQ(RunCli({"change", "approve", "01J", "--digest", "zzzzzzzzzzzzzz"}), 2);
  EXPECT_EQ(RunCli({"change", "approve", "01J", "--digest", "abcdef012345ffff"}), 6);
  EXPECT_EQ(controller_.approved.digest(), "");
  EXPECT_EQ(RunCli({"change", "approve", "01J", "--digest", "ABCDEF012345"}), 0);
  EXPECT_EQ(controller_.approved.digest(), kDigest);
  EXPECT_THAT(err_, HasSubstr("dbfleet: still missing: needs 1 approval\n"));
  controller_.job.clear_blockers();
  EXPECT_EQ(RunCli({"change", "approve", "01J", "--digest", "ABCDEF012345"}), 0);
  EXPECT_THAT(err_, Not(HasSubstr("missing")));
}

TEST_F(CliTest, OnATerminalThePlanIsShownAndOnlyYesApproves) {
  EXPECT_EQ(RunCli({"change", "approve", "01J"}, "y\n", true), 1);
  EXPECT_EQ(RunCli({"change", "approve", "01J"}, "", true), 1);
  EXPECT_EQ(controller_.approved.digest(), "");
  EXPECT_EQ(RunCli({"change", "approve", "01J"}, "yes\n", true), 0);
  EXPECT_THAT(err_, HasSubstr(kDigest));
  EXPECT_EQ(controller_.approved.digest(), kDigest);
}

TEST_F(CliTest, AnUnplannedChangeCannotBeApproved) {
  controller_.job.clear_digest();
  EXPECT_EQ(RunCli({"change", "approve", "01J", "--digest", "abcdef012345"}), 6);
  EXPECT_EQ(RunCli({"change", "approve", "01J"}, "yes\n", true), 6);
  EXPECT_EQ(controller_.approved.name(), "");
}

TEST_F(CliTest, WaitingSaysEachStateOnceAndEndsWithTheJob) {
  controller_.watch_states = {Job::STATE_READY, Job::STATE_ROLLING, Job::STATE_ROLLING,
                              Job::STATE_SUCCEEDED};
  EXPECT_EQ(RunCli({"change", "wait", "01J", "-o", "name"}), 0);
  EXPECT_EQ(out_, "jobs/01J\n");
  EXPECT_EQ(err_,
            "jobs/01J: awaiting_approval\njobs/01J: waits for approvals\njobs/01J: ready\n"
            "jobs/01J: rolling\n"
            "jobs/01J: succeeded\n");
}

TEST_F(CliTest, WaitingReportsHowItEnded) {
  const std::map<Job::State, int> codes = {
      {Job::STATE_FAILED, 1}, {Job::STATE_ROLLED_BACK, 1}, {Job::STATE_REJECTED, 5}};
  for (const auto& [state, code] : codes) {
    controller_.job.set_state(Job::STATE_ROLLING);
    controller_.watch_states = {state};
    EXPECT_EQ(RunCli({"job", "wait", "01J"}), code);
  }
}

TEST_F(CliTest, AJobThatHasEndedIsNotWatched) {
  controller_.job.set_state(Job::STATE_FAILED);
  controller_.watch_states = {Job::STATE_SUCCEEDED};
  EXPECT_EQ(RunCli({"job", "wait", "01J"}), 1);
}

TEST_F(CliTest, ATimeOutSaysWhatBlocks) {
  controller_.hang_after_watch = true;
  EXPECT_EQ(RunCli({"change", "wait", "01J", "--timeout", "100ms"}), 9);
  EXPECT_THAT(err_, HasSubstr("timed out"));
  EXPECT_THAT(err_, HasSubstr("approvals: needs 1 approval"));
}

TEST_F(CliTest, NoBlockIsPendingWhenOnlyAPersonCanHelp) {
  EXPECT_EQ(RunCli({"change", "wait", "01J", "--no-block"}), 8);
  EXPECT_THAT(err_, HasSubstr("approvals: needs 1 approval"));
}

TEST_F(CliTest, NoBlockWaitsOnWhereAPausedJobGoesOnByItself) {
  controller_.job.set_state(Job::STATE_PAUSED);
  controller_.job.set_error_reason("FAILURE_BUDGET");
  EXPECT_EQ(RunCli({"job", "wait", "01J", "--no-block"}), 8);
  controller_.hang_after_watch = true;
  for (const char* reason : {"BETWEEN_WAVES", "WINDOW_CLOSED"}) {
    controller_.job.set_error_reason(reason);
    EXPECT_EQ(RunCli({"job", "wait", "01J", "--no-block", "--timeout", "100ms"}), 9) << reason;
  }
}

TEST_F(CliTest, ALifetimeIsAboveZero) {
  EXPECT_EQ(RunCli({"token", "create", "--ttl", "0s"}), 2);
  EXPECT_THAT(err_, HasSubstr("a time above 0 is wanted, not \"0s\""));
}

TEST_F(CliTest, NoBlockIsPendingInRecoveryUnlessSomethingStillRuns) {
  controller_.job.set_state(Job::STATE_ROLLING);
  controller_.job.clear_blockers();
  auto* blocker = controller_.job.add_blockers();
  blocker->set_rule("recovery");
  blocker->set_message("the controller is in RECOVERY");
  EXPECT_EQ(RunCli({"job", "wait", "01J", "--no-block"}), 8);
  EXPECT_THAT(err_, HasSubstr("recovery: the controller is in RECOVERY"));
  controller_.job.add_tasks()->add_attempts()->set_state(api::v1::Attempt::STATE_RUNNING);
  controller_.hang_after_watch = true;
  EXPECT_EQ(RunCli({"job", "wait", "01J", "--no-block", "--timeout", "100ms"}), 9);
}

TEST_F(CliTest, APauseIsToldOnce) {
  controller_.job.set_state(Job::STATE_PAUSED);
  controller_.job.set_error_reason("PAUSED");
  controller_.job.set_error_message("paused by users/ada: lunch");
  controller_.job.clear_blockers();
  auto* blocker = controller_.job.add_blockers();
  blocker->set_rule("paused");
  blocker->set_message("by users/ada: lunch");
  const auto times = [this](const std::string& text) {
    size_t count = 0;
    for (size_t at = out_.find(text); at != std::string::npos; at = out_.find(text, at + 1)) {
      ++count;
    }
    return count;
  };
  for (const char* verb : {"get", "explain"}) {
    ASSERT_EQ(RunCli({"job", verb, "01J"}), 0) << err_;
    EXPECT_EQ(times("by users/ada: lunch"), 1u) << out_;
    EXPECT_THAT(out_, HasSubstr("paused: by users/ada: lunch"));
  }
  controller_.job.set_error_reason("NEEDS_PERSON");
  controller_.job.set_error_message("nobody can say what took effect on instances/x: boom; look");
  blocker->set_message(controller_.job.error_message());
  auto* task = controller_.job.add_tasks();
  task->set_name("jobs/01J/tasks/T1");
  task->set_target("instances/x");
  task->set_state(api::v1::Task::STATE_NEEDS_PERSON);
  task->set_error_message("boom");
  for (const char* verb : {"get", "explain"}) {
    ASSERT_EQ(RunCli({"job", verb, "01J"}), 0) << err_;
    EXPECT_EQ(times("nobody can say what took effect"), 1u) << out_;
    EXPECT_THAT(out_, HasSubstr("boom; look there, then run: dbfleet job resolve"));
  }
}

TEST_F(CliTest, WhatGoesOnByItselfIsNotSaidToNeedAResume) {
  controller_.job.set_state(Job::STATE_PAUSED);
  for (const auto& [reason, wanted] : std::map<std::string, bool>{
           {"WINDOW_CLOSED", false}, {"BETWEEN_WAVES", false}, {"PAUSED", true}}) {
    controller_.job.set_error_reason(reason);
    ASSERT_EQ(RunCli({"job", "explain", "01J"}), 0) << err_;
    EXPECT_EQ(absl::StrContains(out_, "It goes on with: dbfleet job resume"), wanted) << reason;
  }
}

TEST_F(CliTest, WhatAPolicyChangeStoppedHalfWayIsNotSaidToGoOn) {
  controller_.job.set_state(Job::STATE_PAUSED);
  controller_.job.set_error_reason("BLOCKED_BY_POLICY");
  auto* blocker = controller_.job.add_blockers();
  blocker->set_rule("policy-changed");
  blocker->set_message("cancel it and submit it again for the rest");
  ASSERT_EQ(RunCli({"job", "explain", "01J"}), 0) << err_;
  EXPECT_THAT(out_, HasSubstr("submit it again for the rest"));
  EXPECT_THAT(out_, Not(HasSubstr("job resume")));
}

TEST_F(CliTest, ABrokenWatchIsOpenedAgain) {
  controller_.watch_states = {Job::STATE_ROLLING};
  controller_.job.set_state(Job::STATE_ROLLING);
  // The stream ends each time before the job does; a controller that keeps doing so is given up.
  EXPECT_EQ(RunCli({"job", "wait", "01J"}), 7);
  controller_.unavailable_times = 3;
  controller_.job.set_state(Job::STATE_ROLLING);
  controller_.watch_states = {Job::STATE_SUCCEEDED};
  EXPECT_EQ(RunCli({"job", "wait", "01J"}), 0);
}

TEST_F(CliTest, AJobThatCannotBeReadPrintsNothing) {
  EXPECT_EQ(RunCli({"job", "wait", "unknown"}), 1);
  EXPECT_EQ(out_, "");
}

TEST_F(CliTest, SubmitSendsTheFilesAsTheyAre) {
  std::filesystem::create_directory(folder_ + "/m");
  const std::string up = "-- \xc3\xbc\nALTER TABLE t ADD c INT;\r\n";
  Write("m/0001_add.up.sql", up);
  Write("m/0001_add.down.sql", "ALTER TABLE t DROP c;\n");
  EXPECT_EQ(RunCli({"change",
                    "submit",
                    "--dir",
                    folder_ + "/m",
                    "-e",
                    "production",
                    "-i",
                    "orders",
                    "--instance",
                    "instances/other",
                    "-d",
                    "shop",
                    "--client",
                    "--account",
                    "42",
                    "--approve-destructive",
                    "--fresh-backup",
                    "--out-of-order",
                    "--lock-timeout",
                    "3s",
                    "--title",
                    "T",
                    "--reason",
                    "R"}),
            0);
  const auto& request = controller_.submitted;
  ASSERT_EQ(request.files_size(), 2);
  const bool up_first = request.files(0).path() == "0001_add.up.sql";
  EXPECT_EQ(request.files(up_first ? 0 : 1).content(), up);
  ASSERT_EQ(request.instances_size(), 2);
  EXPECT_EQ(request.instances(0), "instances/orders");
  EXPECT_EQ(request.instances(1), "instances/other");
  EXPECT_EQ(request.database_kind(), work::v1::DATABASE_KIND_CLIENT);
  EXPECT_EQ(request.account_id(), "42");
  EXPECT_TRUE(request.approve_destructive());
  EXPECT_TRUE(request.allow_out_of_order());
  EXPECT_EQ(request.backup_gate(), api::v1::BACKUP_GATE_FRESH);
  EXPECT_EQ(request.lock_timeout().seconds(), 3);
  EXPECT_FALSE(request.has_statement_timeout());
  EXPECT_FALSE(request.plan_only());
}

TEST_F(CliTest, BadMigrationFilesAreNeverSent) {
  std::filesystem::create_directory(folder_ + "/m");
  Write("m/0001_add.up.sql", "SELECT 1;");
  EXPECT_EQ(RunCli({"change", "submit", "--dir", folder_ + "/m", "-e", "qa", "-i", "x", "-d", "y"}),
            2);
  EXPECT_EQ(
      RunCli({"change", "submit", "--dir", folder_ + "/none", "-e", "qa", "-i", "x", "-d", "y"}),
      1);
  EXPECT_TRUE(controller_.request_ids.empty());
}

TEST_F(CliTest, PlanWaitsAndShowsThePlan) {
  std::filesystem::create_directory(folder_ + "/m");
  Write("m/0001_add.up.sql", "SELECT 1;");
  Write("m/0001_add.down.sql", "SELECT 1;");
  controller_.job.set_state(Job::STATE_PLANNING);
  controller_.job.add_tasks()->mutable_result()->mutable_plan()->add_forward()->set_sql("SELECT 1");
  controller_.watch_states = {Job::STATE_SUCCEEDED};
  EXPECT_EQ(RunCli({"change", "plan", "--dir", folder_ + "/m", "-e", "qa", "-i", "x", "-d", "y"}),
            0);
  EXPECT_TRUE(controller_.submitted.plan_only());
  EXPECT_THAT(out_, HasSubstr("SELECT 1"));
}

TEST_F(CliTest, ATokenGoesToAPrivateFileWhenAsked) {
  const std::string file = folder_ + "/t";
  EXPECT_EQ(RunCli({"token", "create", "--out", file, "-o", "json"}), 0);
  EXPECT_THAT(out_, Not(HasSubstr("FRESH")));
  EXPECT_THAT(out_, HasSubstr("users/ada/tokens/T1"));
  auto secret = ReadSecretFile(file);
  ASSERT_TRUE(secret.ok()) << secret.status();
  EXPECT_EQ(secret->Reveal(), "dbft_FRESH");
  EXPECT_EQ(RunCli({"token", "create"}), 0);
  EXPECT_THAT(out_, HasSubstr("dbft_FRESH"));
}

TEST_F(CliTest, ATokenNeverReplacesWhatStandsInItsPlace) {
  const std::string file = Write("t", "dbft_OLD\n");
  controller_.request_ids.clear();
  EXPECT_EQ(RunCli({"token", "create", "--out", file}), 1);
  EXPECT_THAT(err_, HasSubstr("--overwrite"));
  EXPECT_EQ(*ReadFile(file), "dbft_OLD\n");
  std::filesystem::create_symlink(file, folder_ + "/link");
  EXPECT_EQ(RunCli({"token", "create", "--out", folder_ + "/link", "--overwrite"}), 1);
  EXPECT_EQ(RunCli({"token", "create", "--out", "/dev/null", "--overwrite"}), 1);
  EXPECT_EQ(RunCli({"token", "create", "--out", folder_ + "/none/t"}), 1);
  EXPECT_TRUE(controller_.request_ids.empty()) << "no token was made";
  EXPECT_EQ(RunCli({"token", "create", "--out", file, "--overwrite"}), 0) << err_;
  EXPECT_EQ(*ReadFile(file), "dbft_FRESH\n");
}

TEST_F(CliTest, AnExportFollowsLinksAndLeavesDevicesAlone) {
  const std::string target = Write("real.jsonl", "old\n", 0640);
  std::filesystem::create_symlink("real.jsonl", folder_ + "/link.jsonl");
  ASSERT_EQ(RunCli({"audit", "export", "--out", folder_ + "/link.jsonl"}), 0) << err_;
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ + "/link.jsonl"));
  EXPECT_NE(*ReadFile(target), "old\n");
  EXPECT_EQ(std::filesystem::status(target).permissions(), std::filesystem::perms(0640));
  // A file system node that swallows nothing, and one that swallows everything.
  controller_.records.resize(1);
  EXPECT_EQ(RunCli({"audit", "export", "--out", "/dev/full"}), 1) << err_;
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/full"));
  EXPECT_EQ(RunCli({"audit", "export", "--out", "/dev/null"}), 0) << err_;
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  EXPECT_EQ(RunCli({"audit", "export", "--out", folder_}), 1);
}

TEST_F(CliTest, HashesAreHexInEveryForm) {
  api::v1::AuditRecord& record = controller_.records.emplace_back();
  record.set_seq(1);
  record.set_hash(std::string("\xab\x01", 2));
  for (const char* form : {"json", "jsonl", "yaml"}) {
    EXPECT_EQ(RunCli({"audit", "list", "-o", form}), 0);
    EXPECT_THAT(out_, HasSubstr("\"ab01\"")) << form;
  }
}

TEST_F(CliTest, MalformedHashesAndFingerprintsAreWrongUsage) {
  EXPECT_EQ(RunCli({"audit", "verify", "-", "--trusted-seq", "1", "--trusted-hash", "zz"}), 2);
  EXPECT_EQ(RunCli({"login", "--server", "x:1", "--token-file", Write("tok", "dbft_X\n"),
                    "--ca-fingerprint", "abcd"}),
            2);
  EXPECT_THAT(err_, HasSubstr("64 hexadecimal digits"));
}

TEST_F(CliTest, AnEndedChangeIsNotAskedAbout) {
  controller_.job.set_state(Job::STATE_SUCCEEDED);
  EXPECT_EQ(RunCli({"change", "approve", "01J"}, "yes\n", /*terminal=*/true), 6);
  EXPECT_THAT(err_, HasSubstr("has ended"));
  EXPECT_THAT(err_, Not(HasSubstr("Approve this?")));
}

TEST_F(CliTest, AChangeWithNothingToDoSaysSo) {
  controller_.job.set_state(Job::STATE_SUCCEEDED);
  controller_.job.mutable_spec()->mutable_migrate()->add_versions("0001");
  auto* task = controller_.job.add_tasks();
  task->set_state(api::v1::Task::STATE_SKIPPED);
  task->mutable_plan()->set_nothing_to_do(true);
  EXPECT_EQ(RunCli({"job", "wait", "01J"}), 0);
  EXPECT_THAT(out_, HasSubstr("nothing to do: 0001 is applied already"));
}

TEST_F(CliTest, AStepThatItsTransactionTookBackIsNotCalledFailed) {
  auto* step = controller_.job.add_tasks()->add_steps();
  step->set_state(work::v1::STEP_STATE_FAILED);
  step->set_error("taken back together with its transaction");
  EXPECT_EQ(RunCli({"job", "get", "01J"}), 0);
  EXPECT_THAT(out_, HasSubstr("step 1: taken back"));
  EXPECT_THAT(out_, Not(HasSubstr("failed")));
}

TEST_F(CliTest, AWaitThatTimesOutNamesTheRunningStep) {
  controller_.job.set_state(Job::STATE_ROLLING);
  auto* task = controller_.job.add_tasks();
  task->set_target("instances/db/databases/shop");
  task->set_state(api::v1::Task::STATE_ACTIVE);
  auto* planned = task->mutable_plan()->add_forward();
  planned->set_file("0001_a.up.sql");
  planned->set_line(3);
  task->add_steps()->set_state(work::v1::STEP_STATE_RUNNING);
  EXPECT_EQ(RunCli({"job", "wait", "01J", "--timeout", "10ms"}), 9);
  EXPECT_THAT(err_, HasSubstr("instances/db/databases/shop, step 1 of 1 (0001_a.up.sql:3)"));
}

// A chain of `count` records as the controller would send it.
std::vector<api::v1::AuditRecord> Chain(int count) {
  std::vector<api::v1::AuditRecord> chain;
  std::string previous = audit::GenesisHash();
  for (int i = 1; i <= count; ++i) {
    audit::Record record;
    record.seq = i;
    record.time = absl::FromUnixSeconds(1'800'000'000 + i);
    record.actor = "users/ada";
    record.action = "change.submit";
    record.resource = "jobs/01J";
    record.details = {{"title", "x"}};
    record.previous_hash = previous;
    api::v1::AuditRecord& out = chain.emplace_back();
    out.set_seq(record.seq);
    out.mutable_record_time()->set_seconds(1'800'000'000 + i);
    out.set_actor(record.actor);
    out.set_action(record.action);
    out.set_resource(record.resource);
    (*out.mutable_details())["title"] = "x";
    out.set_previous_hash(previous);
    out.set_canonical(audit::CanonicalBytes(record));
    out.set_hash(previous = audit::HashOf(record));
  }
  return chain;
}

TEST_F(CliTest, AnExportVerifiesOfflineAndAnAlteredOneNamesItsRecord) {
  controller_.records = Chain(3);
  const std::string file = folder_ + "/audit.jsonl";
  ASSERT_EQ(RunCli({"audit", "export", "--out", file}), 0) << err_;
  server_->Shutdown();
  env_["DBFLEET_CONFIG"] = folder_ + "/none.json";
  EXPECT_EQ(RunCli({"audit", "verify", file}), 0);
  EXPECT_THAT(out_, HasSubstr("OK: 3 records, 1 to 3"));
  std::string text = *ReadFile(file);
  text.replace(text.find("users/ada", text.find('\n')), 9, "users/eve");
  EXPECT_EQ(RunCli({"audit", "verify", "-"}, text), 1);
  EXPECT_THAT(out_, HasSubstr("BAD: record 2 (line 2)"));
  EXPECT_EQ(RunCli({"audit", "verify", "-", "-o", "json"}, text), 1);
  EXPECT_THAT(out_, HasSubstr("\"badSeq\": 2"));
}

TEST_F(CliTest, AnExportThatBreaksOffLeavesNoFile) {
  controller_.records = Chain(2);
  const std::string file = folder_ + "/audit.jsonl";
  // Enter lets the call in; its end is the error.
  struct Breaks : FakeController {
    grpc::Status ExportAudit(Context*, const api::v1::ExportAuditRequest*,
                             grpc::ServerWriter<api::v1::AuditRecord>* writer) override {
      for (const auto& record : Chain(2)) writer->Write(record);
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone");
    }
  } breaks;
  server_->Shutdown();
  grpc::ServerBuilder builder;
  builder.RegisterService(static_cast<api::v1::AuditService::Service*>(&breaks));
  server_ = builder.BuildAndStart();
  EXPECT_EQ(RunCli({"audit", "export", "--out", file}), 7);
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_FALSE(std::filesystem::exists(file + ".part"));
  server_->Shutdown();
}

TEST_F(CliTest, OutputThatCannotBeWrittenIsAFailure) {
  std::ofstream full("/dev/full");
  std::istringstream in;
  std::ostringstream err;
  World world;
  world.in = &in;
  world.out = &full;
  world.err = &err;
  world.clock = clock_.get();
  world.env = [](const char*) { return std::nullopt; };
  EXPECT_EQ(cli::Run(std::move(world), {"completion", "bash"}), 1);
  EXPECT_THAT(err.str(), HasSubstr("could not be written"));
}

TEST_F(CliTest, CompletionKnowsEveryVerb) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_EQ(RunCli({"completion", shell}), 0);
    for (const char* word : {"login", "approve", "resolve", "drain", "approve-destructive"}) {
      EXPECT_THAT(out_, HasSubstr(word)) << shell;
    }
  }
  EXPECT_EQ(RunCli({"completion", "tcsh"}), 2);
}

TEST_F(CliTest, VersionNeedsNoController) {
  EXPECT_EQ(RunCli({"version", "--client"}), 0);
  EXPECT_THAT(out_, StartsWith("CLIENT"));
}

}  // namespace
}  // namespace dbfleet::cli
