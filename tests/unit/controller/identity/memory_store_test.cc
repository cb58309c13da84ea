#include "tests/fakes/memory_store.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "common/audit/record.h"
#include "common/base/status.h"
#include "tests/fakes/fake_clock.h"

namespace dbfleet::controller {
namespace {

class MemoryStoreTest : public testing::Test {
 protected:
  absl::Status InsertUser(const std::string& id) {
    return store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
      User user;
      user.id = id;
      RETURN_IF_ERROR(tx.InsertUser(&user));
      return tx.AppendAudit({"users/root", "user.create", "users/" + id, "", {}});
    });
  }

  FakeClock clock_;
  MemoryStore store_{&clock_};
};

TEST_F(MemoryStoreTest, AFailedMutationLeavesNeitherRowNorRecord) {
  ASSERT_TRUE(InsertUser("ada").ok());
  const absl::Status status = store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    User user;
    user.id = "bob";
    RETURN_IF_ERROR(tx.InsertUser(&user));
    EXPECT_TRUE(tx.GetUser("bob").ok());
    RETURN_IF_ERROR(tx.AppendAudit({"x", "y", "z", "", {}}));
    return absl::AbortedError("no");
  });
  EXPECT_TRUE(absl::IsAborted(status));
  EXPECT_TRUE(store_
                  .Read([](ReadTx& tx) {
                    EXPECT_TRUE(tx.GetUser("ada").ok());
                    EXPECT_EQ(ReasonOf(tx.GetUser("bob").status()), "USER_NOT_FOUND");
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(store_.Audit().size(), 1u);
  EXPECT_EQ(store_.commits(), 1);
}

TEST_F(MemoryStoreTest, TasksKeepTheOrderInWhichTheyWereInserted) {
  Job job;
  job.id = "J";
  const absl::Status inserted = store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    RETURN_IF_ERROR(tx.InsertJob(&job));
    for (const char* const id : {"t3", "t1", "t2"}) {
      Task task;
      task.id = id;
      task.job_id = "J";
      RETURN_IF_ERROR(tx.InsertTask(&task));
    }
    return absl::OkStatus();
  });
  ASSERT_TRUE(inserted.ok()) << inserted;
  const absl::Status read = store_.Read([](ReadTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(const std::vector<Task> all, tx.TasksOfJob("J"));
    EXPECT_EQ(all.size(), 3u);
    EXPECT_EQ(all.front().id, "t3");
    ASSIGN_OR_RETURN(const std::vector<Task> idle, tx.IdleTasks("J", 0, 2));
    EXPECT_EQ(idle.size(), 2u);
    EXPECT_EQ(idle.back().id, "t1");
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
}

TEST_F(MemoryStoreTest, UpdatesCheckAndRaiseTheVersion) {
  ASSERT_TRUE(InsertUser("ada").ok());
  User stale;
  const absl::Status status = store_.MutateAndWait([&](WriteTx& tx) -> absl::Status {
    ASSIGN_OR_RETURN(User user, tx.GetUser("ada"));
    stale = user;
    RETURN_IF_ERROR(tx.UpdateUser(&user));
    EXPECT_EQ(user.version, stale.version + 1);
    return tx.UpdateUser(&stale);
  });
  EXPECT_EQ(ReasonOf(status), "STALE");
}

TEST_F(MemoryStoreTest, TheTrailIsAChainOfRealHashes) {
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(InsertUser(id).ok());
  std::string previous = audit::GenesisHash();
  uint64_t seq = 0;
  for (const AuditRow& row : store_.Audit()) {
    EXPECT_EQ(row.seq, ++seq);
    EXPECT_EQ(row.previous_hash, previous);
    previous = row.hash;
  }
  EXPECT_EQ(seq, 3u);
}

TEST_F(MemoryStoreTest, PagesCoverEveryRowOnceAndTokensBelongToTheirListing) {
  for (char c = 'a'; c <= 'g'; ++c) ASSERT_TRUE(InsertUser(std::string(1, c)).ok());
  std::string seen;
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    PageRequest request;
    request.size = 3;
    do {
      ASSIGN_OR_RETURN(const Page<User> page, tx.ListUsers(request));
      for (const User& user : page.items) seen += user.id;
      request.token = page.next_token;
      if (!request.token.empty()) {
        EXPECT_EQ(ReasonOf(tx.ListAgents("", request).status()), "BAD_PAGE_TOKEN");
      }
    } while (!request.token.empty());
    request.token = "nonsense";
    EXPECT_EQ(ReasonOf(tx.ListUsers(request).status()), "BAD_PAGE_TOKEN");
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(seen, "abcdefg");
}

TEST_F(MemoryStoreTest, ACommitThatWasMadeToFailLeavesNothing) {
  store_.FailCommits(1, absl::UnavailableError("disk"));
  EXPECT_TRUE(absl::IsUnavailable(InsertUser("ada")));
  EXPECT_TRUE(store_.Audit().empty());
  EXPECT_TRUE(InsertUser("ada").ok());
}

TEST_F(MemoryStoreTest, ReadersKeepTheirSnapshot) {
  ASSERT_TRUE(InsertUser("ada").ok());
  const absl::Status status = store_.Read([&](ReadTx& tx) -> absl::Status {
    EXPECT_TRUE(InsertUser("bob").ok());
    EXPECT_FALSE(tx.GetUser("bob").ok());
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok());
}

}  // namespace
}  // namespace dbfleet::controller
