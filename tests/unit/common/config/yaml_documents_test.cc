#include "common/config/yaml_documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dbfleet::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kAll = 1000;

TEST(YamlDocumentsTest, WithoutADividerTheTextIsOneDocument) {
  EXPECT_THAT(SplitYamlDocuments("a: 1\nb: 2\n", kAll), ElementsAre("a: 1\nb: 2\n"));
}

TEST(YamlDocumentsTest, EachDocumentKeepsItsLinesOfTheWholeText) {
  EXPECT_THAT(SplitYamlDocuments("---\na: 1\n---\nb: 2\n", kAll),
              ElementsAre("   \na: 1\n", "\n\n   \nb: 2\n"));
}

TEST(YamlDocumentsTest, WhatStandsBehindADividerBelongsToItsDocument) {
  EXPECT_THAT(SplitYamlDocuments("a: 1\n--- # the second\nb: 2", kAll),
              ElementsAre("a: 1\n", "\n    # the second\nb: 2\n"));
}

TEST(YamlDocumentsTest, DocumentsOfCommentsAndEmptyLinesAreLeftOut) {
  EXPECT_THAT(SplitYamlDocuments("# a file\n---\n\n---\na: 1\n---\n# nothing\n", kAll),
              ElementsAre("\n\n\n   \na: 1\n"));
  EXPECT_THAT(SplitYamlDocuments("", kAll), IsEmpty());
  EXPECT_THAT(SplitYamlDocuments("---\n---\n", kAll), IsEmpty());
}

TEST(YamlDocumentsTest, DashesThatAreNoDividerStay) {
  const std::string text = "a: ---\nb:\n  ---x\n----\n --- \n";
  EXPECT_THAT(SplitYamlDocuments(text, kAll), ElementsAre(text));
}

TEST(YamlDocumentsTest, BehindTheLastThatIsWantedItDoesNotLook) {
  EXPECT_THAT(SplitYamlDocuments("a: 1\n---\nb: 2\n---\nc: 3\n", 2),
              ElementsAre("a: 1\n", "\n   \nb: 2\n"));
}

}  // namespace
}  // namespace dbfleet::config
