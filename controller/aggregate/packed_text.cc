#include "controller/aggregate/packed_text.h"

#include <zstd.h>

#include <cstdio>
#include <cstdlib>

namespace dbfleet::controller {
namespace {

// The fastest level. Higher ones save little more of such texts, for several times the work.
constexpr int kLevel = 1;

// Both ends are this object, in memory: nothing but a lack of memory or a defect can go wrong.
size_t Check(size_t result) {
  if (ZSTD_isError(result)) {
    std::fprintf(stderr, "zstd: %s\n", ZSTD_getErrorName(result));
    std::abort();
  }
  return result;
}

}  // namespace

struct TextPacker::Contexts {
  ZSTD_CCtx* const pack = ZSTD_createCCtx();
  ZSTD_DCtx* const unpack = ZSTD_createDCtx();
  std::string room;  // Where a text is packed, before it is known how long it will be.

  ~Contexts() {
    ZSTD_freeCCtx(pack);
    ZSTD_freeDCtx(unpack);
  }
};

TextPacker::TextPacker() : contexts_(std::make_unique<Contexts>()) {}

TextPacker::~TextPacker() = default;

PackedText TextPacker::Pack(absl::string_view text) {
  PackedText packed;
  packed.size_ = text.size();
  MutexLock lock(&mutex_);
  std::string& room = contexts_->room;
  if (room.size() < ZSTD_compressBound(text.size())) room.resize(ZSTD_compressBound(text.size()));
  const size_t size = Check(ZSTD_compressCCtx(contexts_->pack, room.data(), room.size(),
                                              text.data(), text.size(), kLevel));
  packed.data_.assign(room.data(), size);
  return packed;
}

std::string TextPacker::Unpack(const PackedText& packed) {
  std::string text(packed.size_, '\0');
  if (text.empty()) return text;
  MutexLock lock(&mutex_);
  text.resize(Check(ZSTD_decompressDCtx(contexts_->unpack, text.data(), text.size(),
                                        packed.data_.data(), packed.data_.size())));
  return text;
}

}  // namespace dbfleet::controller
