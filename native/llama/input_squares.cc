#include "input_squares.h"

#include <algorithm>
#include <stdexcept>

namespace snug::llama {
namespace {

constexpr int32_t kF32 = 0;

// A view stands for its weight; with offload the scheduler's copies are called `CUDA0#NAME#0`.
std::string weightName(const abi::Tensor* weight) {
  const abi::Tensor* owner = weight->view_src != nullptr ? weight->view_src : weight;
  std::string name = owner->name;
  const size_t first = name.find('#');
  if (first == std::string::npos) return name;
  const size_t last = name.rfind('#');
  return last > first ? name.substr(first + 1, last - first - 1) : name.substr(first + 1);
}

bool isWeight(const abi::Tensor* tensor) {
  constexpr std::string_view kSuffix = ".weight";
  const std::string name = weightName(tensor);
  return name.size() > kSuffix.size() && name.compare(name.size() - kSuffix.size(), kSuffix.size(), kSuffix) == 0;
}

const abi::Buffer* bufferOf(const abi::Tensor* tensor) {
  return tensor->view_src != nullptr ? tensor->view_src->buffer : tensor->buffer;
}

}  // namespace

bool InputSquaresCollector::onNode(abi::Tensor* node, bool ask, void* collector) {
  auto* self = static_cast<InputSquaresCollector*>(collector);
  if (ask) return self->wants(node);
  try {
    self->take(node);
    return true;
  } catch (const std::exception& error) {
    self->error_ = std::string(node->src[0]->name) + ": " + error.what();
    return false;  // llama.cpp stops the graph
  }
}

void InputSquaresCollector::beginGraph() { reduced_.input = nullptr; }

bool InputSquaresCollector::wants(const abi::Tensor* node) const {
  if (node->op != api().op_mul_mat && node->op != api().op_mul_mat_id) return false;
  return node->src[1]->type == kF32 && isWeight(node->src[0]);
}

void InputSquaresCollector::take(const abi::Tensor* node) {
  const abi::Tensor* weight = node->src[0];
  const abi::Tensor* input = node->src[1];
  const abi::Tensor* ids = node->op == api().op_mul_mat_id ? node->src[2] : nullptr;
  if (input->nb[0] != sizeof(float)) throw std::runtime_error("the input's columns are not contiguous");
  if (reduced_.input != input || reduced_.ids != ids || reduced_.slices != weight->ne[2]) {
    if (ids == nullptr)
      reduceProduct(weight, input);
    else
      reduceExpertProduct(weight, input, ids);
  }
  InputSquares& entry = entryFor(weightName(weight), input->ne[0], reduced_.slices);
  for (size_t i = 0; i < entry.sums.size(); ++i) entry.sums[i] += reduced_.sums[i];
  for (size_t i = 0; i < entry.counts.size(); ++i) entry.counts[i] += reduced_.counts[i];
}

// weight [columns, out, slices], input [columns, rows, n, m]: each slice serves ne2(input) / ne2(weight) of the n.
void InputSquaresCollector::reduceProduct(const abi::Tensor* weight, const abi::Tensor* input) {
  startReduced(input, nullptr, input->ne[0], weight->ne[2]);
  const char* bytes = hostBytes(input, inputCopy_);
  const int64_t perSlice = input->ne[2] / weight->ne[2];
  for (int64_t i3 = 0; i3 < input->ne[3]; ++i3) {
    for (int64_t i2 = 0; i2 < input->ne[2]; ++i2) {
      const char* plane = bytes + static_cast<size_t>(i3) * input->nb[3] + static_cast<size_t>(i2) * input->nb[2];
      for (int64_t i1 = 0; i1 < input->ne[1]; ++i1) {
        addRow(plane + static_cast<size_t>(i1) * input->nb[1], i2 / perSlice, input->ne[0]);
      }
    }
  }
}

// weight [columns, out, experts], input [columns, 1 or used, tokens], ids [used, tokens] int32, strided.
void InputSquaresCollector::reduceExpertProduct(const abi::Tensor* weight, const abi::Tensor* input,
                                                const abi::Tensor* ids) {
  startReduced(input, ids, input->ne[0], weight->ne[2]);
  const char* bytes = hostBytes(input, inputCopy_);
  const char* idBytes = hostBytes(ids, idsCopy_);
  for (int64_t token = 0; token < ids->ne[1]; ++token) {
    for (int64_t slot = 0; slot < ids->ne[0]; ++slot) {
      const size_t idOffset = static_cast<size_t>(token) * ids->nb[1] + static_cast<size_t>(slot) * ids->nb[0];
      const int32_t expert = *reinterpret_cast<const int32_t*>(idBytes + idOffset);
      if (expert < 0 || expert >= weight->ne[2]) throw std::runtime_error("an expert's number is out of range");
      const auto row = static_cast<size_t>(slot % input->ne[1]);
      addRow(bytes + static_cast<size_t>(token) * input->nb[2] + row * input->nb[1], expert, input->ne[0]);
    }
  }
}

void InputSquaresCollector::startReduced(const abi::Tensor* input, const abi::Tensor* ids, int64_t columns,
                                         int64_t slices) {
  reduced_.input = input;
  reduced_.ids = ids;
  reduced_.slices = slices;
  reduced_.sums.assign(static_cast<size_t>(columns * slices), 0.0);
  reduced_.counts.assign(static_cast<size_t>(slices), 0);
}

void InputSquaresCollector::addRow(const char* row, int64_t slice, int64_t columns) {
  const auto* values = reinterpret_cast<const float*>(row);
  double* sums = reduced_.sums.data() + slice * columns;
  for (int64_t column = 0; column < columns; ++column) {
    const double value = values[column];
    sums[column] += value * value;
  }
  reduced_.counts[static_cast<size_t>(slice)] += 1;
}

InputSquares& InputSquaresCollector::entryFor(const std::string& name, int64_t columns, int64_t slices) {
  const auto [found, isNew] = index_.try_emplace(name, entries_.size());
  if (isNew) {
    entries_.push_back({name, columns, slices, std::vector<double>(static_cast<size_t>(columns * slices)),
                        std::vector<int64_t>(static_cast<size_t>(slices))});
  }
  InputSquares& entry = entries_[found->second];
  if (entry.columns != columns || entry.slices != slices) throw std::runtime_error("the weight is used in two shapes");
  return entry;
}

const char* InputSquaresCollector::hostBytes(const abi::Tensor* tensor, std::vector<char>& copy) const {
  if (api().ggml_backend_buffer_is_host(const_cast<abi::Buffer*>(bufferOf(tensor)))) {
    return static_cast<const char*>(tensor->data);
  }
  copy.resize(api().ggml_nbytes(tensor));
  api().ggml_backend_tensor_get(tensor, copy.data(), 0, copy.size());
  return copy.data();
}

}  // namespace snug::llama
