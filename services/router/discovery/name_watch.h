// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "common/concurrency/periodic.h"
#include "common/observability/log.h"
#include "common/time/clock.h"
#include "services/router/discovery/name_resolver.h"

namespace chasqui::router {

// Asks for the addresses behind names every so often, on a thread of its own ("names"), for as long
// as it lives. A name that cannot be asked about keeps the addresses it had; one that has none any
// more loses them. Its destructor waits for a question that is under way.
class NameWatch {
 public:
  using Addresses = std::set<std::string>;

  // `told` gets all addresses whenever they changed, on the thread; first soon after the start,
  // when all names have been asked about once.
  NameWatch(std::vector<DnsName> names, time::Duration interval,
            std::unique_ptr<NameResolver> resolver, observability::Logger log,
            absl::AnyInvocable<void(Addresses)> told);

  // Asks soon, without waiting for the interval.
  void Wake() { thread_.Wake(); }

 private:
  void Ask();

  const std::vector<DnsName> names_;
  const std::unique_ptr<NameResolver> resolver_;
  const observability::Logger log_;
  absl::AnyInvocable<void(Addresses)> told_;
  // Confined to the thread.
  std::vector<Addresses> by_name_;  // in the order of names_
  std::vector<bool> failing_;
  Addresses last_told_;
  concurrency::Periodic thread_;  // last: works on all of the above
};

}  // namespace chasqui::router
