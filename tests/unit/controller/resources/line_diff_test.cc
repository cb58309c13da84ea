#include "controller/resources/line_diff.h"

#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace dbfleet::controller {
namespace {

using Lines = std::vector<std::string>;

TEST(LineDiffTest, EqualTextsHaveNoDifference) {
  EXPECT_TRUE(DiffLines("a\nb\n", "a\nb\n").empty());
  EXPECT_TRUE(DiffLines("", "").empty());
}

TEST(LineDiffTest, AChangedLineIsTakenOutAndPutIn) {
  EXPECT_EQ(DiffLines("a\nb\nc\n", "a\nx\nc\n"), (Lines{" a", "-b", "+x", " c"}));
}

TEST(LineDiffTest, EverythingIsNewOrGone) {
  EXPECT_EQ(DiffLines("", "a\nb\n"), (Lines{"+a", "+b"}));
  EXPECT_EQ(DiffLines("a\nb\n", ""), (Lines{"-a", "-b"}));
}

TEST(LineDiffTest, OfTwoEqualLinesOneStays) {
  EXPECT_EQ(DiffLines("a\na\nb\n", "a\nb\n"), (Lines{" a", "-a", " b"}));
}

// Of random texts: the kept and removed lines are the old text, the kept and added ones the new.
TEST(LineDiffTest, TheLinesTellBothTexts) {
  std::mt19937 random(20261121);
  const auto text = [&] {
    Lines lines;
    for (size_t i = random() % 9; i > 0; --i) lines.push_back(std::string(1, 'a' + random() % 3));
    return lines.empty() ? "" : absl::StrCat(absl::StrJoin(lines, "\n"), "\n");
  };
  for (int round = 0; round < 2000; ++round) {
    const std::string before = text(), after = text();
    std::string removed, added;
    for (const std::string& line : DiffLines(before, after)) {
      if (line[0] != '+') absl::StrAppend(&removed, line.substr(1), "\n");
      if (line[0] != '-') absl::StrAppend(&added, line.substr(1), "\n");
    }
    if (before == after) continue;
    EXPECT_EQ(removed, before);
    EXPECT_EQ(added, after);
  }
}

// Two manifests of 50,000 lines would want ten gigabytes.
TEST(LineDiff, WhatIsTooLargeToCompareIsShownWhole) {
  std::string before = "first\n", after = "first\n";
  for (int i = 0; i < 5000; ++i) {
    absl::StrAppend(&before, "a", i, "\n");
    absl::StrAppend(&after, "b", i, "\n");
  }
  const Lines diff = DiffLines(before + "last\n", after + "last\n");
  ASSERT_EQ(diff.size(), 10002u);
  EXPECT_EQ(diff.front(), " first");
  EXPECT_EQ(diff[1], "-a0");
  EXPECT_EQ(diff[5001], "+b0");
  EXPECT_EQ(diff.back(), " last");
}

}  // namespace
}  // namespace dbfleet::controller
