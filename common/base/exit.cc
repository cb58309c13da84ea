#include "common/base/exit.h"

#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace dbfleet {

void ExitWithoutStatics(int code) {
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
  std::_Exit(code);
}

}  // namespace dbfleet
