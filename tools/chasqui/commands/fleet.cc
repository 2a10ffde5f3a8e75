// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <memory>
#include <string>

#include <google/protobuf/util/time_util.h>
#include <unistd.h>

#include "chasqui/fleet/v1/fleet_service.grpc.pb.h"
#include "tools/chasqui/commands/command.h"
#include "tools/chasqui/commands/fleet_table.h"
#include "tools/chasqui/output/json.h"
#include "tools/chasqui/output/refresh.h"
#include "tools/chasqui/top/top.h"

namespace chasqui::cli {
namespace {

using chasqui::fleet::v1::DrainWorkerRequest;
using chasqui::fleet::v1::DrainWorkerResponse;
using chasqui::fleet::v1::FleetService;
using chasqui::fleet::v1::ListWorkersRequest;
using chasqui::fleet::v1::ListWorkersResponse;
using chasqui::fleet::v1::WatchFleetRequest;
using chasqui::fleet::v1::WatchFleetResponse;

absl::Status List(bool json, const Connection& connection) {
  ListWorkersResponse response;
  const absl::Status status =
      connection.Call(&FleetService::Stub::ListWorkers, *connection.NewStub<FleetService>(),
                      ListWorkersRequest(), &response);
  if (!status.ok()) return status;
  std::cout << (json ? ToJson(response) + "\n" : WorkersText(response.workers()));
  return status;
}

struct WatchFlags {
  time::Duration interval = std::chrono::seconds(1);
  uint64_t count = 0;
};

absl::Status Watch(const WatchFlags& flags, bool json, const Connection& connection) {
  WatchFleetRequest request;
  *request.mutable_min_interval() = google::protobuf::util::TimeUtil::NanosecondsToDuration(
      std::chrono::nanoseconds(flags.interval).count());
  const auto context = connection.NewContext();
  const auto stub = connection.NewStub<FleetService>();
  const auto reader = stub->WatchFleet(context.get(), request);
  const bool terminal = !json && isatty(STDOUT_FILENO) != 0;
  Refresh screen(std::cout);
  uint64_t seen = 0;
  const absl::Status status = connection.Drain<WatchFleetResponse>(
      *context, *reader, [&](const WatchFleetResponse& snapshot) {
        if (terminal) {
          screen.Show(SnapshotText(snapshot));
        } else {
          std::cout << (json ? ToJson(snapshot) : SnapshotLine(snapshot)) << std::endl;
        }
        return ++seen == flags.count ? absl::CancelledError("seen enough") : absl::OkStatus();
      });
  // Ctrl-C is how a watch is meant to end.
  return seen > 0 && absl::IsCancelled(status) ? absl::OkStatus() : status;
}

struct DrainFlags {
  std::string worker;
  bool undo = false;
};

absl::Status Drain(const DrainFlags& flags, bool json, const Connection& connection) {
  DrainWorkerRequest request;
  request.set_worker_id(flags.worker);
  request.set_undo(flags.undo);
  DrainWorkerResponse response;
  const absl::Status status = connection.Call(
      &FleetService::Stub::DrainWorker, *connection.NewStub<FleetService>(), request, &response);
  if (!status.ok()) return status;
  if (json) {
    std::cout << ToJson(response) << "\n";
  } else {
    std::cout << flags.worker << (flags.undo ? " takes requests again" : " was told to drain")
              << "; it runs " << response.worker().in_flight() << " requests of this router\n";
  }
  return status;
}

}  // namespace

void AddFleet(CLI::App& app, Choice& choice) {
  CLI::App& fleet = *app.add_subcommand("fleet", "Look after the workers")->require_subcommand(1);

  CLI::App& list = *fleet.add_subcommand("list", "List the workers");
  SetClientAction(
      list, choice,
      [&choice](const Connection& connection) { return List(choice.json, connection); },
      std::chrono::seconds(30));

  CLI::App& watch = *fleet.add_subcommand("watch", "Show the workers and queues as they change");
  const auto watching = std::make_shared<WatchFlags>();
  AddDurationFlag(watch, "--interval", watching->interval, "Shortest time between two pictures");
  watch.add_option("--count", watching->count, "End after so many; default: Ctrl-C ends it");
  SetClientAction(
      watch, choice,
      [watching, &choice](const Connection& connection) {
        return Watch(*watching, choice.json, connection);
      },
      std::chrono::hours(24));

  CLI::App& top = *fleet.add_subcommand(
      "top", "Show the fleet on the whole terminal, and drain workers from there");
  const auto shown = std::make_shared<TopOptions>();
  AddDurationFlag(top, "--interval", shown->interval, "Shortest time between two pictures");
  SetClientAction(
      top, choice,
      [shown, &choice](const Connection& connection) {
        shown->json = choice.json;
        return ShowTop(*shown, connection);
      },
      std::chrono::hours(24));

  CLI::App& drain = *fleet.add_subcommand("drain", "Let a worker finish and take no more");
  const auto draining = std::make_shared<DrainFlags>();
  drain.add_option("worker", draining->worker, "Its id")->required();
  drain.add_flag("--undo", draining->undo, "It is to take requests again");
  SetClientAction(
      drain, choice,
      [draining, &choice](const Connection& connection) {
        return Drain(*draining, choice.json, connection);
      },
      std::chrono::seconds(30));
}

}  // namespace chasqui::cli
