#include "common/config/yaml_documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dbfleet::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kAll = 1000;

YamlDocument At(int lines_before, const std::string& text) { return {text, lines_before}; }

TEST(YamlDocumentsTest, WithoutADividerTheTextIsOneDocument) {
  EXPECT_THAT(SplitYamlDocuments("a: 1\nb: 2\n", kAll), ElementsAre(At(0, "a: 1\nb: 2\n")));
}

TEST(YamlDocumentsTest, EachDocumentKeepsItsLinesOfTheWholeText) {
  EXPECT_THAT(SplitYamlDocuments("---\na: 1\n---\nb: 2\n", kAll),
              ElementsAre(At(0, "   \na: 1\n"), At(2, "   \nb: 2\n")));
}

TEST(YamlDocumentsTest, WhatStandsBehindADividerBelongsToItsDocument) {
  EXPECT_THAT(SplitYamlDocuments("a: 1\n--- # the second\nb: 2", kAll),
              ElementsAre(At(0, "a: 1\n"), At(1, "    # the second\nb: 2\n")));
}

TEST(YamlDocumentsTest, DocumentsOfCommentsAndEmptyLinesAreLeftOut) {
  EXPECT_THAT(SplitYamlDocuments("# a file\n---\n\n---\na: 1\n---\n# nothing\n", kAll),
              ElementsAre(At(3, "   \na: 1\n")));
  EXPECT_THAT(SplitYamlDocuments("", kAll), IsEmpty());
  EXPECT_THAT(SplitYamlDocuments("---\n---\n", kAll), IsEmpty());
}

TEST(YamlDocumentsTest, DashesThatAreNoDividerStay) {
  const std::string text = "a: ---\nb:\n  ---x\n----\n --- \n";
  EXPECT_THAT(SplitYamlDocuments(text, kAll), ElementsAre(At(0, text)));
}

TEST(YamlDocumentsTest, BehindTheLastThatIsWantedItDoesNotLook) {
  EXPECT_THAT(SplitYamlDocuments("a: 1\n---\nb: 2\n---\nc: 3\n", 2),
              ElementsAre(At(0, "a: 1\n"), At(1, "   \nb: 2\n")));
}

TEST(YamlDocumentsTest, InPlaceEachLineHasItsNumberOfTheWholeText) {
  EXPECT_EQ(At(2, "   \nb: 2\n").InPlace(), "\n\n   \nb: 2\n");
}

TEST(YamlDocumentsTest, WhatStandsBeforeADocumentIsNotCopiedIntoIt) {
  std::string text(40'000, '\n');
  for (int i = 0; i < 700; ++i) text += "---\na: 1\n";
  const std::vector<YamlDocument> documents = SplitYamlDocuments(text, kAll);
  ASSERT_EQ(documents.size(), 700u);
  for (const YamlDocument& document : documents) ASSERT_LT(document.text.size(), 20u);
  EXPECT_EQ(documents.back(), At(40'000 + 2 * 699, "   \na: 1\n"));
}

}  // namespace
}  // namespace dbfleet::config
