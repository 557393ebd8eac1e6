// ggml_quantize_chunk by itself, as fast as a program can call it: the yardstick of quantize.ts.
// direct-kernel LIBRARY VALUES TYPE ROWS COLUMNS THREADS: quantises float32 VALUES [rows, columns] and prints seconds
// and CPU seconds.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>
#include <vector>

#include "dynamic_library.h"

using Quantize = size_t (*)(int type, const float* source, void* output, int64_t start, int64_t rows, int64_t columns,
                            const float* importance);

int main(int argc, char** argv) {
  if (argc != 7) return 2;
  const snug::DynamicLibrary library(argv[1]);
  const auto quantize = library.require<Quantize>("ggml_quantize_chunk");
  const auto initialise = library.require<void (*)(int)>("ggml_quantize_init");
  const int type = std::atoi(argv[3]);
  const int64_t rows = std::atoll(argv[4]);
  const int64_t columns = std::atoll(argv[5]);
  const int threads = std::atoi(argv[6]);

  std::vector<float> values(static_cast<size_t>(rows * columns));
  FILE* file = std::fopen(argv[2], "rb");
  if (file == nullptr || std::fread(values.data(), sizeof(float), values.size(), file) != values.size()) return 3;
  std::fclose(file);
  std::vector<uint8_t> output(values.size() * sizeof(float));  // room for any type
  initialise(type);

  const auto start = std::chrono::steady_clock::now();
  const std::clock_t startCpu = std::clock();
  const int64_t share = (rows + threads - 1) / threads;
  std::vector<std::thread> workers;
  for (int64_t first = 0; first < rows; first += share) {
    workers.emplace_back([&, first] {
      quantize(type, values.data() + first * columns, output.data() + first * columns * 4, 0,
               std::min(share, rows - first), columns, nullptr);
    });
  }
  for (std::thread& worker : workers) worker.join();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  std::printf("%.6f %.6f\n", seconds.count(), static_cast<double>(std::clock() - startCpu) / CLOCKS_PER_SEC);
  return 0;
}
