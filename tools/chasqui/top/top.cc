// SPDX-License-Identifier: Apache-2.0
#include "tools/chasqui/top/top.h"

#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <ftxui/component/component.hpp>
#include <ftxui/component/event.hpp>
#include <ftxui/component/loop.hpp>
#include <ftxui/component/screen_interactive.hpp>
#include <google/protobuf/util/time_util.h>
#include <unistd.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "chasqui/fleet/v1/fleet_service.grpc.pb.h"
#include "common/concurrency/named_thread.h"
#include "tools/chasqui/client/rpc_error.h"
#include "tools/chasqui/output/json.h"
#include "tools/chasqui/top/top_screen.h"

namespace chasqui::cli {
namespace {

using chasqui::fleet::v1::DrainWorkerRequest;
using chasqui::fleet::v1::DrainWorkerResponse;
using chasqui::fleet::v1::FleetService;
using chasqui::fleet::v1::WatchFleetRequest;
using chasqui::fleet::v1::WatchFleetResponse;

WatchFleetRequest RequestOf(const TopOptions& options) {
  WatchFleetRequest request;
  *request.mutable_min_interval() = google::protobuf::util::TimeUtil::NanosecondsToDuration(
      std::chrono::nanoseconds(options.interval).count());
  return request;
}

absl::Status PrintOnce(const TopOptions& options, const Connection& connection) {
  const auto context = connection.NewContext();
  const auto stub = connection.NewStub<FleetService>();
  const auto reader = stub->WatchFleet(context.get(), RequestOf(options));
  bool seen = false;
  const absl::Status status = connection.Drain<WatchFleetResponse>(
      *context, *reader, [&](const WatchFleetResponse& snapshot) {
        std::cout << (options.json ? ToJson(snapshot) + "\n"
                                   : TopText(ViewOf(snapshot, {}, SortBy::kWorker)))
                  << std::flush;
        seen = true;
        return absl::CancelledError("seen enough");
      });
  return seen ? absl::OkStatus() : status;
}

TopKey KeyOf(const ftxui::Event& event) {
  if (event == ftxui::Event::ArrowUp || event == ftxui::Event::Character('k')) return TopKey::kUp;
  if (event == ftxui::Event::ArrowDown || event == ftxui::Event::Character('j')) {
    return TopKey::kDown;
  }
  if (event == ftxui::Event::Character('s')) return TopKey::kSort;
  if (event == ftxui::Event::Character('d')) return TopKey::kDrain;
  if (event == ftxui::Event::Character('y')) return TopKey::kYes;
  if (event == ftxui::Event::Character('q')) return TopKey::kQuit;
  return TopKey::kOther;
}

// How long the screen waits for news before it looks for keys again.
constexpr absl::Duration kTurn = absl::Milliseconds(30);

// What other threads have for the screen. Thread-safe.
class News {
 public:
  struct Item {
    std::optional<WatchFleetResponse> snapshot;  // the latest
    std::optional<std::string> message;
    std::optional<absl::Status> ended;  // the stream, or the wish of who pressed Ctrl-C
  };

  void Tell(const std::function<void(Item&)>& change) {
    const absl::MutexLock lock(mutex_);
    change(item_);
    any_ = true;
  }
  // What there is, or nothing after a while.
  std::optional<Item> Wait() {
    const absl::MutexLock lock(mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&any_), kTurn);
    if (!std::exchange(any_, false)) return std::nullopt;
    return std::exchange(item_, Item());
  }

 private:
  absl::Mutex mutex_;
  Item item_ ABSL_GUARDED_BY(mutex_);
  bool any_ ABSL_GUARDED_BY(mutex_) = false;
};

// The screen, and the calls whose news it shows. Confined to the main thread but for the bodies of
// its threads, which only tell News.
class Top {
 public:
  Top(const TopOptions& options, const Connection& connection)
      : connection_(connection),
        context_(connection.NewContext()),
        stub_(connection.NewStub<FleetService>()),
        reader_(stub_->WatchFleet(context_.get(), RequestOf(options))) {}

  absl::Status Run() {
    const Interrupts::Scope scope(connection_.interrupts(), [this](int) {
      news_.Tell([](News::Item& item) { item.ended = absl::OkStatus(); });
    });
    concurrency::NamedThread reading("watch", [this](const std::stop_token&) { Read(); });
    const absl::Status ended = Show();
    context_->TryCancel();
    if (drain_context_ != nullptr) drain_context_->TryCancel();
    return ended;
  }

 private:
  // Until somebody wants to leave or the stream ends.
  absl::Status Show() {
    auto screen = ftxui::ScreenInteractive::Fullscreen();
    screen.TrackMouse(false);
    ftxui::Loop loop(&screen, ftxui::Renderer([this] { return TopElement(view_, state_); }) |
                                  ftxui::CatchEvent([&](const ftxui::Event& event) {
                                    return Take(event, screen);
                                  }));
    absl::Status ended;
    while (!loop.HasQuitted()) {
      loop.RunOnce();
      std::optional<News::Item> news = news_.Wait();
      if (!news.has_value()) continue;
      if (news->snapshot.has_value()) {
        KeepReports(now_, *news->snapshot, former_);
        now_ = *std::move(news->snapshot);
      }
      if (news->message.has_value()) state_.message = *std::move(news->message);
      if (news->ended.has_value()) {
        ended = *std::move(news->ended);
        screen.Exit();
      }
      screen.PostEvent(ftxui::Event::Custom);
    }
    return ended;
  }

  bool Take(const ftxui::Event& event, ftxui::ScreenInteractive& screen) {
    if (event != ftxui::Event::Custom) {
      const TopCommand command = OnKey(KeyOf(event), view_, state_);
      if (command.kind == TopCommand::Kind::kQuit) screen.Exit();
      if (command.kind == TopCommand::Kind::kDrain) Drain(command.worker_id, /*undo=*/false);
      if (command.kind == TopCommand::Kind::kUndoDrain) Drain(command.worker_id, /*undo=*/true);
    }
    view_ = ViewOf(now_, former_, state_.sort);
    return true;
  }

  void Read() {
    WatchFleetResponse snapshot;
    while (reader_->Read(&snapshot)) {
      news_.Tell([&](News::Item& item) { item.snapshot = snapshot; });
    }
    const absl::Status status = rpc::FromGrpc(reader_->Finish());
    news_.Tell([&](News::Item& item) { item.ended = status; });
  }

  // One at a time: a second one waits for the first.
  void Drain(const std::string& worker_id, bool undo) {
    draining_ = {};
    drain_context_ = connection_.NewContext();
    draining_ = concurrency::NamedThread("drain", [this, worker_id, undo](const std::stop_token&) {
      DrainWorkerRequest request;
      request.set_worker_id(worker_id);
      request.set_undo(undo);
      DrainWorkerResponse response;
      const absl::Status status =
          rpc::FromGrpc(stub_->DrainWorker(drain_context_.get(), request, &response));
      const std::string done = undo ? " takes requests again" : " was told to drain";
      news_.Tell([&](News::Item& item) {
        item.message = status.ok() ? worker_id + done : ErrorLine(status);
      });
    });
  }

  const Connection& connection_;
  const std::unique_ptr<grpc::ClientContext> context_;
  const std::unique_ptr<FleetService::Stub> stub_;
  const std::unique_ptr<grpc::ClientReader<WatchFleetResponse>> reader_;
  News news_;
  WatchFleetResponse now_;
  WatchFleetResponse former_;
  FleetView view_;
  TopState state_;
  std::unique_ptr<grpc::ClientContext> drain_context_;
  concurrency::NamedThread draining_;
};

}  // namespace

absl::Status ShowTop(const TopOptions& options, const Connection& connection) {
  const bool terminal = isatty(STDOUT_FILENO) != 0 && isatty(STDIN_FILENO) != 0;
  if (options.json || !terminal) return PrintOnce(options, connection);
  return Top(options, connection).Run();
}

}  // namespace chasqui::cli
