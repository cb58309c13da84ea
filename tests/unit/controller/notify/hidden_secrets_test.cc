#include "controller/notify/hidden_secrets.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace dbfleet::controller {
namespace {

HiddenSecrets Of(const std::string& secret) {
  HiddenSecrets hidden;
  hidden.Add(secret);
  return hidden;
}

TEST(HiddenSecretsTest, WithoutSecretsNothingIsHidden) {
  EXPECT_TRUE(HiddenSecrets().empty());
  EXPECT_TRUE(Of("").empty());
  EXPECT_EQ(HiddenSecrets().ReplaceIn("a%20text"), "a%20text");
  EXPECT_EQ(Of("other").ReplaceIn("a%20text \\u00"), "a%20text \\u00");
}

TEST(HiddenSecretsTest, ASecretIsHiddenAsItIs) {
  EXPECT_EQ(Of("ab").ReplaceIn("ab, abab and b"), "[secret], [secret] and b");
  HiddenSecrets overlapping = Of("abc");
  overlapping.Add("cdef");
  EXPECT_EQ(overlapping.ReplaceIn("<abcdef>"), "<[secret]>");
}

TEST(HiddenSecretsTest, ASecretIsHiddenAsJsonEscapesIt) {
  const HiddenSecrets hidden = Of("ab/cd\"\\\xC3\xA9<x");
  EXPECT_EQ(hidden.ReplaceIn(R"({"no":"ab\/cd\"\\\u00e9<x."})"), R"({"no":"[secret]."})");
  EXPECT_EQ(hidden.ReplaceIn("\"ab/cd\\\"\\\\\xC3\xA9\\u003Cx\""), "\"[secret]\"");
  EXPECT_EQ(Of("ab/cd").ReplaceIn(R"("{\"no\":\"ab\\\/cd\"}")"), R"("{\"no\":\"[secret]\"}")");
}

TEST(HiddenSecretsTest, ASecretIsHiddenPercentEncoded) {
  const HiddenSecrets hidden = Of("ab/cd+e=");
  for (const char* quoted : {"ab%2Fcd%2Be%3D", "ab%2fcd%2be%3d", "ab/cd+e%3d", "%61b%2Fcd+e="}) {
    EXPECT_EQ(hidden.ReplaceIn(absl::StrCat("x?t=", quoted, "&u")), "x?t=[secret]&u");
  }
  EXPECT_EQ(Of("ab%2Fcd").ReplaceIn("no ab/cd, ab%2fcd"), "no [secret], [secret]");
}

TEST(HiddenSecretsTest, ASecretIsHiddenInBase64) {
  const std::string secret = "s3cr3t?>~\xC3\xBF/key";
  const HiddenSecrets hidden = Of(secret);
  EXPECT_EQ(hidden.ReplaceIn(absl::StrCat("got ", absl::Base64Escape(secret))),
            absl::StrCat("got [secret]"));
  EXPECT_EQ(hidden.ReplaceIn(absl::WebSafeBase64Escape(secret)), "[secret]");
  for (const char* before : {"1", "12", "123", "Bearer "}) {
    const std::string all = absl::Base64Escape(absl::StrCat(before, secret, " and more"));
    const std::string shown = hidden.ReplaceIn(all);
    EXPECT_THAT(shown, ::testing::HasSubstr("[secret]")) << all;
    // At most a letter at each end, which holds bits of what is around it, is left.
    EXPECT_LE(shown.size(), all.size() - secret.size() * 8 / 6 + 2 + sizeof("[secret]")) << shown;
  }
}

TEST(HiddenSecretsTest, ALoginIsHiddenAsItIsSent) {
  HiddenSecrets hidden;
  hidden.AddLogin("dba", "p4ssw0rd");
  const std::string plain("\0dba\0p4ssw0rd", 13);
  EXPECT_EQ(hidden.ReplaceIn(absl::StrCat("AUTH PLAIN ", absl::Base64Escape(plain), " no")),
            "AUTH PLAIN [secret]== no");
  EXPECT_EQ(hidden.ReplaceIn(absl::StrCat("Basic ", absl::Base64Escape("dba:p4ssw0rd"), ".")),
            "Basic [secret].");
  EXPECT_EQ(hidden.ReplaceIn("p4ssw0rd of dba"), "[secret] of dba");
}

TEST(HiddenSecretsTest, OfAUrlEachPartThatMayBeTheSecretIsHidden) {
  HiddenSecrets hidden;
  hidden.AddUrl(
      "https://h.example/in/T0001AB/s3cr3t%2Dhook?team=dba&token=s3cr3t-parameter#s3cr3t-end");
  EXPECT_EQ(hidden.ReplaceIn("no hook s3cr3t%2Dhook, s3cr3t-hook of T0001AB"),
            "no hook [secret], [secret] of [secret]");
  EXPECT_EQ(hidden.ReplaceIn("no token s3cr3t-parameter, s3cr3t-end of dba in h.example"),
            "no token [secret], [secret] of dba in h.example");
  EXPECT_EQ(hidden.ReplaceIn("POST /in/T0001AB/s3cr3t-hook"), "POST [secret]");
  HiddenSecrets bare;
  bare.AddUrl("https://h.example");
  EXPECT_EQ(bare.ReplaceIn("h.example is gone"), "h.example is gone");
}

}  // namespace
}  // namespace dbfleet::controller
