#include "controller/domain/names.h"

#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "gtest/gtest.h"

namespace dbfleet::controller {
namespace {

template <typename T>
void ExpectEveryWordReadsBack(int count) {
  std::set<std::string> seen;
  for (int i = 0; i < count; ++i) {
    const T value = static_cast<T>(i);
    const absl::string_view name = NameOf(value);
    EXPECT_EQ(FromName<T>(name), value) << name;
    EXPECT_TRUE(seen.insert(std::string(name)).second) << name << " stands for two values";
    for (char c : name) EXPECT_TRUE(absl::ascii_islower(c) || c == '_') << name;
  }
  EXPECT_EQ(FromName<T>("no_such_word"), std::nullopt);
  EXPECT_EQ(FromName<T>(""), std::nullopt);
}

TEST(Names, EveryValueHasOneWordThatReadsBack) {
  ExpectEveryWordReadsBack<SafetyClass>(static_cast<int>(SafetyClass::kDestructive) + 1);
  ExpectEveryWordReadsBack<JobKind>(static_cast<int>(JobKind::kMigrate) + 1);
  ExpectEveryWordReadsBack<JobState>(static_cast<int>(JobState::kExpired) + 1);
  ExpectEveryWordReadsBack<TaskState>(static_cast<int>(TaskState::kRolledBack) + 1);
  ExpectEveryWordReadsBack<AttemptState>(static_cast<int>(AttemptState::kExpired) + 1);
  ExpectEveryWordReadsBack<Purpose>(static_cast<int>(Purpose::kExecute) + 1);
  ExpectEveryWordReadsBack<BackupGate>(static_cast<int>(BackupGate::kExisting) + 1);
  ExpectEveryWordReadsBack<Role>(static_cast<int>(Role::kAdmin) + 1);
  ExpectEveryWordReadsBack<Backup::State>(static_cast<int>(Backup::State::kSuspect) + 1);
}

TEST(Names, WordsAreCaseSensitive) { EXPECT_EQ(FromName<JobState>("READY"), std::nullopt); }

}  // namespace
}  // namespace dbfleet::controller
