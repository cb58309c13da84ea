#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "common/concurrency/mutex.h"
#include "controller/windows/window.h"

namespace dbfleet::controller {

// A declared window with what it applies to: instances in any of the environments (none: in every
// one) that have all of the labels.
struct DeclaredWindow {
  Window window;
  std::string time_zone;
  // Of this declaration, "" where nobody asks: a window that is deleted and declared again has
  // another one; who changed it last, and when.
  std::string uid;
  std::string editor;
  absl::Time change_time = absl::InfinitePast();
  std::vector<std::string> environments;
  std::map<std::string, std::string> labels;
  int parallel = 1;  // So many of the jobs that were queued for it may run at the same time.

  bool Selects(absl::string_view environment,
               const std::map<std::string, std::string>& instance_labels) const;
};

// All declared windows at one time. Thread-safe.
class WindowBook {
 public:
  using Windows = std::shared_ptr<const std::vector<Window>>;

  explicit WindowBook(std::vector<DeclaredWindow> windows) : windows_(std::move(windows)) {}

  bool empty() const { return windows_.empty(); }
  absl::Span<const DeclaredWindow> windows() const { return windows_; }

  const DeclaredWindow* Find(absl::string_view name) const;  // Null: there is no such window.

  // Those that select such an instance; the same pointer for the same windows, never null.
  Windows For(absl::string_view environment,
              const std::map<std::string, std::string>& instance_labels) const;

 private:
  const std::vector<DeclaredWindow> windows_;
  mutable Mutex mutex_;
  // By which of them select: a character each.
  mutable std::map<std::string, Windows> chosen_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace dbfleet::controller
