// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "services/router/queue/ticket.h"

namespace chasqui::router {

// Which requests wait and which run, by tenant and id, for those who ask. Ids are the clients' own
// and need not be unique: of several that wait the last one counts. Guarded like the Dispatcher
// that owns it.
class Whereabouts {
 public:
  struct Of {
    // Null: it does not wait.
    const Ticket* waiting = nullptr;
    std::uint32_t running = 0;
  };

  // The ticket waits from now on, and no longer. No effect without an id.
  void Waits(const Ticket& ticket);
  void WaitsNoMore(const Ticket& ticket);
  // One of the key is at a worker from now on, and no longer. No effect on an empty key.
  void Runs(std::string_view key);
  void RunsNoMore(std::string_view key);

  // Of a request that is not known: neither.
  Of Find(std::string_view key) const;

  // What a request is found by; empty when it has no id.
  static std::string KeyOf(std::string_view tenant, std::string_view request_id);

 private:
  void EraseIfGone(std::string_view key);

  absl::flat_hash_map<std::string, Of> requests_;
};

}  // namespace chasqui::router
