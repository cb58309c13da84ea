#include <unistd.h>

#include "agent/exec/supervisor.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    constexpr char kUsage[] = "usage: dbfleet-exec RECORD_FOLDER\n";
    [[maybe_unused]] const ssize_t n = write(STDERR_FILENO, kUsage, sizeof kUsage - 1);
    return 2;
  }
  return dbfleet::agent::RunSupervisor(argv[1]);
}
