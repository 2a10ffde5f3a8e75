// SPDX-License-Identifier: Apache-2.0
#include "services/router/discovery/name_watch.h"

#include <utility>

namespace chasqui::router {

NameWatch::NameWatch(std::vector<DnsName> names, time::Duration interval,
                     std::unique_ptr<NameResolver> resolver, observability::Logger log,
                     absl::AnyInvocable<void(Addresses)> told)
    : names_(std::move(names)),
      resolver_(std::move(resolver)),
      log_(std::move(log)),
      told_(std::move(told)),
      by_name_(names_.size()),
      failing_(names_.size()),
      thread_("names", interval, [this] { Ask(); }) {
  thread_.Wake();
}

void NameWatch::Ask() {
  Addresses all;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const absl::StatusOr<std::vector<std::string>> addresses = resolver_->Resolve(names_[i]);
    if (addresses.ok()) {
      by_name_[i] = Addresses(addresses->begin(), addresses->end());
    } else if (absl::IsNotFound(addresses.status())) {
      by_name_[i].clear();
    }
    const bool fails = !addresses.ok();
    if (fails && !failing_[i]) {
      log_.Warn(
          "no addresses for a name of workers",
          {{"name", names_[i].host}, {"error", addresses.status()}, {"kept", by_name_[i].size()}});
    }
    failing_[i] = fails;
    all.insert(by_name_[i].begin(), by_name_[i].end());
  }
  if (all == last_told_) return;
  last_told_ = all;
  told_(std::move(all));
}

}  // namespace chasqui::router
