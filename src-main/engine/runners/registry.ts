// Every runner, in the order in which people are told of them.
import type { RunnerName } from '../../contract/runners.ts';
import { jan } from './jan.ts';
import { koboldCpp } from './koboldcpp.ts';
import { llamaServer } from './llama-server.ts';
import { lmStudio } from './lm-studio.ts';
import { ollama } from './ollama.ts';
import type { Runner } from './runner.ts';
import { textGenerationWebui } from './text-generation-webui.ts';

export const runners: Readonly<Record<RunnerName, Runner>> = {
  ollama,
  'lm-studio': lmStudio,
  jan,
  koboldcpp: koboldCpp,
  'text-generation-webui': textGenerationWebui,
  'llama-server': llamaServer,
};
