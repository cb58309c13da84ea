#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace dbfleet {

// SHA-256 (FIPS 180-4) of `data`: 32 raw bytes.
std::string Sha256(absl::string_view data);

// The same as 64 lower-case hexadecimal digits.
std::string Sha256Hex(absl::string_view data);

// SHA-256 over a stream. Not thread-safe. Call Finish once, last.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;

  void Update(absl::string_view data);
  std::string Finish();  // 32 raw bytes.
  std::string FinishHex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `n` bytes from the system's cryptographic generator. Aborts if the system has none to give.
std::string RandomBytes(int n);
std::string RandomHex(int n_bytes);

std::string HexEncode(absl::string_view bytes);

// Compares in time that depends on the lengths only.
bool ConstantTimeEquals(absl::string_view a, absl::string_view b);

}  // namespace dbfleet
