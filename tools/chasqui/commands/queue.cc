// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>

#include "chasqui/fleet/v1/fleet_service.grpc.pb.h"
#include "chasqui/inference/v1/inference_service.grpc.pb.h"
#include "tools/chasqui/commands/command.h"
#include "tools/chasqui/output/json.h"
#include "tools/chasqui/output/queue_table.h"

namespace chasqui::cli {
namespace {

using chasqui::fleet::v1::FleetService;
using chasqui::fleet::v1::WatchFleetRequest;
using chasqui::fleet::v1::WatchFleetResponse;
using chasqui::inference::v1::GetQueuePositionRequest;
using chasqui::inference::v1::GetQueuePositionResponse;
using chasqui::inference::v1::InferenceService;

absl::Status ShowRequest(const std::string& request_id, bool json, const Connection& connection) {
  GetQueuePositionRequest request;
  request.set_request_id(request_id);
  GetQueuePositionResponse response;
  const absl::Status status =
      connection.Call(&InferenceService::Stub::GetQueuePosition,
                      *connection.NewStub<InferenceService>(), request, &response);
  if (!status.ok()) return status;
  std::cout << (json ? ToJson(response) + "\n" : PositionText(response));
  return status;
}

absl::Status ShowQueues(bool json, const Connection& connection) {
  const auto context = connection.NewContext();
  const auto stub = connection.NewStub<FleetService>();
  const auto reader = stub->WatchFleet(context.get(), WatchFleetRequest());
  bool seen = false;
  const absl::Status status = connection.Drain<WatchFleetResponse>(
      *context, *reader, [&](const WatchFleetResponse& snapshot) {
        seen = true;
        if (json) {
          for (const auto& queue : snapshot.queues()) std::cout << ToJson(queue) << "\n";
        } else {
          std::cout << QueuesText(snapshot.queues());
        }
        return absl::CancelledError("one picture is enough");
      });
  return seen ? absl::OkStatus() : status;
}

}  // namespace

void AddQueue(CLI::App& app, Choice& choice) {
  CLI::App& queue = *app.add_subcommand("queue", "Show who waits for a slot, or where one stands");
  const auto request_id = std::make_shared<std::string>();
  queue.add_option("request", *request_id, "Id of a request; default: all queues of the router");
  SetClientAction(
      queue, choice,
      [request_id, &choice](const Connection& connection) {
        return request_id->empty() ? ShowQueues(choice.json, connection)
                                   : ShowRequest(*request_id, choice.json, connection);
      },
      std::chrono::seconds(30));
}

}  // namespace chasqui::cli
