// A question in the turns that a model was trained on, by llama.cpp's own list of templates (it reads no Jinja).
#include <cstring>
#include <optional>
#include <vector>

#include "api.h"
#include "duties.h"
#include "task.h"

namespace snug::llama {
namespace {

class ChatTemplateTask final : public Task {
 public:
  ChatTemplateTask(const Napi::Env& env, const Napi::Object& options, const Napi::Object& control)
      : Task(env, control), template_(stringOf(options, "template")), question_(stringOf(options, "question")) {}

 private:
  void run() override {
    const abi::ChatMessage message{"user", question_.c_str()};
    std::vector<char> text(question_.size() * 2 + 1024);
    const auto attempt = [&] {
      return api().llama_chat_apply_template(template_.c_str(), &message, 1, true, text.data(),
                                             static_cast<int32_t>(text.size()));
    };
    int32_t length = attempt();
    if (length > static_cast<int32_t>(text.size())) {
      text.resize(static_cast<size_t>(length));
      length = attempt();
    }
    if (length >= 0) prompt_ = std::string(text.data(), static_cast<size_t>(length));
  }

  Napi::Value result(const Napi::Env& env) override {
    return prompt_ ? Napi::String::New(env, *prompt_) : Napi::Value(env.Null());
  }

  std::string template_;
  std::string question_;
  std::optional<std::string> prompt_;
};

}  // namespace

Napi::Value chatTemplate(const Napi::CallbackInfo& info) { return startTask<ChatTemplateTask>(info); }

}  // namespace snug::llama
