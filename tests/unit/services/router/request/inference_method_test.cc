// SPDX-License-Identifier: Apache-2.0
#include "services/router/request/inference_method.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include "absl/status/status_matchers.h"
#include "chasqui/inference/v1/inference_service.pb.h"
#include "common/rpc/message.h"
#include "common/status/status.h"

namespace chasqui::router {
namespace {

using ::absl_testing::StatusIs;

const InferenceMethod& Method(std::string_view name) {
  for (const InferenceMethod& method : InferenceMethods()) {
    if (method.name == name) return method;
  }
  ADD_FAILURE() << "no method " << name;
  return InferenceMethods().front();
}

// Every method of the service is relayed, or known to be answered by the router itself.
TEST(InferenceMethods, AreThoseOfTheService) {
  const auto* file = inference::v1::ResumeStreamRequest::descriptor()->file();
  const auto* service = file->FindServiceByName("InferenceService");
  std::set<std::string> known = {"ListModels", "GetModel", "GetQueuePosition", "ResumeStream"};
  for (const InferenceMethod& method : InferenceMethods()) known.emplace(method.name);

  std::set<std::string> served;
  for (int i = 0; i < service->method_count(); ++i) {
    const auto* method = service->method(i);
    served.insert(method->name());
    if (const auto* model = method->input_type()->FindFieldByName("model");
        model != nullptr && known.contains(method->name())) {
      EXPECT_EQ(Method(method->name()).model_field, model->number()) << method->name();
      EXPECT_EQ(Method(method->name()).kind == rpc::MethodKind::kServerStream,
                method->server_streaming());
    }
  }

  EXPECT_EQ(known, served);
}

TEST(InferenceMethods, ReadTheModelAndTheId) {
  inference::v1::GenerateRequest request;
  request.set_request_id("r-1");
  request.set_model("tiny");
  request.set_prompt("hello");

  const absl::StatusOr<Asked> asked = Method("StreamGenerate").read(rpc::Serialize(request), 0);

  ASSERT_TRUE(asked.ok()) << asked.status();
  EXPECT_EQ(asked->model, "tiny");
  EXPECT_EQ(asked->request_id, "r-1");
}

TEST(InferenceMethods, RefuseWhatIsNoMessage) {
  const grpc::Slice junk("\xff\xff\xff");

  EXPECT_THAT(Method("Tokenize").read(grpc::ByteBuffer(&junk, 1), 0),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(InferenceMethods, ValidateTheMessage) {
  const absl::Status status =
      Method("Embed").read(rpc::Serialize(inference::v1::EmbedRequest()), 0).status();

  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(status::FieldViolations(status).at(0).field, "inputs");
}

}  // namespace
}  // namespace chasqui::router
