// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <string>
#include <thread>

#include "absl/functional/any_invocable.h"

namespace chasqui::concurrency {

// A thread with a name that debuggers and `top -H` show (its first 15 characters), asked to stop
// and joined by the destructor. Owned by whoever owns what it works on, and declared last there.
// Thread-compatible. Every thread of the project is one of these.
class NamedThread {
 public:
  using Body = absl::AnyInvocable<void(std::stop_token)>;

  NamedThread() = default;
  NamedThread(std::string name, Body body);
  NamedThread(NamedThread&&) = default;
  NamedThread& operator=(NamedThread&&) = default;

  void RequestStop() { thread_.request_stop(); }
  bool joinable() const { return thread_.joinable(); }
  void Join() { thread_.join(); }
  std::thread::native_handle_type native_handle() { return thread_.native_handle(); }
  bool IsCurrent() const { return thread_.get_id() == std::this_thread::get_id(); }

 private:
  std::jthread thread_;
};

}  // namespace chasqui::concurrency
