{
  "target_defaults": {
    "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")", "common"],
    "defines": ["NAPI_VERSION=9", "NODE_ADDON_API_CPP_EXCEPTIONS"],
    "cflags!": ["-fno-exceptions"],
    "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
    "cflags_cc": ["-std=c++20", "-O3", "-fexceptions", "-Wall", "-Wextra", "-Werror", "-Wno-cast-function-type"],
    "xcode_settings": {
      "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
      "CLANG_CXX_LANGUAGE_STANDARD": "c++20",
      "MACOSX_DEPLOYMENT_TARGET": "12.0"
    },
    "msvs_settings": { "VCCLCompilerTool": { "ExceptionHandling": 1, "AdditionalOptions": ["/std:c++20", "/O2"] } },
    "conditions": [["OS=='linux'", { "libraries": ["-ldl", "-lpthread"] }]]
  },
  "targets": [
    {
      "target_name": "snug_math",
      "sources": [
        "math/addon.cc",
        "math/factorizations.cc",
        "math/fallback_eigen.cc",
        "math/fallback_gemm.cc",
        "math/ggml_library.cc",
        "math/kernels.cc",
        "math/lapack_library.cc",
        "math/linear_algebra_calls.cc",
        "math/products.cc",
        "math/reflectors.cc",
        "math/symmetric_eigen.cc",
        "common/dynamic_library.cc"
      ]
    },
    {
      "target_name": "snug_llama",
      "sources": [
        "llama/addon.cc",
        "llama/api.cc",
        "llama/chat_template.cc",
        "llama/compare.cc",
        "llama/describe.cc",
        "llama/generate.cc",
        "llama/header_model.cc",
        "llama/input_squares.cc",
        "llama/layout_proof.cc",
        "llama/log.cc",
        "llama/log_probs.cc",
        "llama/memory.cc",
        "llama/memory_breakdown.cc",
        "llama/open.cc",
        "llama/quantize.cc",
        "llama/score_continuations.cc",
        "llama/session.cc",
        "llama/softmax.cc",
        "llama/statistics.cc",
        "llama/task.cc",
        "llama/tokenize.cc",
        "llama/vocabulary.cc",
        "common/dynamic_library.cc"
      ]
    }
  ]
}
