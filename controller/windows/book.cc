#include "controller/windows/book.h"

#include <algorithm>

namespace dbfleet::controller {

bool DeclaredWindow::Selects(absl::string_view environment,
                             const std::map<std::string, std::string>& instance_labels) const {
  if (!environments.empty() &&
      std::find(environments.begin(), environments.end(), environment) == environments.end()) {
    return false;
  }
  return std::all_of(labels.begin(), labels.end(), [&](const auto& label) {
    const auto found = instance_labels.find(label.first);
    return found != instance_labels.end() && found->second == label.second;
  });
}

const DeclaredWindow* WindowBook::Find(absl::string_view name) const {
  const auto found =
      std::find_if(windows_.begin(), windows_.end(),
                   [name](const DeclaredWindow& declared) { return declared.window.name == name; });
  return found == windows_.end() ? nullptr : &*found;
}

WindowBook::Windows WindowBook::For(
    absl::string_view environment,
    const std::map<std::string, std::string>& instance_labels) const {
  std::string which;
  for (const DeclaredWindow& declared : windows_) {
    which.push_back(declared.Selects(environment, instance_labels) ? '1' : '0');
  }
  MutexLock lock(&mutex_);
  Windows& chosen = chosen_[which];
  if (chosen == nullptr) {
    std::vector<Window> windows;
    for (size_t i = 0; i < windows_.size(); ++i) {
      if (which[i] == '1') windows.push_back(windows_[i].window);
    }
    chosen = std::make_shared<const std::vector<Window>>(std::move(windows));
  }
  return chosen;
}

}  // namespace dbfleet::controller
