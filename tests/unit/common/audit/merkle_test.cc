#include "common/audit/merkle.h"

#include "gtest/gtest.h"

#include "tests/unit/common/audit/tree_fixture.h"

namespace dbfleet::audit {
namespace {

std::string Hex(const std::string& hash) { return HexEncode(hash); }
std::string Raw(const char* hex) { return absl::HexStringToBytes(hex); }

// The inputs and results that Certificate Transparency's implementations share.
const std::vector<std::string> kInputs = {
    "", "\x00", "\x10", "\x20\x21", "\x30\x31", "\x40\x41\x42\x43", "PQRSTUVW", "`abcdefghijklmno"};
const char* const kRoots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                              "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                              "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                              "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                              "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                              "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                              "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                              "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
const char k1[] = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
const char k2[] = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
const char k4[] = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";

std::vector<std::string> KnownLeaves() {
  std::vector<std::string> leaves;
  for (size_t i = 0; i < kInputs.size(); ++i) {
    leaves.push_back(LeafHash(i == 1 ? std::string(1, '\0') : kInputs[i]));
  }
  return leaves;
}

TEST(Merkle, TheKnownRootsComeOut) {
  EXPECT_EQ(Hex(EmptyRoot()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CompactRange range;
  EXPECT_EQ(range.Root(), EmptyRoot());
  const auto leaves = KnownLeaves();
  for (size_t i = 0; i < leaves.size(); ++i) {
    range.Append(leaves[i]);
    EXPECT_EQ(Hex(range.Root()), kRoots[i]) << i + 1;
  }
}

TEST(Merkle, TheKnownProofsComeOutAndHold) {
  MemoryTiles tiles;
  const auto leaves = KnownLeaves();
  FillTiles(leaves, &tiles);
  const std::vector<std::string> first = {Raw(k1), Raw(k2), Raw(k4)};
  EXPECT_EQ(InclusionProof(tiles, 0, 8).value(), first);
  EXPECT_TRUE(VerifyInclusion(leaves[0], 0, 8, first, Raw(kRoots[7])).ok());
  EXPECT_EQ(ConsistencyProof(tiles, 1, 8).value(), first);
  EXPECT_TRUE(VerifyConsistency(1, 8, first, Raw(kRoots[0]), Raw(kRoots[7])).ok());
  const std::vector<std::string> six_to_eight = {
      Raw("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
      Raw("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"), Raw(kRoots[3])};
  EXPECT_EQ(ConsistencyProof(tiles, 6, 8).value(), six_to_eight);
  EXPECT_TRUE(VerifyConsistency(6, 8, six_to_eight, Raw(kRoots[5]), Raw(kRoots[7])).ok());
  const std::vector<std::string> two_to_five = {
      Raw(k2), Raw("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b")};
  EXPECT_EQ(ConsistencyProof(tiles, 2, 5).value(), two_to_five);
  EXPECT_TRUE(VerifyConsistency(2, 5, two_to_five, Raw(kRoots[1]), Raw(kRoots[4])).ok());
}

TEST(Merkle, ACompactRangeGoesOnWhereItStopped) {
  const auto leaves = MakeLeaves(300);
  CompactRange whole;
  CompactRange resumed;
  for (const std::string& leaf : leaves) {
    resumed = CompactRange::From(resumed.size(), resumed.nodes()).value();
    whole.Append(leaf);
    resumed.Append(leaf);
    ASSERT_EQ(resumed.Root(), whole.Root());
  }
  EXPECT_EQ(ReasonOf(CompactRange::From(3, {leaves[0]}).status()), "BAD_TREE");
  EXPECT_EQ(ReasonOf(CompactRange::From(1, {"short"}).status()), "BAD_TREE");
  EXPECT_EQ(ReasonOf(CompactRange::From(uint64_t{1} << 63, {leaves[0]}).status()), "BAD_TREE");
}

TEST(Merkle, EveryProofUpTo130EqualsTheReferenceAndHolds) {
  const auto leaves = MakeLeaves(130);
  NaiveTree naive(leaves);
  MemoryTiles tiles;
  FillTiles(leaves, &tiles);
  for (uint64_t n = 0; n <= 130; ++n) {
    const std::string root = naive.Mth(0, n);
    ASSERT_EQ(TreeRoot(tiles, n).value(), root) << n;
    for (uint64_t m = 0; m <= n; ++m) {
      const auto consistency = ConsistencyProof(tiles, m, n).value();
      if (m > 0) {
        ASSERT_EQ(consistency, naive.SubProof(m, 0, n, true)) << m << " of " << n;
      }
      ASSERT_TRUE(VerifyConsistency(m, n, consistency, naive.Mth(0, m), root).ok())
          << m << " to " << n;
      if (m == n) continue;
      const auto inclusion = InclusionProof(tiles, m, n).value();
      ASSERT_EQ(inclusion, naive.Path(m, 0, n)) << m << " of " << n;
      ASSERT_TRUE(VerifyInclusion(leaves[m], m, n, inclusion, root).ok()) << m << " of " << n;
    }
  }
}

TEST(Merkle, NoAlteredProofHolds) {
  std::mt19937 random(7);
  const auto leaves = MakeLeaves(130);
  NaiveTree naive(leaves);
  MemoryTiles tiles;
  FillTiles(leaves, &tiles);
  for (int round = 0; round < 1500; ++round) {
    const uint64_t n = 2 + random() % 129;
    const uint64_t m = 1 + random() % (n - 1);
    auto consistency = ConsistencyProof(tiles, m, n).value();
    auto inclusion = InclusionProof(tiles, m, n).value();
    for (auto* proof : {&consistency, &inclusion}) {
      const size_t at = random() % proof->size();
      switch (random() % 4) {
        case 0:
          (*proof)[at][random() % 32] ^= static_cast<char>(1 << random() % 8);
          break;
        case 1:
          proof->erase(proof->begin() + at);
          break;
        case 2:
          proof->insert(proof->begin() + at, leaves[random() % n]);
          break;
        case 3:
          (*proof)[at].pop_back();
          break;
      }
    }
    EXPECT_EQ(ReasonOf(VerifyConsistency(m, n, consistency, naive.Mth(0, m), naive.Mth(0, n))),
              "BAD_PROOF");
    EXPECT_EQ(ReasonOf(VerifyInclusion(leaves[m], m, n, inclusion, naive.Mth(0, n))), "BAD_PROOF");
  }
}

TEST(Merkle, AGoodProofHoldsForNothingElse) {
  std::mt19937 random(8);
  const auto leaves = MakeLeaves(100);
  NaiveTree naive(leaves);
  NaiveTree other(MakeLeaves(100, "forged "));
  MemoryTiles tiles;
  FillTiles(leaves, &tiles);
  for (int round = 0; round < 500; ++round) {
    const uint64_t n = 2 + random() % 99;
    const uint64_t m = 1 + random() % (n - 1);
    const auto consistency = ConsistencyProof(tiles, m, n).value();
    EXPECT_FALSE(VerifyConsistency(m, n, consistency, other.Mth(0, m), naive.Mth(0, n)).ok());
    EXPECT_FALSE(VerifyConsistency(m, n, consistency, naive.Mth(0, m), other.Mth(0, n)).ok());
    const auto inclusion = InclusionProof(tiles, m, n).value();
    EXPECT_FALSE(VerifyInclusion(leaves[m - 1], m, n, inclusion, naive.Mth(0, n)).ok());
    EXPECT_FALSE(VerifyInclusion(leaves[m], m - 1, n, inclusion, naive.Mth(0, n)).ok());
    EXPECT_FALSE(VerifyInclusion(leaves[m], n, n, inclusion, naive.Mth(0, n)).ok());
  }
  EXPECT_FALSE(VerifyConsistency(5, 4, {}, naive.Mth(0, 5), naive.Mth(0, 4)).ok());
  EXPECT_FALSE(VerifyConsistency(0, 4, {leaves[0]}, EmptyRoot(), naive.Mth(0, 4)).ok());
  EXPECT_FALSE(VerifyConsistency(0, 4, {}, leaves[0], naive.Mth(0, 4)).ok());
}

}  // namespace
}  // namespace dbfleet::audit
