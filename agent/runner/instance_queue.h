#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace dbfleet::agent {

// Who may run now: one exclusive attempt per instance, in the order of their arrival; the others at
// once. Not thread-safe.
class InstanceQueue {
 public:
  void Add(const std::string& id, const std::string& instance, bool exclusive);

  // The attempts that may start now. An exclusive one holds its instance from here until Done.
  std::vector<std::string> TakeRunnable();

  // Takes a waiting attempt out, to be ended without its instance. False if it does not wait.
  bool TakeWaiting(const std::string& id);

  void Done(const std::string& id);

 private:
  struct Waiting {
    std::string id;
    std::string instance;
    bool exclusive = false;
  };
  std::deque<Waiting> waiting_;
  std::map<std::string, std::string> holders_;  // Instance -> attempt.
};

}  // namespace dbfleet::agent
