// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/router/discovery/name_resolver.h"

namespace chasqui::testing {

// What names stand for, as a test says. Useful where addresses come and go. Thread-safe.
class FakeNames {
 public:
  using Answer = absl::StatusOr<std::vector<std::string>>;

  void Set(const std::string& host, Answer answer) {
    absl::MutexLock lock(mutex_);
    answers_.insert_or_assign(host, std::move(answer));
  }
  Answer Get(const std::string& host) const {
    absl::MutexLock lock(mutex_);
    const auto it = answers_.find(host);
    return it == answers_.end() ? absl::NotFoundError("no such name") : it->second;
  }

 private:
  mutable absl::Mutex mutex_;
  std::map<std::string, Answer> answers_ ABSL_GUARDED_BY(mutex_);
};

// Answers from FakeNames, which the test keeps.
class FakeResolver final : public router::NameResolver {
 public:
  explicit FakeResolver(std::shared_ptr<const FakeNames> names) : names_(std::move(names)) {}

  absl::StatusOr<std::vector<std::string>> Resolve(const router::DnsName& name) override {
    return names_->Get(name.host);
  }

 private:
  const std::shared_ptr<const FakeNames> names_;
};

}  // namespace chasqui::testing
