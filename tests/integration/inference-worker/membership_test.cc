// SPDX-License-Identifier: Apache-2.0
#include "services/inference-worker/membership/membership.h"

#include <memory>
#include <string>
#include <string_view>

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "chasqui/fleet/v1/registration_service.grpc.pb.h"
#include "common/rpc/channel.h"
#include "common/rpc/loop.h"
#include "tests/support/run_on.h"

namespace chasqui::worker {
namespace {

using fleet::v1::JoinRequest;
using fleet::v1::JoinResponse;

// A worker whose models the test sets. Confined to the loop.
class FakeFacts : public WorkerFacts {
 public:
  fleet::v1::WorkerHello Hello() const override {
    fleet::v1::WorkerHello hello;
    hello.set_worker_id("w");
    *hello.mutable_models() = Models();
    return hello;
  }
  fleet::v1::WorkerModels Models() const override { return models; }
  fleet::v1::LoadReport Load(std::string_view) const override { return {}; }
  concurrency::Task<absl::Status> Execute(fleet::v1::Command) override {
    co_return absl::OkStatus();
  }

  fleet::v1::WorkerModels models;
};

// A router that does something of the test's before it welcomes a worker, and keeps the models it
// is told of until there is one.
class FakeRouter : public fleet::v1::RegistrationService::Service {
 public:
  explicit FakeRouter(absl::AnyInvocable<void()> before_welcome)
      : before_welcome_(std::move(before_welcome)) {
    server_ = grpc::ServerBuilder()
                  .AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_)
                  .RegisterService(this)
                  .BuildAndStart();
  }
  ~FakeRouter() override { server_->Shutdown(); }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }
  bool WaitForModel() { return told_.WaitForNotificationWithTimeout(absl::Seconds(20)); }

  grpc::Status Join(grpc::ServerContext*,
                    grpc::ServerReaderWriter<JoinResponse, JoinRequest>* stream) override {
    JoinRequest request;
    stream->Read(&request);
    before_welcome_();
    JoinResponse response;
    response.mutable_welcome()->set_router_id("r");
    stream->Write(response);
    while (stream->Read(&request)) {
      if (request.models().models_size() > 0 && !told_.HasBeenNotified()) told_.Notify();
    }
    return grpc::Status::OK;
  }

 private:
  absl::AnyInvocable<void()> before_welcome_;
  absl::Notification told_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// A model that became ready while the worker was being welcomed was never told of: the router had a
// ready worker without models, which got no request until another model came.
TEST(Membership, TellsOfAModelThatCameBeforeTheWelcome) {
  FakeFacts facts;
  rpc::Loop loop("test", 0);
  std::unique_ptr<Membership> membership;
  FakeRouter router([&] {
    testing::RunOn(loop, [&]() -> rpc::Task<void> {
      facts.models.add_models()->set_name("m");
      membership->ModelsChanged();
      co_return;
    });
  });
  const auto channel = rpc::Channel::Create(router.address(), {});
  ASSERT_TRUE(channel.ok()) << channel.status();
  membership = std::make_unique<Membership>(loop, *channel, /*api_key=*/"", facts);

  ASSERT_TRUE(loop.Spawn(membership->Run()));

  EXPECT_TRUE(router.WaitForModel());
  loop.Stop();
}

}  // namespace
}  // namespace chasqui::worker
