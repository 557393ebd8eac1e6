// The duties of the llama host, by the name of their method.
import type { HandlersOf } from '../contract/define-api.ts';
import type { LlamaHostApi } from '../contract/llama-host-api.ts';
import { chatTemplate } from './duties/chat-template.ts';
import { compare } from './duties/compare.ts';
import { describe } from './duties/describe.ts';
import { generate } from './duties/generate.ts';
import { identify } from './duties/identify.ts';
import { logProbs } from './duties/log-probs.ts';
import { memory } from './duties/memory.ts';
import { mixTypes } from './duties/mix-types.ts';
import { scoreContinuations } from './duties/score-continuations.ts';
import { statistics } from './duties/statistics.ts';
import { tokenize } from './duties/tokenize.ts';
import { vocabulary } from './duties/vocabulary.ts';

export function createHandlers(): HandlersOf<LlamaHostApi> {
  return {
    identify,
    describe,
    tokenize,
    vocabulary,
    logProbs,
    compare,
    scoreContinuations,
    statistics,
    memory,
    mixTypes,
    generate,
    chatTemplate,
  };
}
