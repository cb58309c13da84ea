#pragma once

#include <gtest/gtest.h>
#include <pthread.h>

#include <functional>

namespace dbfleet::sql {

// Runs `work` on a thread whose stack is as small as an agent's may be.
inline void OnSmallStack(std::function<void()> work) {
  constexpr size_t kStack = 512 << 10;
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, kStack), 0);
  pthread_t thread;
  const auto run = [](void* work) -> void* {
    (*static_cast<std::function<void()>*>(work))();
    return nullptr;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &work), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
}

}  // namespace dbfleet::sql
