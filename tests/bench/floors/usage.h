#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <vector>

namespace dbfleet::bench {

using SteadyClock = std::chrono::steady_clock;

double SecondsSince(SteadyClock::time_point began);

// The middle one; the lower of the two in the middle. 0 for none.
double Median(std::vector<double> values);
// The value below which a share `q` of the values lies.
double Quantile(std::vector<double> values, double q);

// Of a process, from /proc; 0 when it is gone.
int64_t ResidentKib(pid_t pid);
double CpuSeconds(pid_t pid);

}  // namespace dbfleet::bench
