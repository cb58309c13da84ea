#include "common/plan/digest_tree.h"

#include <algorithm>
#include <functional>
#include <random>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace dbfleet {
namespace {

JobDigestInput Input(size_t targets) {
  JobDigestInput input{"migrate", "p", "q", "r", {}};
  for (size_t i = 0; i < targets; ++i) {
    input.targets.push_back({absl::StrCat("instances/", i), absl::StrCat("digest ", i)});
  }
  return input;
}

JobDigestInput Alone(const JobDigestInput& input, size_t i) {
  JobDigestInput alone = input;
  alone.targets = {input.targets[i]};
  return alone;
}

TEST(JobDigestTree, EachTargetOfAnyNumberFindsTheJobsDigestFromItsPlace) {
  for (const size_t count : {1, 2, 3, 5, 64, 65, 100, 127, 128, 129, 1000}) {
    const JobDigestInput input = Input(count);
    const JobDigestTree tree(input);
    EXPECT_EQ(JobDigest(input) == tree.digest(), count > kMaxListedTargets) << count;
    for (size_t i = 0; i < count; ++i) {
      const auto place = tree.Find(input.targets[i].target, input.targets[i].digest);
      ASSERT_TRUE(place.has_value()) << i << " of " << count;
      EXPECT_EQ(JobDigestFromPlace(Alone(input, i), *place).value(), tree.digest());
    }
  }
}

TEST(JobDigestTree, TheOrderOfTheTargetsDoesNotMatter) {
  JobDigestInput input = Input(100);
  const std::string digest = JobDigest(input);
  std::shuffle(input.targets.begin(), input.targets.end(), std::mt19937(3));
  EXPECT_EQ(JobDigest(input), digest);
}

TEST(JobDigestTree, FollowsEveryInput) {
  const JobDigestInput base = Input(100);
  const std::function<void(JobDigestInput&)> changes[] = {
      [](JobDigestInput& in) { in.job_kind = "x"; },
      [](JobDigestInput& in) { in.params_sha256 = "x"; },
      [](JobDigestInput& in) { in.policy_digest = "x"; },
      [](JobDigestInput& in) { in.rollout = "x"; },
      [](JobDigestInput& in) { in.targets[99].target = "x"; },
      [](JobDigestInput& in) { in.targets[50].digest = "x"; },
      [](JobDigestInput& in) { in.targets.pop_back(); },
      [](JobDigestInput& in) { in.targets.push_back(in.targets[0]); },
      [](JobDigestInput& in) { std::swap(in.targets[0].digest, in.targets[1].digest); },
  };
  for (size_t i = 0; i < std::size(changes); ++i) {
    JobDigestInput changed = base;
    changes[i](changed);
    EXPECT_NE(JobDigest(changed), JobDigest(base)) << i;
  }
}

TEST(JobDigestTree, AnotherTargetOrDigestHasNoPlace) {
  const JobDigestTree tree(Input(100));
  EXPECT_FALSE(tree.Find("instances/7", "digest 8").has_value());
  EXPECT_FALSE(tree.Find("instances/100", "digest 100").has_value());
  EXPECT_FALSE(tree.Find("", "").has_value());
  EXPECT_FALSE(JobDigestTree(Input(0)).Find("", "").has_value());
}

TEST(JobDigestTree, APlaceThatWasAlteredDoesNotGiveTheDigest) {
  const JobDigestInput input = Input(100);
  const JobDigestTree tree(input);
  const TargetPlace right = *tree.Find("instances/42", "digest 42");
  const std::function<void(JobDigestInput&, TargetPlace&)> changes[] = {
      [](JobDigestInput& in, TargetPlace&) { in.targets[0].target = "instances/43"; },
      [](JobDigestInput& in, TargetPlace&) { in.targets[0].digest = "digest 43"; },
      [](JobDigestInput& in, TargetPlace&) { in.targets.clear(); },
      [](JobDigestInput& in, TargetPlace&) { in.targets.push_back(in.targets[0]); },
      [](JobDigestInput& in, TargetPlace&) { in.policy_digest = "x"; },
      [](JobDigestInput&, TargetPlace& place) { ++place.index; },
      [](JobDigestInput&, TargetPlace& place) { place.index = 1000; },
      [](JobDigestInput&, TargetPlace& place) { ++place.count; },
      [](JobDigestInput&, TargetPlace& place) { place.count = 0; },
      [](JobDigestInput&, TargetPlace& place) { place.path.pop_back(); },
      [](JobDigestInput&, TargetPlace& place) { place.path.push_back(place.path[0]); },
      [](JobDigestInput&, TargetPlace& place) { place.path[0][0] ^= 1; },
      [](JobDigestInput&, TargetPlace& place) { place.path[0].clear(); },
      [](JobDigestInput&, TargetPlace& place) { place.root[31] ^= 1; },
      [](JobDigestInput&, TargetPlace& place) { place.root.clear(); },
  };
  for (size_t i = 0; i < std::size(changes); ++i) {
    JobDigestInput changed = Alone(input, 42);
    TargetPlace place = right;
    changes[i](changed, place);
    const auto digest = JobDigestFromPlace(changed, place);
    EXPECT_FALSE(digest.ok() && *digest == tree.digest()) << i;
  }
}

}  // namespace
}  // namespace dbfleet
