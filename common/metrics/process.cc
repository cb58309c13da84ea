#include "common/metrics/process.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace dbfleet::metrics {
namespace {

std::string Slurp(const char* path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

// The fields of /proc/self/stat from the third on: the second, the program's name in parentheses,
// may hold anything.
std::vector<std::string> StatFields() {
  const std::string stat = Slurp("/proc/self/stat");
  const size_t name_end = stat.rfind(") ");
  if (name_end == std::string::npos) return {};
  return absl::StrSplit(stat.substr(name_end + 2), ' ');
}

// Field `number` as proc(5) counts, from 1.
std::optional<double> Field(const std::vector<std::string>& fields, size_t number) {
  double value = 0;
  if (number < 3 || number - 3 >= fields.size() || !absl::SimpleAtod(fields[number - 3], &value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<double> BootTimeSeconds() {
  for (absl::string_view line : absl::StrSplit(Slurp("/proc/stat"), '\n')) {
    double value = 0;
    if (absl::ConsumePrefix(&line, "btime ") && absl::SimpleAtod(line, &value)) return value;
  }
  return std::nullopt;
}

std::optional<double> OpenDescriptors() {
  std::error_code error;
  std::filesystem::directory_iterator it("/proc/self/fd", error);
  double count = 0;
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) ++count;
  if (error) return std::nullopt;
  return count - 1;  // Without the one that reads the folder.
}

}  // namespace

void WriteProcessMetrics(ExpositionWriter* writer) {
  const auto write = [&](const char* name, const char* help, Type type,
                         std::optional<double> value) {
    if (!value.has_value()) return;
    writer->Family(name, help, type);
    writer->Sample(name, {}, *value);
  };
  const double ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  const std::vector<std::string> stat = StatFields();

  const auto user = Field(stat, 14), system = Field(stat, 15);
  if (user && system) {
    write("process_cpu_seconds_total", "User and system CPU time spent, in seconds.",
          Type::kCounter, (*user + *system) / ticks);
  }
  const auto started = Field(stat, 22), boot = BootTimeSeconds();
  if (started && boot) {
    write("process_start_time_seconds", "Start time since the Unix epoch, in seconds.",
          Type::kGauge, *boot + *started / ticks);
  }
  write("process_virtual_memory_bytes", "Virtual memory, in bytes.", Type::kGauge, Field(stat, 23));
  if (const auto pages = Field(stat, 24)) {
    write("process_resident_memory_bytes", "Resident memory, in bytes.", Type::kGauge,
          *pages * page);
  }
  write("process_open_fds", "Open file descriptors.", Type::kGauge, OpenDescriptors());
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    write("process_max_fds", "Limit of open file descriptors.", Type::kGauge,
          static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace dbfleet::metrics
