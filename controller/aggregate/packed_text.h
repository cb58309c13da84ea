#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

#include "common/concurrency/mutex.h"

namespace dbfleet::controller {

// A text that is kept for a long time and read seldom, compressed (zstd). The text of a metrics
// page says the same names and labels again and again, so that a sixth to a tenth of it is left.
class PackedText {
 public:
  size_t packed_size() const { return data_.size(); }

 private:
  friend class TextPacker;
  std::string data_;
  size_t size_ = 0;  // Of the text.
};

// Packs and unpacks with one pair of contexts, which are larger than the texts: one after the
// other, so that many threads at once do not each hold such memory. Thread-safe.
class TextPacker {
 public:
  TextPacker();
  ~TextPacker();

  PackedText Pack(absl::string_view text);
  std::string Unpack(const PackedText& packed);

 private:
  struct Contexts;
  Mutex mutex_;
  const std::unique_ptr<Contexts> contexts_ ABSL_PT_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::controller
