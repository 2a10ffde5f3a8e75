// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "chasqui/worker/v1/worker_service.pb.h"
#include "common/observability/log.h"
#include "common/rpc/channel.h"
#include "common/rpc/loop.h"
#include "common/time/clock.h"
#include "services/router/admission/shared_fleet.h"

namespace chasqui::router {

// Makes members of workers that do not join: asks each, every report interval, what it is and does
// (WorkerService.GetStatus), and tells the fleet as if the worker had said it. One that does not
// answer is suspect at once, and dropped like any silent member after three intervals; it is asked
// on, and is a member again when it answers. A worker that is a member already, because it has
// joined or answers at another address, too, is left as it is. Owned by the RouterServer. Confined
// to one loop, but for the constructor.
class PolledMembers {
 public:
  struct Options {
    std::string router_id;
    time::Duration interval;
    rpc::ChannelOptions worker_channels;
    int loops;
    // Most addresses that are asked.
    std::size_t max_workers;
  };

  // `fleet` outlives it.
  PolledMembers(Options options, SharedFleet& fleet, observability::Logger log);

  // The addresses to ask from now on, on `loop`, which is always the same. Who is at none of them
  // any more leaves.
  void SetAddresses(rpc::Loop& loop, const std::set<std::string>& addresses);

 private:
  struct Poll;

  rpc::Task<void> Ask(rpc::Loop& loop, std::shared_ptr<Poll> poll);
  void Take(Poll& poll, const worker::v1::GetStatusResponse& status);
  absl::Status Enter(Poll& poll, const worker::v1::GetStatusResponse& status);
  absl::Status Update(Poll& poll, const worker::v1::GetStatusResponse& status);
  void Fail(Poll& poll, const absl::Status& error);
  void Leave(Poll& poll, const std::string& why);

  const Options options_;
  SharedFleet& fleet_;
  const observability::Logger log_;
  std::map<std::string, std::shared_ptr<Poll>> polls_;  // by address
};

}  // namespace chasqui::router
