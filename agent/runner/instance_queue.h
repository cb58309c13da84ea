#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace dbfleet::agent {

// Who may run now, in the order of their arrival: of an instance one exclusive attempt, and at most
// so many others, so that a server that hangs does not take all workers from the other instances.
// And while there are instances of which nothing runs, none that has one running already takes the
// last worker, so that several that hang do not take all together either. Not thread-safe.
class InstanceQueue {
 public:
  // `workers` are shared by so many `instances`.
  InstanceQueue(int most_shared, int workers, int instances)
      : most_shared_(most_shared), workers_(workers), instances_(instances) {}

  // `takes_worker`: it runs on the workers that the instances share, as all but recoveries do.
  void Add(const std::string& id, const std::string& instance, bool exclusive,
           bool takes_worker = true);

  // The attempts that may start now. Each holds its place in its instance from here until Done.
  std::vector<std::string> TakeRunnable();

  // Takes a waiting attempt out, to be ended without its instance. False if it does not wait.
  bool TakeWaiting(const std::string& id);

  void Done(const std::string& id);

 private:
  struct Waiting {
    std::string id;
    std::string instance;
    bool exclusive = false;
    bool takes_worker = true;
  };
  bool WantsLastWorker(const Waiting& waiting) const;
  // False if there is no place for it.
  bool TakePlace(const Waiting& waiting);

  const int most_shared_;
  const int workers_;
  const int instances_;
  std::deque<Waiting> waiting_;
  std::map<std::string, std::string> holders_;           // Instance -> attempt.
  std::map<std::string, std::set<std::string>> shared_;  // Instance -> attempts beside the holder.
  std::map<std::string, std::string> working_;           // Attempts that take a worker -> instance.
};

}  // namespace dbfleet::agent
