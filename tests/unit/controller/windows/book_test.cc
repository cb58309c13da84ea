#include "controller/windows/book.h"

#include <gtest/gtest.h>

namespace dbfleet::controller {
namespace {

using Labels = std::map<std::string, std::string>;

DeclaredWindow Named(const std::string& name) {
  DeclaredWindow declared;
  declared.window.name = name;
  return declared;
}

std::vector<std::string> NamesFor(const WindowBook& book, const std::string& environment,
                                  const Labels& labels = {}) {
  std::vector<std::string> names;
  for (const Window& window : *book.For(environment, labels)) names.push_back(window.name);
  return names;
}

TEST(WindowBookTest, AWindowWithoutASelectorIsForEverything) {
  const WindowBook book({Named("all")});
  EXPECT_EQ(NamesFor(book, "production", {{"tier", "1"}}), std::vector<std::string>{"all"});
  EXPECT_EQ(NamesFor(book, "", {}), std::vector<std::string>{"all"});
}

TEST(WindowBookTest, AnyOfTheEnvironmentsAndAllOfTheLabelsHaveToFit) {
  DeclaredWindow declared = Named("w");
  declared.environments = {"qa", "production"};
  declared.labels = {{"tier", "1"}, {"team", "shop"}};
  const WindowBook book({declared});
  const Labels all = {{"tier", "1"}, {"team", "shop"}, {"zone", "b"}};
  EXPECT_EQ(NamesFor(book, "qa", all).size(), 1u);
  EXPECT_EQ(NamesFor(book, "production", all).size(), 1u);
  EXPECT_TRUE(NamesFor(book, "development", all).empty());
  EXPECT_TRUE(NamesFor(book, "qa", {{"tier", "1"}}).empty());
  EXPECT_TRUE(NamesFor(book, "qa", {{"tier", "2"}, {"team", "shop"}}).empty());
  EXPECT_TRUE(NamesFor(book, "qa").empty());
}

TEST(WindowBookTest, AnEmptyLabelIsNotAMissingOne) {
  DeclaredWindow declared = Named("w");
  declared.labels = {{"tier", ""}};
  const WindowBook book({declared});
  EXPECT_TRUE(NamesFor(book, "qa").empty());
  EXPECT_EQ(NamesFor(book, "qa", {{"tier", ""}}).size(), 1u);
}

TEST(WindowBookTest, TheSameWindowsAreTheSamePointerSoThatAFleetSharesOneLook) {
  DeclaredWindow production = Named("p");
  production.environments = {"production"};
  const WindowBook book({Named("all"), production});
  EXPECT_EQ(book.For("production", {{"a", "1"}}), book.For("production", {{"b", "2"}}));
  EXPECT_EQ(book.For("qa", {}), book.For("development", {}));
  EXPECT_NE(book.For("qa", {}), book.For("production", {}));
  EXPECT_EQ(NamesFor(book, "production"), (std::vector<std::string>{"all", "p"}));
}

TEST(WindowBookTest, AnEmptyBookHasNoWindowsForAnyone) {
  const WindowBook book({});
  EXPECT_TRUE(book.empty());
  ASSERT_NE(book.For("qa", {}), nullptr);
  EXPECT_TRUE(book.For("qa", {})->empty());
}

}  // namespace
}  // namespace dbfleet::controller
