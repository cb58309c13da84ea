#pragma once

#include <string>
#include <utility>

namespace dbfleet {

// A password, token or key. It cannot be printed, compared or formatted by accident: whoever needs
// the text says Reveal(). The memory is wiped when it dies. Not thread-safe; movable and copyable.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  const std::string& Reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  void Wipe();

  std::string value_;
};

}  // namespace dbfleet
