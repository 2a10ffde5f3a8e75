// SPDX-License-Identifier: Apache-2.0
#include "common/service/rpc_metrics.h"

#include <chrono>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace chasqui::service {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(RpcMetrics, CountsUnderTheNamesDashboardsKnow) {
  observability::Metrics metrics("router");
  RpcMetrics rpc_metrics(metrics);
  rpc::MethodObserver* method =
      rpc_metrics.ForMethod("a.Service", "Stream", rpc::MethodKind::kServerStream);

  method->OnStarted();
  method->OnMessageReceived();
  method->OnMessageSent();
  method->OnMessageSent();
  method->OnHandled(absl::StatusCode::kUnavailable, 30ms);

  const std::string labels =
      R"(grpc_method="Stream",grpc_service="a.Service",grpc_type="server_stream")";
  const std::string handled = "grpc_server_handled_total{grpc_code=";
  EXPECT_THAT(
      metrics.Text(),
      AllOf(HasSubstr("grpc_server_started_total{" + labels + "} 1\n"),
            HasSubstr("grpc_server_msg_received_total{" + labels + "} 1\n"),
            HasSubstr("grpc_server_msg_sent_total{" + labels + "} 2\n"),
            HasSubstr(handled + "\"Unavailable\"," + labels + "} 1\n"),
            HasSubstr(handled + "\"OK\"," + labels + "} 0\n"),
            HasSubstr("grpc_server_handling_seconds_bucket{" + labels + ",le=\"0.025\"} 0\n"),
            HasSubstr("grpc_server_handling_seconds_bucket{" + labels + ",le=\"0.05\"} 1\n")));
}

TEST(RpcMetrics, CountsACodeItDoesNotKnowAsUnknown) {
  observability::Metrics metrics("router");
  RpcMetrics rpc_metrics(metrics);
  rpc::MethodObserver* method = rpc_metrics.ForMethod("a.Service", "Get", rpc::MethodKind::kUnary);

  method->OnHandled(static_cast<absl::StatusCode>(99), 1ms);

  EXPECT_THAT(metrics.Text(),
              HasSubstr("{grpc_code=\"Unknown\",grpc_method=\"Get\",grpc_service=\"a.Service\","
                        "grpc_type=\"unary\"} 1\n"));
}

}  // namespace
}  // namespace chasqui::service
