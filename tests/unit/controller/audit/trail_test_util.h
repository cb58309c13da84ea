#pragma once

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "controller/audit/audit_keys.h"
#include "controller/audit/checkpointer.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/inline_executor.h"
#include "tests/fakes/memory_store.h"
#include "tests/fakes/read_from.h"

namespace dbfleet::controller {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "dbfleet-audit-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A store with a trail, its keys, and what signs it.
class TrailTest : public ::testing::Test {
 protected:
  TrailTest() {
    keys_ = AuditKeys::Open(folder_.path(), "x/audit", true, clock_.Now()).value();
    executor_ = std::make_unique<InlineExecutor>();
  }

  void OpenCheckpointer() {
    checkpointer_.reset();
    auto opened = Checkpointer::Open({}, store_, *keys_, clock_, *executor_, metrics_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    checkpointer_ = *std::move(opened);
  }

  void Append(int count) {
    ASSERT_TRUE(
        store_
            .MutateAndWait([&](WriteTx& tx) -> absl::Status {
              for (int i = 0; i < count; ++i) {
                if (auto s = tx.AppendAudit({"users/ada", "test", "jobs/x", "qa", {}}); !s.ok()) {
                  return s;
                }
              }
              return absl::OkStatus();
            })
            .ok());
  }

  TemporaryFolder folder_;
  FakeClock clock_;
  MemoryStore store_{&clock_, 100};
  metrics::Registry metrics_;
  std::unique_ptr<AuditKeys> keys_;
  std::unique_ptr<InlineExecutor> executor_;
  std::unique_ptr<Checkpointer> checkpointer_;
};

}  // namespace dbfleet::controller
