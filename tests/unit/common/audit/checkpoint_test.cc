#include "common/audit/checkpoint.h"

#include <random>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "common/audit/merkle.h"
#include "common/audit/record.h"
#include "common/base/hash.h"
#include "common/base/status.h"
#include "tests/unit/common/audit/keys_fixture.h"

namespace dbfleet::audit {
namespace {

using ::testing::HasSubstr;

Checkpoint Example() {
  Checkpoint checkpoint;
  checkpoint.size = 12;
  checkpoint.root = Sha256("root");
  checkpoint.log_id = "01JABC";
  checkpoint.time = Noon(5) + absl::Microseconds(6);
  checkpoint.head = Sha256("head");
  return checkpoint;
}

TEST(CheckpointTest, TheTextIsASignedNote) {
  // RFC 8032, section 7.1, test 1: the seed and public key.
  const std::string der = absl::HexStringToBytes(
      "302e020100300506032b6570042204209d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae"
      "7f60");
  const std::string pem = absl::StrCat("-----BEGIN PRIVATE KEY-----\n", absl::Base64Escape(der),
                                       "\n-----END PRIVATE KEY-----\n");
  const SigningKey key = SigningKey::FromPem("k", Secret(pem)).value();
  EXPECT_EQ(HexEncode(key.verifying_key().public_key),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(
      HexEncode(key.Sign("").value()),
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
      "f9b46bd25bf5f0595bbe24655141438e7a100b");
  Checkpoint checkpoint = Example();
  checkpoint.predecessor = Predecessor{"01JAAA", 10, Sha256("old")};
  const std::string text = SignCheckpoint(checkpoint, key).value();
  const std::string body = absl::StrCat(
      "k\n12\n", absl::Base64Escape(Sha256("root")),
      "\nlog 01JABC\ntime 2026-01-05T12:00:00.000006Z\nhead ", absl::Base64Escape(Sha256("head")),
      "\npredecessor 01JAAA 10 ", absl::Base64Escape(Sha256("old")), "\n");
  const std::string id =
      Sha256(absl::StrCat("k\n\x01", key.verifying_key().public_key)).substr(0, 4);
  EXPECT_EQ(text, absl::StrCat(body, "\n\xE2\x80\x94 k ",
                               absl::Base64Escape(id + key.Sign(body).value()), "\n"));
}

TEST(CheckpointTest, WhatWasSignedIsReadBack) {
  const KeyAndTrust keys;
  Checkpoint checkpoint = Example();
  checkpoint.origin = kKeyName;
  for (const bool successor : {false, true}) {
    if (successor) checkpoint.predecessor = Predecessor{"01JAAA", 12, checkpoint.root};
    const std::string text = SignCheckpoint(checkpoint, keys.key).value();
    EXPECT_EQ(VerifyCheckpoint(text, keys.trusted).value(), checkpoint);
  }
  checkpoint.predecessor->others = {"01JAAC", "01JAAB"};
  const std::string text = SignCheckpoint(checkpoint, keys.key).value();
  EXPECT_THAT(text, ::testing::HasSubstr(" 01JAAC 01JAAB\n\n"));
  EXPECT_EQ(VerifyCheckpoint(text, keys.trusted).value(), checkpoint);
  checkpoint.predecessor.reset();
  checkpoint.size = 0;
  EXPECT_EQ(ReasonOf(SignCheckpoint(checkpoint, keys.key).status()), "BAD_CHECKPOINT");
  checkpoint.root = EmptyRoot();
  checkpoint.head = GenesisHash();
  EXPECT_TRUE(VerifyCheckpoint(SignCheckpoint(checkpoint, keys.key).value(), keys.trusted).ok());
}

TEST(CheckpointTest, NoByteCanBeFlippedInsertedOrRemoved) {
  const KeyAndTrust keys;
  Checkpoint checkpoint = Example();
  checkpoint.predecessor = Predecessor{"01JAAA", 10, Sha256("old")};
  const std::string text = SignCheckpoint(checkpoint, keys.key).value();
  std::mt19937 random(3);
  for (size_t at = 0; at < text.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string altered = text;
      altered[at] = static_cast<char>(altered[at] ^ (1 << bit));
      EXPECT_FALSE(VerifyCheckpoint(altered, keys.trusted).ok()) << altered;
    }
    EXPECT_FALSE(VerifyCheckpoint(text.substr(0, at), keys.trusted).ok()) << at;
    std::string removed = text;
    removed.erase(at, 1);
    if (removed != text) {
      EXPECT_FALSE(VerifyCheckpoint(removed, keys.trusted).ok()) << removed;
    }
    std::string inserted = text;
    inserted.insert(at, 1, static_cast<char>(random() % 256));
    EXPECT_FALSE(VerifyCheckpoint(inserted, keys.trusted).ok()) << inserted;
  }
}

TEST(CheckpointTest, OtherSpellingsAreRefusedWithTheirLine) {
  const KeyAndTrust keys;
  const std::string text = SignCheckpoint(Example(), keys.key).value();
  const std::pair<std::string, const char*> spellings[] = {
      {absl::StrReplaceAll(text, {{"\n12\n", "\n012\n"}}), "line 2 "},
      {absl::StrReplaceAll(text, {{"\n12\n", "\n+12\n"}}), "line 2 "},
      {absl::StrReplaceAll(text, {{"\n12\n", "\n12 \n"}}), "line 2 "},
      {absl::StrReplaceAll(text, {{"\n12\n", "\n-1\n"}}), "line 2 "},
      {absl::StrReplaceAll(text, {{"\n12\n", "\n99999999999999999999\n"}}), "line 2 "},
      {absl::StrReplaceAll(text, {{"\n12\n", "\r\n12\n"}}), "line 1 "},
      {absl::StrReplaceAll(text, {{"=\nlog", "\nlog"}}), "line 3 "},
      {absl::StrReplaceAll(text, {{"\nlog 01JABC", "\nlog 01 JABC"}}), "line 4 "},
      {absl::StrReplaceAll(text, {{"\nlog 01JABC", ""}}), "line 4 "},
      {absl::StrReplaceAll(text, {{".000006Z", "Z"}}), "line 5 "},
      {absl::StrReplaceAll(text, {{"2026-01-05", "2026-02-30"}}), "line 5 "},
      {absl::StrReplaceAll(text, {{".000006Z", ".000006+00:00"}}), "line 5 "},
      {absl::StrReplaceAll(text, {{"\n\n", "\nunknown line\n\n"}}), "line 7 "},
      {absl::StrReplaceAll(text, {{"\n\n", "\npredecessor x\n\n"}}), "line 7 "},
      {absl::StrReplaceAll(text, {{"\n\n", "\n"}}), "line 7 "},
      {absl::StrReplaceAll(text, {{"\xE2\x80\x94", "-"}}), "line 8 "},
      {text + text.substr(text.find("\xE2\x80\x94")), "line 9 "},
      {text + "\n", "line 9 "},
      {text.substr(0, text.size() - 1), "line 8 "},
      {"", "line 1 "},
      {std::string(kMaxCheckpointBytes + 1, 'a'), "line 0 "},
  };
  for (const auto& [spelling, line] : spellings) {
    ASSERT_NE(spelling, text);
    const absl::Status status = ParseCheckpoint(spelling).status();
    EXPECT_EQ(ReasonOf(status), "BAD_CHECKPOINT") << spelling;
    EXPECT_THAT(std::string(status.message()), HasSubstr(line)) << spelling;
  }
}

TEST(CheckpointTest, ForeignExpiredAndFutureKeysAreRefused) {
  const KeyAndTrust keys;
  const KeyAndTrust foreign;
  const SigningKey renamed =
      SigningKey::FromPem("other.example.com/audit", keys.key.Pem().value()).value();
  EXPECT_EQ(
      ReasonOf(
          VerifyCheckpoint(SignCheckpoint(Example(), foreign.key).value(), keys.trusted).status()),
      "UNKNOWN_KEY");
  EXPECT_EQ(
      ReasonOf(VerifyCheckpoint(SignCheckpoint(Example(), renamed).value(), keys.trusted).status()),
      "UNKNOWN_KEY");
  Checkpoint checkpoint = Example();
  const auto at = [&](absl::Time time) {
    checkpoint.time = time;
    return ReasonOf(
        VerifyCheckpoint(SignCheckpoint(checkpoint, keys.key).value(), keys.trusted).status());
  };
  EXPECT_EQ(at(Noon(1)), "");
  EXPECT_EQ(at(Noon(1) - absl::Microseconds(1)), "KEY_NOT_VALID");
  EXPECT_EQ(at(Noon(31) - absl::Microseconds(1)), "");
  EXPECT_EQ(at(Noon(31)), "KEY_NOT_VALID");
  const std::string backdated = SignCheckpoint(Example(), keys.key).value();
  EXPECT_TRUE(VerifyFreshCheckpoint(backdated, keys.trusted, Noon(30)).ok());
  EXPECT_EQ(ReasonOf(VerifyFreshCheckpoint(backdated, keys.trusted, Noon(31)).status()),
            "KEY_NOT_VALID");
}

TEST(CheckpointTest, ASignatureOfTheRightKeyOverAnotherTextIsBad) {
  const KeyAndTrust keys;
  Checkpoint other = Example();
  other.size = 13;
  const std::string text = SignCheckpoint(Example(), keys.key).value();
  const std::string moved = absl::StrReplaceAll(text, {{"\n12\n", "\n13\n"}});
  EXPECT_EQ(ReasonOf(VerifyCheckpoint(moved, keys.trusted).status()), "BAD_SIGNATURE");
}

TEST(CheckpointTest, ContradictionsAreNeitherSignedNorRead) {
  const KeyAndTrust keys;
  const auto refused = [&](auto change) {
    Checkpoint checkpoint = Example();
    change(checkpoint);
    return ReasonOf(SignCheckpoint(checkpoint, keys.key).status());
  };
  EXPECT_EQ(refused([](Checkpoint& c) { c.root = "short"; }), "BAD_CHECKPOINT");
  EXPECT_EQ(refused([](Checkpoint& c) { c.log_id = "a b"; }), "BAD_CHECKPOINT");
  EXPECT_EQ(refused([](Checkpoint& c) { c.size = kMaxTreeSize + 1; }), "BAD_CHECKPOINT");
  EXPECT_EQ(refused([](Checkpoint& c) { c.time = absl::InfiniteFuture(); }), "BAD_CHECKPOINT");
  const std::string root = Sha256("x");
  for (const std::vector<std::string>& others : {std::vector<std::string>{"a b"},
                                                 {"A"},
                                                 {"B", "B"},
                                                 {Example().log_id},
                                                 std::vector<std::string>(kMaxOthers + 1, "B")}) {
    EXPECT_EQ(refused([&](Checkpoint& c) {
                c.predecessor = Predecessor{"A", 3, root, others};
              }),
              "BAD_CHECKPOINT");
  }
  EXPECT_EQ(refused([&](Checkpoint& c) {
              c.predecessor = Predecessor{c.log_id, 3, root};
            }),
            "BAD_CHECKPOINT");
  EXPECT_EQ(refused([&](Checkpoint& c) {
              c.predecessor = Predecessor{"A", 13, root};
            }),
            "BAD_CHECKPOINT");
  EXPECT_EQ(refused([&](Checkpoint& c) {
              c.predecessor = Predecessor{"A", 12, root};
            }),
            "BAD_CHECKPOINT");
  EXPECT_EQ(refused([&](Checkpoint& c) {
              c.predecessor = Predecessor{"A", 0, root};
            }),
            "BAD_CHECKPOINT");
}

TEST(Ed25519Test, KeysSurviveTheirPem) {
  const SigningKey key = SigningKey::Generate("a/b").value();
  const Secret pem = key.Pem().value();
  EXPECT_TRUE(absl::StartsWith(pem.Reveal(), "-----BEGIN PRIVATE KEY-----\n"));
  const SigningKey again = SigningKey::FromPem("a/b", pem).value();
  EXPECT_EQ(again.verifying_key(), key.verifying_key());
  const std::string signature = again.Sign("data").value();
  EXPECT_TRUE(key.verifying_key().Verifies("data", signature));
  EXPECT_FALSE(key.verifying_key().Verifies("datA", signature));
  EXPECT_FALSE(key.verifying_key().Verifies("data", signature.substr(1)));
  EXPECT_FALSE(key.verifying_key().Verifies("data", ""));
  EXPECT_EQ(ParseVerifyingKey(key.verifying_key().Text()).value(), key.verifying_key());
}

TEST(Ed25519Test, OtherKeysAndNamesAreRefusedWithoutQuotingThem) {
  const std::string ecdsa = rpc::MakeKeyAndRequest("x").value().key_pem;
  for (const std::string& pem :
       {std::string("SECRET"), std::string(), ecdsa, std::string(100000, 'x')}) {
    const absl::Status status = SigningKey::FromPem("k", Secret(pem)).status();
    EXPECT_EQ(ReasonOf(status), "BAD_KEY");
    EXPECT_FALSE(absl::StrContains(status.message(), "SECRET"));
  }
  for (const char* name : {"", "a b", "a+b", "a\nb", "\xC3\xA9"}) {
    EXPECT_EQ(ReasonOf(SigningKey::Generate(name).status()), "BAD_KEY_NAME") << name;
  }
}

TEST(TrustedKeysTest, TheFileIsReadBackAndOddOnesNameTheLine) {
  const KeyAndTrust keys;
  const std::string line = keys.trusted.Text();
  const TrustedKeys read = TrustedKeys::Parse("# the audit key\n\n" + line).value();
  EXPECT_EQ(read.Text(), line);
  const std::string vkey = keys.key.verifying_key().Text();
  const std::pair<std::string, const char*> bad[] = {
      {"# nothing\n", "no key"},
      {line + line, "line 2"},
      {"x" + line, "line 1"},
      {"\n" + vkey + "\n", "line 2"},
      {vkey + " 2026-01-01T00:00:00Z 2025-01-01T00:00:00Z\n", "ends before"},
      {vkey + " 2026-01-01 2027-01-01T00:00:00Z\n", "a time reads"},
      {absl::StrReplaceAll(line, {{"+", "-"}}), "line 1"},
  };
  for (const auto& [text, what] : bad) {
    const absl::Status status = TrustedKeys::Parse(text).status();
    EXPECT_EQ(ReasonOf(status), "BAD_TRUSTED_KEYS") << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(what)) << text;
  }
}

TEST(TrustedKeysTest, ANewKeyTakesOverFromAnOldOneOfTheSameName) {
  const KeyAndTrust old_key;
  const KeyAndTrust new_key;
  const TrustedKeys both({{old_key.key.verifying_key(), Noon(1), Noon(10)},
                          {new_key.key.verifying_key(), Noon(9), Noon(31)}});
  Checkpoint checkpoint = Example();
  const auto check = [&](const SigningKey& key, int day) {
    checkpoint.time = Noon(day);
    return VerifyCheckpoint(SignCheckpoint(checkpoint, key).value(), both).ok();
  };
  EXPECT_TRUE(check(old_key.key, 5));
  EXPECT_FALSE(check(old_key.key, 11));
  EXPECT_FALSE(check(new_key.key, 5));
  EXPECT_TRUE(check(new_key.key, 11));
}

}  // namespace
}  // namespace dbfleet::audit
