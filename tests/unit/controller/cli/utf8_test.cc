#include "controller/cli/utf8.h"

#include "gmock/gmock.h"

#include "dbfleet/api/v1/resource_service.pb.h"
#include "tests/unit/controller/cli/cli_fixture.h"

namespace dbfleet::cli {
namespace {

using testing::HasSubstr;

constexpr char kLatin1[] =
    "Gr\xFC\xDF"
    "e";

class Utf8Test : public CliTest {};

TEST_F(Utf8Test, WhatTheApiCannotCarryIsRefusedWithItsField) {
  EXPECT_EQ(RunCli({"job", "get", kLatin1}), 2);
  EXPECT_THAT(err_, HasSubstr("the request's name is not valid UTF-8"));
  EXPECT_EQ(RunCli({"job", "cancel", "jobs/01J", "--reason", kLatin1}), 2);
  EXPECT_THAT(err_, HasSubstr("the request's reason is not valid UTF-8"));
}

TEST_F(Utf8Test, OfAManifestItsLineIsSaid) {
  const std::string text = absl::StrCat("kind: X\nmetadata: {description: ", kLatin1, "}\n");
  const std::string path = Write("w.yaml", text);
  EXPECT_EQ(RunCli({"apply", "-f", path}), 2);
  EXPECT_THAT(err_, HasSubstr(absl::StrCat(path, ":2: the text is not valid UTF-8")));
  EXPECT_EQ(RunCli({"diff", "-f", "-"}, text), 2);
  EXPECT_THAT(err_, HasSubstr("stdin:2: the text is not valid UTF-8"));
  EXPECT_EQ(controller_.applied.manifests_size(), 0);
}

TEST_F(Utf8Test, EachTextOfAMessageIsLookedAtAndBytesAreNot) {
  api::v1::ApplyResourcesRequest request;
  request.add_manifests()->set_text(
      "Gr\xC3\xBC\xC3\x9F"
      "e");
  EXPECT_TRUE(RequireUtf8(request).ok());
  request.add_manifests()->set_text(kLatin1);
  EXPECT_THAT(std::string(RequireUtf8(request).message()), HasSubstr("manifests[1].text"));
  api::v1::AuditRecord record;
  record.set_canonical(kLatin1);
  EXPECT_TRUE(RequireUtf8(record).ok()) << "bytes";
  (*record.mutable_details())["why"] = kLatin1;
  EXPECT_FALSE(RequireUtf8(record).ok()) << "a map's value";
}

}  // namespace
}  // namespace dbfleet::cli
