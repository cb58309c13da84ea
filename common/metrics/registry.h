#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace prometheus {
class Registry;
}

namespace dbfleet::metrics {

using LabelSet = std::map<std::string, std::string>;

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Increment(double by = 1) = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
  virtual void Add(double by) = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double seconds) = 0;
};

// A process's own metrics, over prometheus-cpp. Asking again for the same name and labels returns
// the same object, which lives as long as the registry. A name that is not legal, or that is used
// with another type already, is a programming error and aborts. Thread-safe.
class Registry {
 public:
  Registry();
  ~Registry();

  Counter& GetCounter(absl::string_view name, absl::string_view help, const LabelSet& labels = {});
  Gauge& GetGauge(absl::string_view name, absl::string_view help, const LabelSet& labels = {});
  // Buckets for latencies from 1 ms to 60 s.
  Histogram& GetHistogram(absl::string_view name, absl::string_view help,
                          const LabelSet& labels = {});

  // Everything, with the process's standard metrics (process_resident_memory_bytes, ...), in the
  // text format.
  std::string Expose() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace dbfleet::metrics
