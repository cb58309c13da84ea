#include "common/audit/tiles.h"

#include "gtest/gtest.h"

#include "tests/unit/common/audit/tree_fixture.h"

namespace dbfleet::audit {
namespace {

TEST(Tiles, RandomSizesUpToThousandsGiveWhatTheReferenceGives) {
  constexpr uint64_t kSize = 5000;
  std::mt19937 random(11);
  const auto leaves = MakeLeaves(kSize);
  NaiveTree naive(leaves);
  MemoryTiles tiles;
  FillTiles(leaves, &tiles);
  for (int round = 0; round < 600; ++round) {
    const uint64_t n = 1 + random() % kSize;
    const uint64_t m = 1 + random() % n;
    const std::string root = naive.Mth(0, n);
    ASSERT_EQ(TreeRoot(tiles, n).value(), root) << n;
    const auto consistency = ConsistencyProof(tiles, m, n).value();
    ASSERT_EQ(consistency, naive.SubProof(m, 0, n, true)) << m << " to " << n;
    ASSERT_TRUE(VerifyConsistency(m, n, consistency, naive.Mth(0, m), root).ok());
    const auto inclusion = InclusionProof(tiles, m - 1, n).value();
    ASSERT_EQ(inclusion, naive.Path(m - 1, 0, n)) << m << " of " << n;
    ASSERT_TRUE(VerifyInclusion(leaves[m - 1], m - 1, n, inclusion, root).ok());
  }
}

TEST(Tiles, ThreeLevelsOfTilesAreEnoughForATreeThatNeedsThem) {
  constexpr uint64_t kSize = 65536 + 300;
  const auto leaves = MakeLeaves(kSize);
  CompactRange range;
  for (const std::string& leaf : leaves) range.Append(leaf);
  MemoryTiles tiles;
  FillTiles(leaves, &tiles);
  EXPECT_EQ(tiles.tiles.rbegin()->first, (TileId{2, 0}));
  EXPECT_EQ(TreeRoot(tiles, kSize).value(), range.Root());
  for (const uint64_t m : {1u, 255u, 256u, 65535u, 65536u, 65537u, 65792u}) {
    tiles.reads = 0;
    const auto proof = ConsistencyProof(tiles, m, kSize).value();
    EXPECT_LE(tiles.reads, 8) << m;
    EXPECT_TRUE(VerifyConsistency(m, kSize, proof, TreeRoot(tiles, m).value(), range.Root()).ok())
        << m;
  }
}

TEST(Tiles, AnAppenderThatResumesAfterEveryBatchStoresTheSame) {
  std::mt19937 random(12);
  const auto leaves = MakeLeaves(3000);
  MemoryTiles whole;
  FillTiles(leaves, &whole);
  MemoryTiles batches;
  size_t size = 0;
  while (size < leaves.size()) {
    TreeAppender appender = TreeAppender::Resume(batches, size).value();
    const size_t end = std::min(leaves.size(), size + 1 + random() % 400);
    const std::vector<TileSpan> expected = TilesChanged(size, end);
    while (size < end) appender.Append(leaves[size++]);
    const std::vector<TileAppend> changes = appender.TakeChanges();
    ASSERT_EQ(changes.size(), expected.size());
    for (size_t i = 0; i < changes.size(); ++i) {
      EXPECT_EQ(changes[i].id, expected[i].id);
      EXPECT_EQ(changes[i].from, expected[i].from);
      EXPECT_EQ(changes[i].hashes.size(), 32u * (expected[i].to - expected[i].from));
    }
    ASSERT_TRUE(batches.Store(changes));
    EXPECT_EQ(appender.Root(), TreeRoot(batches, size).value());
    EXPECT_TRUE(appender.TakeChanges().empty());
  }
  EXPECT_EQ(batches.tiles, whole.tiles);
}

TEST(Tiles, WidthsFollowTheSize) {
  EXPECT_EQ(TileWidthAt({0, 0}, 0), 0);
  EXPECT_EQ(TileWidthAt({0, 0}, 255), 255);
  EXPECT_EQ(TileWidthAt({0, 0}, 256), 256);
  EXPECT_EQ(TileWidthAt({0, 1}, 256), 0);
  EXPECT_EQ(TileWidthAt({1, 0}, 255), 0);
  EXPECT_EQ(TileWidthAt({1, 0}, 256), 1);
  EXPECT_EQ(TileWidthAt({2, 0}, 65535), 0);
  EXPECT_EQ(TileWidthAt({2, 0}, 65536), 1);
  EXPECT_EQ(TileWidthAt({8, 0}, kMaxTreeSize), 0);
  EXPECT_TRUE(TilesChanged(7, 7).empty());
  EXPECT_EQ(TilesChanged(255, 257),
            (std::vector<TileSpan>{{{0, 0}, 255, 256}, {{0, 1}, 0, 1}, {{1, 0}, 0, 1}}));
}

TEST(Tiles, DamagedAndMissingTilesAreErrors) {
  MemoryTiles tiles;
  FillTiles(MakeLeaves(300), &tiles);
  auto& last = tiles.tiles[{0, 1}];
  last.pop_back();
  EXPECT_EQ(ReasonOf(TreeRoot(tiles, 300).status()), "AUDIT_TILE_DAMAGED");
  last.resize(32 * 43);
  EXPECT_EQ(ReasonOf(TreeRoot(tiles, 300).status()), "AUDIT_TILE_DAMAGED");
  EXPECT_TRUE(TreeRoot(tiles, 299).ok());
  tiles.tiles.erase({0, 1});
  EXPECT_EQ(ReasonOf(TreeAppender::Resume(tiles, 300).status()), "NO_TILE");
  EXPECT_EQ(ReasonOf(InclusionProof(tiles, 5, 5).status()), "BAD_TREE");
  EXPECT_EQ(ReasonOf(ConsistencyProof(tiles, 6, 5).status()), "BAD_TREE");
}

}  // namespace
}  // namespace dbfleet::audit
