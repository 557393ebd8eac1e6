// How a plan's file is run, and the llama-server command line that says so.
import type { KvType } from '../../contract/llama-host-api.ts';
import type { Plan } from '../../contract/plan.ts';

const allLayers = 999;

/** Context and cache type of a run. */
export interface RunSettings {
  context: number;
  kvType: KvType;
}

/** What was asked for, but for what the plan's steps change. */
export function runOf(plan: Plan, { context, kvType }: RunSettings): RunSettings {
  const run = { context, kvType };
  for (const step of plan.steps) {
    if (step.method === 'context') run.context = step.tokens;
    if (step.method === 'kv-cache') run.kvType = step.type;
  }
  return run;
}

/** The plan's file, run by llama-server: a word each. */
export function serverArguments(plan: Plan, asked: RunSettings, file: string): string[] {
  const { context, kvType } = runOf(plan, asked);
  let layers = `--n-gpu-layers ${allLayers}`;
  let experts = '';
  for (const step of plan.steps) {
    if (step.method === 'cpu-layers') layers = step.flag;
    if (step.method === 'cpu-experts') experts = ` ${step.flag}`;
  }
  const cache = kvType === 'f16' ? '' : ` --flash-attn on --cache-type-k ${kvType} --cache-type-v ${kvType}`;
  return ['llama-server', '--model', file, ...`--ctx-size ${context} ${layers}${experts}${cache}`.split(' ')];
}

export function serverCommand(plan: Plan, asked: RunSettings, file: string): string {
  const [program, option, , ...rest] = serverArguments(plan, asked, file);
  return [program, option, `"${file}"`, ...rest].join(' ');
}
