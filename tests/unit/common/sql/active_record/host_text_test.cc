#include "common/sql/active_record/host_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/sql/active_record/method_table.h"
#include "common/sql/active_record/model_query.h"

namespace dbfleet::sql {
namespace {

TEST(HostTextTest, ExpressionsOfPlaceholdersAreClean) {
  for (absl::string_view code : {
           "implode(',', array_fill(0, count($ids), '?'))",
           "join(\", \", array_fill(0, sizeof($this->ids), \"?\"))",
           "str_repeat('?,', count($ids) - 1)",
           "rtrim(str_repeat('?, ', count($ids)), ', ')",
           "substr(str_repeat('(?,?),', count($rows)), 0, -1)",
           "(['?'] * ids.size).join(', ')",
           "['?'] * 3.join(',')",
           "ids.map { '?' }.join(',')",
           "params.ids.collect { |i| \"?\" }.join(\", \")",
           "Array.new(ids.length, '?').join(',')",
           "Array.new(3) { '?' }.join(',')",
       }) {
    EXPECT_TRUE(GivesPlaceholders(code)) << code;
  }
}

TEST(HostTextTest, ExpressionsThatHoldValuesAreNot) {
  for (absl::string_view code : {
           "",
           "$ids",
           "'?'",
           "implode(',', $ids)",
           "implode('?', $ids)",
           "implode($x, array_fill(0, count($ids), '?'))",
           "implode(',', array_fill(0, count($ids), '?' . $x))",
           "implode(',', array_fill(0, evil($ids), '?'))",
           "implode(',', array_fill(0, count($ids), $x ? '?' : $y))",
           "str_repeat($x . '?,', count($ids))",
           "ids.join(',')",
           "ids.join('?')",
           "ids.map { |i| i }.join('?')",
           "ids.map { |i| \"?#{i}\" }.join(',')",
           "(['?', x] * 3).join(',')",
           "x ? '?' : y",
       }) {
    EXPECT_FALSE(GivesPlaceholders(code)) << code;
  }
  EXPECT_FALSE(GivesPlaceholders(std::string(100000, '?')));
}

TEST(ModelQueryTest, PlaceholdersBecomeValuesOutsideOfQuotes) {
  EXPECT_EQ(FillPlaceholders("a = ? AND b = :name"), "a = 1 AND b = 1");
  EXPECT_EQ(FillPlaceholders("a = '?' AND b = ':x' AND `?` = \"?\""),
            "a = '?' AND b = ':x' AND `?` = \"?\"");
  EXPECT_EQ(FillPlaceholders("a::text, @x := 1, '12:30'"), "a::text, @x := 1, '12:30'");
}

TEST(ModelQueryTest, TablesFollowTheConvention) {
  EXPECT_EQ(TableOf("User"), "users");
  EXPECT_EQ(TableOf("OrderItem"), "order_items");
  EXPECT_EQ(TableOf("Shop::Category"), "categories");
  EXPECT_EQ(TableOf("\\App\\Models\\Box"), "boxes");
  EXPECT_EQ(TableOf("Day"), "days");
}

TEST(MethodTableTest, MethodsOfTheRequirementHaveTheirKindsAndClasses) {
  const std::tuple<const char*, Kind, Safety> cases[] = {
      {"find", Kind::kInspection, Safety::kSafe},
      {"count", Kind::kInspection, Safety::kSafe},
      {"first", Kind::kInspection, Safety::kSafe},
      {"all", Kind::kInspection, Safety::kSafe},
      {"find_by_sql", Kind::kInspection, Safety::kSafe},
      {"find_by_email", Kind::kInspection, Safety::kSafe},
      {"create", Kind::kDataFix, Safety::kDestructive},
      {"find_or_create_by_name", Kind::kDataFix, Safety::kDestructive},
      {"update_all", Kind::kDataFix, Safety::kDestructive},
      {"update_attributes", Kind::kDataFix, Safety::kDestructive},
      {"delete", Kind::kDataFix, Safety::kDestructive},
      {"delete_all", Kind::kDataFix, Safety::kDestructive},
      {"transaction", Kind::kControl, Safety::kDestructive},
      {"QUERY", Kind::kControl, Safety::kDestructive},
  };
  for (const auto& [name, kind, safety] : cases) {
    const ModelMethod* method = FindModelMethod(name);
    ASSERT_NE(method, nullptr) << name;
    EXPECT_EQ(method->kind, kind) << name;
    EXPECT_EQ(method->safety, safety) << name;
  }
  EXPECT_EQ(FindModelMethod("frobnicate"), nullptr);
  EXPECT_EQ(FindModelMethod("update")->role, MethodRole::kUpdate);
  EXPECT_EQ(FindConnectionMethod("update")->role, MethodRole::kRaw);
}

TEST(MethodTableTest, NothingThatWritesIsSafe) {
  for (const ModelMethod& method : ModelMethods()) {
    EXPECT_FALSE(method.note.empty()) << method.name;
    EXPECT_FALSE(NameOf(method.role).empty());
    const bool reads = method.role == MethodRole::kRead || method.role == MethodRole::kRefine ||
                       method.role == MethodRole::kRawRead ||
                       method.role == MethodRole::kConnection ||
                       method.role == MethodRole::kInMemory;
    EXPECT_EQ(method.safety == Safety::kSafe, reads) << method.name;
  }
}

}  // namespace
}  // namespace dbfleet::sql
