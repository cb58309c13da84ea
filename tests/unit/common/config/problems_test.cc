#include "common/config/problems.h"

#include "gtest/gtest.h"

#include "common/base/status.h"

namespace dbfleet::config {
namespace {

constexpr char kText[] =
    "name: db1\n"
    "instances:\n"
    "  - name: a\n"
    "  - name: b\n"
    "    accounts:\n"
    "      inspect:\n"
    "        user: x\n";

std::string Told(absl::string_view field) {
  Problems problems("/etc/x.yaml", kText);
  problems.Add(field, "is bad");
  return std::string(problems.ToStatus().message());
}

TEST(Problems, EachHasThePlaceOfItsField) {
  EXPECT_EQ(Told("name"), "/etc/x.yaml:1:1: name: is bad");
  EXPECT_EQ(Told("instances[1].accounts.inspect.user"),
            "/etc/x.yaml:7:9: instances[1].accounts.inspect.user: is bad");
  EXPECT_EQ(Told("instances[0]"), "/etc/x.yaml:3:5: instances[0]: is bad");
}

TEST(Problems, AMissingFieldHasThePlaceOfWhatItIsMissingIn) {
  EXPECT_EQ(Told("instances[1].accounts.inspect.password_file"),
            "/etc/x.yaml:6:7: instances[1].accounts.inspect.password_file: is bad");
  EXPECT_EQ(Told("data_dir"), "/etc/x.yaml: data_dir: is bad");
  EXPECT_EQ(Told("instances[7].name"), "/etc/x.yaml:2:1: instances[7].name: is bad");
  EXPECT_EQ(Told("name.deeper"), "/etc/x.yaml:1:1: name.deeper: is bad");
}

TEST(Problems, TextThatCannotBeReadToItsEndHasNoPlaces) {
  // A map's key was read before the parse stopped, its value was not.
  for (const char* text : {"name: \"\\u00e:\n", "name: [a\n", "name: x\n--- y\n"}) {
    Problems problems("/etc/x.yaml", text);
    problems.Add("name.deeper", "is bad");
    EXPECT_EQ(problems.ToStatus().message(), "/etc/x.yaml: name.deeper: is bad") << text;
  }
}

TEST(Problems, WithoutAFileOnlyTheFieldIsNamed) {
  Problems problems;
  EXPECT_TRUE(problems.ToStatus().ok());
  problems.Add("lease", "is too short");
  problems.Note("name", absl::OkStatus());
  problems.Note("name", absl::InvalidArgumentError("is odd"));
  EXPECT_EQ(problems.ToStatus().message(), "lease: is too short\nname: is odd");
  EXPECT_EQ(ReasonOf(problems.ToStatus()), "BAD_CONFIG");
}

}  // namespace
}  // namespace dbfleet::config
