#pragma once

#include <cstdio>
#include <cstdlib>

namespace dbfleet {

// What a fuzz target holds to be true; libFuzzer keeps the input that made it false.
inline void Require(bool condition, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) {
  if (condition) return;
  std::fprintf(stderr, "%s:%d: what is required here does not hold\n", file, line);
  std::abort();
}

}  // namespace dbfleet
